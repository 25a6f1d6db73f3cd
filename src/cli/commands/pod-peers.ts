import type { Command } from 'commander'
import type { PeerState, PeersView } from '../../pod/federation/federation.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { pairs, table } from '../text.ts'
import { formatDuration, formatTime, grouped } from '../units.ts'

export function addPodPeers(pod: Command, action: Action): void {
  const peers = example(
    pod
      .command('peers')
      .description(
        'other pods: how they stand, what waits for them, and what friends say of themselves'
      )
      .action(action(list)),
    'muttr pod peers --home /srv/pod'
  )
  example(
    peers
      .command('allow')
      .description('have to do with a pod, and be its friend; takes a block back')
      .argument('<hostname>', 'of the pod')
      .option('--fingerprint <hex>', 'its key from now on: ask its operator, by another way')
      .action(action(allow)),
    'muttr pod peers allow two.example --home /srv/pod'
  )
  example(
    peers
      .command('block')
      .description('take nothing from a pod any more, and pass nothing on to it')
      .argument('<hostname>', 'of the pod')
      .action(action(block)),
    'muttr pod peers block two.example --home /srv/pod'
  )
}

async function list({ out, withPod }: Session): Promise<void> {
  await withPod(async pod => {
    const view = await pod.peers()
    await out.result(view, out => peersText(out, view))
  })
}

const policies: Record<PeersView['policy'], string> = {
  open: 'open: notices of any pod that is not blocked, and of any seed',
  list: 'list: notices of allowed pods alone',
  closed: 'closed: no notices but those of its own people'
}

function peersText(out: Output, { policy, peers }: PeersView): string {
  const head = pairs(out.style, [['policy', policies[policy]]])
  if (peers.length === 0) return `${head}\nNo other pod was met yet.`
  const rows = table({
    ...out,
    heads: [
      'POD',
      'STANDING',
      'IS',
      'VERSION',
      'LOAD',
      'DOES',
      'WAIT',
      'SEEN',
      'PROBLEM',
      'AGAIN IN'
    ],
    rows: peers.map(peer => rowOf(peer, out.nowMs))
  })
  const changed = peers.filter(({ code }) => code === 'POD_CHANGED')
  const asks = changed.map(
    ({ hostname, pin }) =>
      `${hostname} shows another key than ${grouped(pin ?? '')}. Ask its operator by another way; then \`muttr pod peers allow ${hostname} --fingerprint HEX\`.`
  )
  return [head, rows, ...asks].join('\n')
}

/** As friends say it of themselves. */
const loads = ['idle', 'busy', 'nearly full', 'full']

const rowOf = (peer: PeerState, nowMs: number): string[] => {
  const { hostname, standing, friend, queued, seenMs, code, retryMs } = peer
  const again = code !== null && queued > 0 && retryMs > nowMs
  return [
    hostname,
    standing === 'none' ? '' : standing,
    friend?.presence ?? '',
    friend?.version ?? '',
    friend ? loads[friend.load]! : '',
    friend?.capabilities.join(' ') ?? '',
    String(queued),
    seenMs === 0 ? 'never' : formatTime(seenMs, nowMs),
    code ?? '',
    again ? formatDuration(retryMs - nowMs) : ''
  ]
}

async function allow(
  { out, withPod }: Session,
  { fingerprint }: { fingerprint?: string },
  hostname: string
): Promise<void> {
  const key = fingerprint?.toLowerCase().replaceAll(/\s/g, '')
  await withPod(async (pod, by) => {
    const peer = await pod.allowPeer(hostname, {
      by,
      ...(key !== undefined && { fingerprint: key })
    })
    await out.result(peer, () => `Allowed: ${peer.hostname}. ${peer.queued} notices wait for it.`)
  })
}

async function block({ out, withPod }: Session, _: object, hostname: string): Promise<void> {
  await withPod(async (pod, by) => {
    const peer = await pod.blockPeer(hostname, { by })
    await out.result(
      peer,
      () => `Blocked: ${peer.hostname}. What waited for it is given back to its senders.`
    )
  })
}
