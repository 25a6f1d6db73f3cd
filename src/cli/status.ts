import type { Millis } from '../base/ports.ts'
import type { Check, Status } from '../client/client.ts'
import { alarmsText } from './alarms.ts'
import type { Output } from './output.ts'
import { line, pairs, table } from './text.ts'
import { formatBytes, formatTime, grouped } from './units.ts'

type Repair = Status['node']['repair']

export function statusText(out: Output, status: Status): string {
  const { blobs, bytes, capBytes } = status.store
  const own = pairs(out.style, [
    ['name', status.name ?? 'nobody: this seed only stores for others'],
    ['fingerprint', status.fingerprint === null ? '-' : grouped(status.fingerprint)],
    ['key', status.locked ? 'locked; letters wait until the passphrase is given' : 'open'],
    ['network', status.network],
    ['peer', status.peer],
    ['addresses', status.addresses.length > 0 ? status.addresses : 'none'],
    ['reach', `${status.node.reach.how}: ${status.node.reach.reason}`],
    ...relayingLine(status.node),
    ...doorLine(status.node, out.nowMs),
    ['neighbours', `${status.neighbours} connected, ${status.known} known`],
    [
      'connections',
      `${status.node.connections.open}, ${status.node.connections.max} wanted at most`
    ],
    ['stored', `${blobs} blobs, ${formatBytes(bytes)} of ${formatBytes(capBytes)}`],
    ...nodeLines(status.node),
    ...asksLine(status),
    ...homesLine(status.homes, out.nowMs),
    ['outbox', status.outbox.waiting === 0 ? 'empty' : `${status.outbox.waiting} waiting`],
    ...inboxLine(status.inbox),
    ...requestsLine(status.inbox),
    ...backupLine(status, out.nowMs),
    ...networkBackupLine(status, out.nowMs)
  ])
  return [
    own,
    ...(status.pods.length === 0 ? [] : [podsText(out, status.pods)]),
    ...(status.alarms.length === 0 ? [] : [alarmsText(out, status.alarms)])
  ].join('\n\n')
}

/** Only where it is not as usual. */
function asksLine({ asks }: Status): [string, string][] {
  return asks === 'blindly' ? [['asks', 'other pods blindly, through your own']] : []
}

/** Only where addresses do not all live with one's account, or should not. */
function homesLine({ wanted, made, pods }: Status['homes'], nowMs: number): [string, string[]][] {
  const why = 'with your account at your own pod: no other pod is known'
  const lines = pods.map(({ hostname, addresses, polledMs, problem }) => {
    const asked = polledMs === null ? 'not asked yet' : `asked ${formatTime(polledMs, nowMs)}`
    return `${addresses} at ${hostname}, ${asked}${problem ? `; ${problem.message}` : ''}`
  })
  if (wanted === 'blind' && made === 'account') lines.unshift(why)
  else if (wanted === 'blind' && lines.length === 0) lines.unshift('at other pods; none yet')
  return lines.length > 0 ? [['letters to', lines]] : []
}

function backupLine({ fingerprint, backupMs }: Status, nowMs: number): [string, string][] {
  if (fingerprint === null) return []
  const last = backupMs === null ? 'none yet: `muttr backup FILE`' : formatTime(backupMs, nowMs)
  return [['backup', last]]
}

/** Only where there is one, or shall be. */
function networkBackupLine({ networkBackup }: Status, nowMs: number): [string, string][] {
  const { mode, last, making, problem } = networkBackup
  if (mode === 'off' && !last && !making && !problem) return []
  return [['in network', networkBackupText(networkBackup, nowMs)]]
}

export function networkBackupText(
  { last, making, problem, elsewhere }: Status['networkBackup'],
  nowMs: number
): string {
  const stands = last
    ? `${formatTime(last.madeMs, nowMs)}, ${formatBytes(last.sizeBytes)}, kept until ${formatTime(last.expiryMs, nowMs)}`
    : elsewhere
      ? 'another of your devices makes it'
      : 'none yet'
  return [
    stands,
    ...(making ? [makingText(making)] : []),
    ...(problem ? [problem.message] : [])
  ].join('; ')
}

export function makingText({
  step,
  sizeBytes,
  doneBytes
}: NonNullable<Status['networkBackup']['making']>): string {
  if (step === 'waiting') return 'one is about to be made'
  if (step === 'sealing') return `sealing one: ${formatBytes(doneBytes)}`
  if (step === 'telling') return 'all of one is stored, and its record is being put'
  return `storing one: ${formatBytes(doneBytes)} of ${formatBytes(sizeBytes)}`
}

