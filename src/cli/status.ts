import type { Check, Status } from '../client/client.ts'
import type { Output } from './output.ts'
import { line, pairs, table } from './text.ts'
import { formatBytes, grouped } from './units.ts'

export function statusText(out: Output, status: Status): string {
  const { blobs, bytes, capBytes } = status.store
  const own = pairs(out.style, [
    ['name', status.name ?? 'nobody: this seed only stores for others'],
    ['fingerprint', status.fingerprint === null ? '-' : grouped(status.fingerprint)],
    ['key', status.locked ? 'locked; letters wait until the passphrase is given' : 'open'],
    ['network', status.network],
    ['peer', status.peer],
    ['addresses', status.addresses.length > 0 ? status.addresses : 'none'],
    ['neighbours', `${status.neighbours} connected, ${status.known} known`],
    ['stored', `${blobs} blobs, ${formatBytes(bytes)} of ${formatBytes(capBytes)}`],
    ['outbox', status.outbox.waiting === 0 ? 'empty' : `${status.outbox.waiting} waiting`]
  ])
  return status.pods.length === 0 ? own : `${own}\n\n${podsText(out, status.pods)}`
}

const podsText = (out: Output, pods: Status['pods']): string =>
  table({
    ...out,
    heads: ['POD', 'STATE', 'ALIASES', 'PROBLEM'],
    rows: pods.map(pod => [
      pod.hostname,
      pod.identified ? 'identified' : pod.connected ? 'connected' : 'away',
      pod.aliases.join(', ') || '-',
      pod.problem?.message ?? ''
    ])
  })

export const checksText = ({ style }: Output, checks: readonly Check[]): string =>
  checks
    .map(({ name, ok, detail, hint }) => {
      const first = `${ok ? style.good('✓') : style.bad('✗')} ${style.bold(line(name))}  ${line(detail)}`
      return ok || hint === null ? first : `${first}\n  ${line(hint)}`
    })
    .join('\n')
