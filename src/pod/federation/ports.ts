import { toHex } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type {
  Clock,
  Datagrams,
  Log,
  Millis,
  PeerId,
  PortOutcome,
  PortTrier,
  Random
} from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import type { TriedPorts, TryPorts } from '../../wire/ports.ts'
import { portProbe, triedPorts, tryPorts } from '../../wire/ports.ts'
import { decodeWellKnown, wellKnownBytesMax, wellKnownPath } from '../../wire/well-known.ts'
import { isHostname } from '../alias.ts'
import type { NoticeDatagrams } from '../datagrams.ts'
import { createRates } from '../rates.ts'
import type { FriendState } from './gossip.ts'
import type { Lines } from './lines.ts'
import type { PeerPods } from './peers.ts'

/** What a pod wants seen from outside. */
export interface OwnPorts {
  /** libp2p's, as the DNS names it. */
  readonly tcp: number | null
  readonly https: boolean
  readonly udp: number | null
}

/** How another pod saw one's ports; null for what is not open anyway. */
export interface PortsSeen {
  readonly pod: string
  /** The IP address at which it tried them. */
  readonly at: string
  readonly tcp: PortOutcome | null
  readonly https: PortOutcome | null
  /** Of the certificate of the pod that answered there. Hex. */
  readonly shown: string | null
  /** `timeout` where no datagram arrived. */
  readonly udp: 'open' | 'timeout' | null
}

/** What was asked of others, and what came of it. */
export interface PortsView {
  readonly wanted: OwnPorts
  readonly seen: readonly PortsSeen[]
  /** Those who were asked and said nothing of it. */
  readonly silent: readonly { readonly pod: string; readonly code: string }[]
}

/** Ports as pods see them for each other. Source: docs/protocol/federation.md#ports-seen-from-outside */
export interface PodPorts {
  /** @throws {MuttrError} `PEER_REFUSED`, `LIMIT_EXCEEDED`, `FEDERATION_REFUSED` */
  answer(
    asked: TryPorts,
    by: { peer: PeerId; hostname: string | undefined; network: string | undefined },
    o: { nowMs: Millis; signal: AbortSignal }
  ): Promise<TriedPorts>
  /** Has others look, friends first. */
  look(signal: AbortSignal): Promise<PortsView>
}

/** What the node around a pod has to do with it. */
export interface PortsParts {
  trier: PortTrier
  /** What this pod wants seen; asked each time, since ports change. */
  own(): OwnPorts
  /** Pods that a file names, and that may help before they were met. */
  named: readonly string[]
}

interface Parts extends PortsParts {
  clock: Clock
  random: Random
  log: Log
  crypto: Pick<Crypto, 'offersIn' | 'readCertificate'>
  hostname: string
  peers: Pick<PeerPods, 'list' | 'friends' | 'papers' | 'check'>
  lines: Pick<Lines, 'take'>
  friend(hostname: string): FriendState | undefined
  sender: Datagrams | undefined
  /** Where this pod's own datagrams arrive. */
  arriving(): Pick<NoticeDatagrams, 'expect'> | undefined
}

/** The name under which a pod announces that it looks for others. */
export const portsOffer = 'ports'

const ofNetwork = { burst: 4, everyMs: 60_000 }
const inAll = { burst: 30, everyMs: 10_000 }
const runningMax = 4
const httpsMs: Millis = 6_000
/** TCP, then HTTPS, with the way there and back. */
const askMs: Millis = 20_000
const arrivalMs: Millis = 2_000
/** Datagrams get lost. */
const probes = 3
const helpersWanted = 2
const askedMax = 6