function nodeLines({
  profile,
  traffic,
  admission,
  repair,
  asked
}: Status['node']): [string, string][] {
  const { inBytes, outBytes, upBytesPerSecond, downBytesPerSecond } = traffic
  const cap = (rate: number | null) => (rate === null ? '' : ` (at most ${formatBytes(rate)}/s)`)
  const down = `${formatBytes(inBytes)} in${cap(downBytesPerSecond)}`
  const up = `${formatBytes(outBytes)} out${cap(upBytesPerSecond)}`
  const refusals = counts(admission.refusals)
  const evicted = admission.evicted === 0 ? '' : `, ${admission.evicted} blobs made room for others`
  return [
    ['profile', profile],
    ['traffic', `${down}, ${up}`],
    [
      'price',
      `${admission.priceFactor} times the floor for a fresh blob that belongs here${evicted}`
    ],
    ['refused', refusals || 'nothing'],
    ['repair', repairText(repair)],
    ['lookups', counts(asked.lookups) || 'none'],
    ['pings', errandText(asked.pings, asked.unanswered, 'unanswered')],
    ['forwarded', errandText(asked.forwards, asked.astray, 'led nowhere')]
  ]
}

const doorLine = ({ door }: Status['node'], nowMs: Millis): [string, string][] => {
  if (!door) return []
  const { mode, port, untilMs, problem } = door
  const until = untilMs === null ? '' : `, certificate until ${formatTime(untilMs, nowMs)}`
  return [['https', `${mode}, port ${port}${until}${problem ? `; ${problem.message}` : ''}`]]
}

const relayingLine = ({ relaying }: Status['node']): [string, string][] =>
  relaying === null
    ? []
    : [['relays', `${relaying.reservations} peers, ${relaying.connections} connections to them`]]

const repairText = ({ sweeps, checked, pushed, pushedBytes, dropped, waiting }: Repair): string =>
  `${pushed} copies given (${formatBytes(pushedBytes)}), ${dropped} left to others, ${waiting} waiting; ${checked} compared in ${sweeps} sweeps`

const counts = (by: Counts): string =>
  Object.entries(by)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')

type Counts = Readonly<Partial<Record<string, number>>>

/** What went out by others, or to see who lives. */
function errandText(by: Counts, failed: Counts, how: string): string {
  const lost = Object.values(failed).reduce<number>((sum, count) => sum + (count ?? 0), 0)
  return `${counts(by) || 'none'}${lost === 0 ? '' : `; ${lost} ${how}`}`
}

/** Only where there is something to say. */
const inboxLine = ({ waiting, relays }: Status['inbox']): [string, string][] =>
  waiting === 0
    ? []
    : [
        [
          'inbox',
          `${waiting} to be fetched${relays.map(({ pod, problem }) => `; not through ${pod}: ${problem.message}`).join('')}`
        ]
      ]

const requestsLine = ({ requests }: Status['inbox']): [string, string][] =>
  requests === null || requests === 0
    ? []
    : [['requests', `${requests} ask to be read; see \`muttr requests\``]]

/** As docs/protocol/finding.md has it. */
const weakly = 'its key came by the plain DNS: compare its fingerprint with its operator'

const podsText = (out: Output, pods: Status['pods']): string =>
  table({
    ...out,
    heads: ['POD', 'STATE', 'TRUST', 'ALIASES', 'PROBLEM'],
    rows: pods.map(pod => [
      pod.hostname,
      pod.identified ? 'identified' : pod.connected ? 'connected' : 'away',
      pod.trust ?? '-',
      pod.aliases.join(', ') || '-',
      [
        pod.problem?.message,
        ...pod.waiting.map(({ problem }) => problem.message),
        pod.escrow ? 'holds what recovers your key, and can read along' : undefined,
        pod.found === 'dns' && !pod.problem ? weakly : undefined
      ]
        .filter(Boolean)
        .join('; ')
    ])
  })

export const checksText = ({ style }: Output, checks: readonly Check[]): string =>
  checks
    .map(({ name, ok, detail, hint }) => {
      const first = `${ok ? style.good('✓') : style.bad('✗')} ${style.bold(line(name))}  ${line(detail)}`
      return ok || hint === null ? first : `${first}\n  ${line(hint)}`
    })
    .join('\n')