export function createPorts(parts: Parts): PodPorts {
  const { trier, clock, random, log, crypto, hostname, peers, lines, sender } = parts
  const perNetwork = createRates('tries of ports of one network', ofNetwork)
  const all = createRates('tries of ports of all pods', inAll)
  let running = 0

  const page = async (
    name: string,
    at: string | undefined,
    life: AbortSignal
  ): Promise<TriedPorts['https']> => {
    const over = new AbortController()
    using _patience = clock.after(httpsMs, () => over.abort())
    const signal = AbortSignal.any([life, over.signal])
    try {
      const options = { maxBytes: wellKnownBytesMax, at, signal }
      const { outcome, bytes } = await trier.https(`https://${name}${wellKnownPath}`, options)
      if (outcome !== 'open') return { outcome, shown: null }
      if (!bytes) return { outcome: 'other', shown: null }
      const { certificate } = decodeWellKnown(bytes).hello
      const { fingerprint } = await crypto.readCertificate(certificate)
      return { outcome, shown: new Uint8Array(Buffer.from(fingerprint, 'hex')) }
    } catch (err) {
      if (life.aborted) throw err
      return { outcome: over.signal.aborted ? 'timeout' : 'other', shown: null }
    }
  }

  async function answer(
    { tcp, https, udp }: TryPorts,
    by: Parameters<PodPorts['answer']>[1],
    { nowMs, signal }: { nowMs: Millis; signal: AbortSignal }
  ): Promise<TriedPorts> {
    peers.check(by.hostname)
    const at = trier.hostOf(by.peer)
    if (at === undefined)
      throw new MuttrError('PEER_REFUSED', 'it cannot be seen from here where you are')
    if (https !== null && (!isHostname(https) || https === hostname))
      throw new MuttrError('PEER_REFUSED', `${https} is not your hostname`)
    if (https !== null && by.hostname !== undefined && https !== by.hostname)
      throw new MuttrError('PEER_REFUSED', `you said that you are ${by.hostname}`)
    if (running >= runningMax) throw new MuttrError('LIMIT_EXCEEDED', 'others are being looked for')
    perNetwork.take(by.network ?? at, nowMs)
    all.take('all', nowMs)
    running += 1
    try {
      const place = at.includes(':') ? `/ip6/${at}` : `/ip4/${at}`
      if (udp && sender)
        for (let n = 0; n < probes; n++)
          sender.send(`${place}/udp/0`, udp.port, portProbe(udp.token))
      // Who has not shown that the name is its own leads us nowhere but to itself.
      const only = by.hostname === undefined ? at : undefined
      const [byTcp, byHttps] = await Promise.all([
        tcp === null ? null : trier.tcp(by.peer, at, tcp, signal),
        https === null ? null : page(https, only, signal)
      ])
      return { at, tcp: byTcp, https: byHttps, udp: udp && sender !== undefined }
    } finally {
      running -= 1
    }
  }

  /** @returns undefined where nobody knows yet: who is met shows it. */
  const isOffered = async (pod: string): Promise<boolean | undefined> => {
    if (parts.friend(pod)?.capabilities.includes(portsOffer)) return true
    const papers = await peers.papers(pod)
    return papers ? (await crypto.offersIn(papers.signature)).includes(portsOffer) : undefined
  }

  async function helpers(): Promise<string[]> {
    const friends = peers.friends()
    const isHere = (pod: string) => parts.friend(pod)?.presence === 'here'
    const known = peers.list().filter(({ standing }) => standing !== 'blocked')
    const others = known.sort((a, b) => b.seenMs - a.seenMs).map(other => other.hostname)
    const blocked = new Set(
      peers.list().flatMap(one => (one.standing === 'blocked' ? [one.hostname] : []))
    )
    const inOrder = [
      ...friends.filter(isHere),
      ...friends.filter(pod => !isHere(pod)),
      ...others,
      ...parts.named
    ]
    const able: string[] = []
    for (const pod of new Set(inOrder)) {
      if (able.length === askedMax) break
      if (pod === hostname || blocked.has(pod)) continue
      if ((await isOffered(pod)) !== false) able.push(pod)
    }
    return able
  }

  async function askOne(
    pod: string,
    wanted: OwnPorts,
    signal: AbortSignal
  ): Promise<PortsSeen | undefined> {
    using line = await lines.take(pod, signal)
    if (!(await isOffered(pod))) return undefined
    const token = random.bytes(32)
    const arrival = Promise.withResolvers<void>()
    let hasArrived = false
    const door = wanted.udp === null ? undefined : parts.arriving()
    using _expecting = door?.expect(token, () => {
      hasArrived = true
      arrival.resolve()
    })
    const asked: TryPorts = {
      tcp: wanted.tcp,
      https: wanted.https ? hostname : null,
      udp: door && wanted.udp !== null ? { port: wanted.udp, token } : null
    }
    const options = { timeoutMs: askMs, signal }
    const frame = await line.session.request(podMethods.tryPorts, tryPorts.encode(asked), options)
    const { at, tcp, https, udp } = triedPorts.decode(frame)
    if (udp && !hasArrived) {
      using _late = clock.after(arrivalMs, () => arrival.resolve())
      await arrival.promise
    }
    return {
      ...{ pod, at },
      tcp: wanted.tcp === null ? null : tcp,
      https: wanted.https ? (https?.outcome ?? null) : null,
      shown: https?.shown ? toHex(https.shown) : null,
      udp: udp ? (hasArrived ? 'open' : 'timeout') : null
    }
  }

  return {
    answer,
    async look(signal) {
      const wanted = parts.own()
      const seen: PortsSeen[] = []
      const silent: { pod: string; code: string }[] = []
      for (const pod of await helpers()) {
        if (seen.length === helpersWanted) break
        try {
          const one = await askOne(pod, wanted, signal)
          if (one) seen.push(one)
        } catch (err) {
          const code = codeOf(err) ?? 'INTERNAL'
          if (signal.aborted) throw err
          log.debug('pod.ports-not-seen', { pod, code })
          silent.push({ pod, code })
        }
      }
      return { wanted, seen, silent }
    }
  }
}
