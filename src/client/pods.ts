import { codeOf, MuttrError } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import type {
  Clock,
  Contact,
  Log,
  Millis,
  Network,
  PeerId,
  PeerKeys,
  Random
} from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Device } from '../keys/device.ts'
import type { FoundBy } from '../pod/finding.ts'
import type { PodPlace } from '../pod/place.ts'
import type { Dht } from '../seed/dht.ts'
import type { State } from '../store/state.ts'
import type { QueueNews } from '../wire/federation.ts'
import type { Move } from '../wire/move.ts'
import type { Notice } from '../wire/notice.ts'
import { podRecord } from '../wire/pod.ts'
import type { PodStanding } from '../wire/pod-standing.ts'
import type { PodPapers } from '../wire/proof.ts'
import type { Asking } from './blind/asking.ts'
import { createAsking } from './blind/asking.ts'
import type { FoundPods } from './found-pods.ts'
import { createMovedPods } from './moved-pods.ts'
import { createPapers } from './papers.ts'
import type { Identified } from './pod-line.ts'
import { PodLine } from './pod-line.ts'
import type { openPodLink, PodLink } from './pod-link.ts'
import type { PodQuestions } from './pod-questions.ts'
import type { Thin } from './reach-pod.ts'
import { createReach } from './reach-pod.ts'
import type { Self } from './self.ts'
import { createStatements } from './statements.ts'
import { abortable } from './waiting.ts'

/** The pods a client talks to. */
export interface Pods extends AsyncDisposable {
  /**
   * A link to any pod, kept warm for some minutes after.
   * @throws {MuttrError} `POD_UNKNOWN`, `POD_UNREACHABLE`, `POD_CHANGED`, `CANCELLED`
   */
  link(hostname: string, signal: AbortSignal): Promise<PodLink>
  /**
   * What anybody may ask of a pod: over a link, or, where the person wants that, through an own pod, so that the other does not know who asks.
   * @throws as {@link link}, or {@link Asking}
   */
  questions(hostname: string, signal: AbortSignal): Promise<PodQuestions>
  /** Through own pods. */
  readonly asking: Asking
  /**
   * A link of its own under another peer id, where a node can make one: the pod does not know who asks. The caller ends it.
   * @throws as {@link link}
   */
  stranger(hostname: string, signal: AbortSignal): Promise<PodLink>
  /** A link on which the pod knows us. @throws as {@link link}, `IDENTIFY_REFUSED`, `VAULT_LOCKED` */
  identified(hostname: string, signal: AbortSignal): Promise<PodLink>
  /**
   * Where to ask through a pod that has been told whose device we are.
   * @throws {MuttrError} `RELAY_UNREACHABLE` instead of `POD_UNREACHABLE`, else as {@link identified}
   */
  relay(hostname: string, signal: AbortSignal): Promise<Contact>
  /**
   * Makes a pod known that the person names, finding it by its hostname where no file of ours says where it is.
   * @throws as {@link link}
   */
  know(hostname: string, signal: AbortSignal): Promise<void>
  /**
   * The same of a pod that a contact moved to: where nothing is found by its hostname, it is where they say. @throws as {@link link}, `POD_CHANGED`
   * where another key than they say is found
   */
  introduce(hostname: string, said: Move['pod'], signal: AbortSignal): Promise<void>
  /** The person has written there: until it is known it is looked for, as in {@link know}, whenever a link to it is asked for. */
  seek(hostname: string): void
  /** Whose word its key was, of a pod that was found so. */
  foundBy(hostname: string): FoundBy | null
  /** Keeps up the line to a pod where we have an alias. */
  keep(hostname: string): void
  /** The certificate a pod showed last, without asking it. */
  certificateOf(hostname: string): Promise<Certificate | undefined>
  /** The peer that showed it. */
  peerOf(hostname: string): Promise<PeerId | undefined>
  /** What a pod showed that signed something with this peer key, when it did. */
  papersOf(hostname: string, peer: PeerId): Promise<PodPapers | undefined>
  /** Whether a pod said when it was asked last that it holds recovery material for its people. */
  escrowOf(hostname: string): Promise<boolean>
  /** The same, of papers that another pod showed, and that were checked. */
  keepPapers(hostname: string, peer: PeerId, shown: PodPapers): Promise<void>
  /** Says anew to all own pods who we are: our key is another. */
  renew(): Promise<void>
  /** Tries all own pods again now. */
  wake(): void
  /** Resolves when every own pod has played back what waited, or could not be reached; never rejects. */
  tried(): Promise<void>
  readonly lines: readonly PodLine['state'][]
}

/** What a link to a pod needs of a network. */
export type Dialler = Pick<Network, 'self' | 'dial' | 'open'>

export interface PodsParts {
  network: Dialler
  /** A network of another peer, for one link; the own one unless told. */
  disguise?: () => Promise<Dialler & AsyncDisposable>
  /** Asked where a pod is that is not where it was. */
  dht: Pick<Dht, 'getRecord'>
  state: State
  clock: Clock
  random: Random
  log: Log
  crypto: Crypto
  self: Self
  device: Device
  places: readonly PodPlace[]
  /** Pods that were found by their hostnames; none are unless told. */
  found?: FoundPods
  openLink: typeof openPodLink
  /** To check receipts of notices that were submitted blindly. */
  keys?: Pick<PeerKeys, 'verify'>
  /** Other pods are asked through own ones; not unless told. */
  isBlind?: boolean
  /** Another way to pods; none unless told. */
  thin?: Thin | undefined
  emit: Emit
  /** A pod knows who we are, and hands over nothing yet: what our key takes over there. @returns its aliases, undefined when there is nothing to take */
  onIdentified: (hostname: string, link: PodLink) => Promise<string[] | undefined>
  onNotices: (hostname: string, entries: Notice[], how: 'push' | 'playback') => Promise<void>
  /** A pod tells by itself what became of notices for others. */
  onNews: (hostname: string, news: readonly QueueNews[]) => void
  onUp: (hostname: string) => void
  /** What a pod has decided about us, each time that we hear of it. */
  onStanding: (hostname: string, standing: PodStanding) => void
}

const idleMs = 5 * 60_000
/** Lines to foreign pods at once; the one idle longest is dropped for a new one. */
const linesMax = 256
/** So long a process of a pod that said it ends is asked last. */
const leavingMs = 10 * 60_000
const certificatesTable = 'pods'

export function createPods(parts: PodsParts): Pods {
  const { state, clock, self, log, crypto } = parts
  const places = new Map(parts.places.map(place => [place.hostname, place]))
  const placeOf = (hostname: string): PodPlace => {
    const place = places.get(hostname) ?? parts.found?.get(hostname)
    if (!place) throw new MuttrError('POD_UNKNOWN', `no address of the pod ${hostname} is known`)
    return place
  }
  const sought = new Set<string>()
  const lines = new Map<string, PodLine>()
  const leaving = new Map<string, { peer: PeerId; untilMs: Millis }>()
  const certificates = new Map<string, Certificate>()
  const statement = createStatements(parts)
  const moved = createMovedPods(parts)
  const reach = createReach({ ...parts, thin: parts.thin })
  const papers = createPapers(parts)

  async function certificateOf(hostname: string): Promise<Certificate | undefined> {
    const cached = certificates.get(hostname)
    if (cached) return cached
    const kept = await state.get(certificatesTable, hostname)
    if (!kept) return undefined
    try {
      const read = await crypto.readCertificate(kept)
      certificates.set(hostname, read)
      return read
    } catch (err) {
      log.warn('the certificate kept of a pod is damaged', { code: codeOf(err) })
      return undefined
    }
  }

  /** The first key a pod showed is its pin, unless the network file names one. */
  async function pin(hostname: string, shown: Certificate): Promise<void> {
    const kept = await certificateOf(hostname)
    if (kept && Buffer.from(kept.bytes).equals(shown.bytes)) return
    certificates.set(hostname, shown)
    await state.write([
      { type: 'put', table: certificatesTable, key: hostname, value: shown.bytes }
    ])
  }

  /** Where a pod is published now that was found so, when that is elsewhere. */
  async function foundAnew(
    hostname: string,
    pinned: string,
    signal: AbortSignal
  ): Promise<string[]> {
    const before = parts.found?.get(hostname)
    if (!before) return []
    try {
      const { addresses } = await parts.found!.find(hostname, pinned, signal)
      return `${addresses}` === `${before.addresses}` ? [] : [...addresses]
    } catch (err) {
      if (codeOf(err) === 'POD_CHANGED' || codeOf(err) === 'CANCELLED') throw err
      return []
    }
  }

  /** Where the pod is without a process of it that takes its leave, which is asked last. */
  async function stays(
    place: PodPlace,
    fingerprint: string | undefined,
    signal: AbortSignal
  ): Promise<PodPlace> {
    const { hostname } = place
    const gone = leaving.get(hostname)
    if (!gone || gone.untilMs <= clock.now()) return place
    const isOther = (address: string) => !address.endsWith(`/p2p/${gone.peer}`)
    const others = place.addresses.filter(isOther)
    if (others.length === 0 && fingerprint !== undefined)
      others.push(...(await moved.find(place, fingerprint, signal)).filter(isOther))
    return { ...place, addresses: [...new Set([...others, ...place.addresses])] }
  }

  async function open(
    place: PodPlace,
    signal: AbortSignal,
    network: Dialler = parts.network
  ): Promise<PodLink> {
    const { hostname } = place
    const fingerprint = place.fingerprint ?? (await certificateOf(hostname))?.fingerprint
    const pinned = fingerprint === undefined ? {} : { pinned: { fingerprint } }
    const at = (where: PodPlace): Promise<PodLink> =>
      reach(where, network, { clock, crypto, hostname, ...pinned, signal })
    const link = await at(await stays(place, fingerprint, signal)).catch(async err => {
      if (codeOf(err) !== 'POD_UNREACHABLE' || fingerprint === undefined) throw err
      const addresses = await foundAnew(hostname, fingerprint, signal)
      if (addresses.length === 0) addresses.push(...(await moved.find(place, fingerprint, signal)))
      if (addresses.length === 0) throw err
      return at({ hostname, addresses })
    })
    await pin(hostname, link.pod.certificate)
    await moved.met(hostname, link.pod.contact.peer, link.pod.peers)
    await papers.keep(hostname, link.pod.contact.peer, link.pod.papers)
    return link
  }

  const own = (): string[] => [...new Set(self.registrations().map(({ pod }) => pod))]
  const asking = createAsking({
    ...{ clock, random: parts.random, crypto, keys: parts.keys, own },
    identified: async (hostname, signal) => abortable(lineOf(hostname).identified(), signal),
    async fingerprintOf(hostname) {
      const place = places.get(hostname) ?? parts.found?.get(hostname)
      const known = place?.fingerprint ?? (await certificateOf(hostname))?.fingerprint
      if (known !== undefined) return known
      throw new MuttrError('POD_UNKNOWN', `no key of the pod ${hostname} is known`)
    },
    async met({ hostname, certificate, papers: shown, peers }) {
      await pin(hostname, certificate)
      for (const peer of peers) await papers.keep(hostname, peer, shown)
    }
  })

  async function identify(hostname: string, link: PodLink): Promise<Identified> {
    const certificate = self.certificate()
    if (!certificate) throw new MuttrError('IDENTIFY_REFUSED', 'no person on this seed')
    const startMs = clock.now()
    const { aliases, standing } = await link.identify({
      device: parts.device,
      statement: await statement(hostname),
      certificate,
      nowMs: startMs
    })
    const taken = await parts.onIdentified(hostname, link)
    if (self.certificate()?.pin !== certificate.pin)
      throw new MuttrError('IDENTIFY_REFUSED', 'our key is another by now')
    parts.emit({ type: 'identified', pod: hostname, ms: clock.now() - startMs })
    return { aliases: taken ?? aliases, standing }
  }

  function makeLine({ hostname }: PodPlace): PodLine {
    return new PodLine({
      hostname,
      clock,
      random: parts.random,
      log,
      open: signal => open(placeOf(hostname), signal),
      identify: link => identify(hostname, link),
      onStanding: standing => parts.onStanding(hostname, standing),
      onNotices: (entries, how) => parts.onNotices(hostname, entries, how),
      onNews: news => parts.onNews(hostname, news),
      onUp: () => parts.onUp(hostname),
      onListening: () => parts.emit({ type: 'listening', pod: hostname }),
      onLeaving(peer, others) {
        if (others.length > 0) leaving.set(hostname, { peer, untilMs: clock.now() + leavingMs })
      },
      idleMs
    })
  }

  function lineOf(hostname: string): PodLine {
    const known = lines.get(hostname)
    if (known) {
      lines.delete(hostname)
      lines.set(hostname, known)
      return known
    }
    const line = makeLine(placeOf(hostname))
    lines.set(hostname, line)
    dropOldest()
    return line
  }

  function dropOldest(): void {
    if (lines.size <= linesMax) return
    const oldest = [...lines].find(([, line]) => !line.state.own)
    if (!oldest) return
    lines.delete(oldest[0])
    oldest[1][Symbol.asyncDispose]().catch(() => undefined)
  }

  async function know(hostname: string, signal: AbortSignal): Promise<void> {
    if (!parts.found || places.has(hostname) || parts.found.get(hostname)) return
    await parts.found.find(hostname, (await certificateOf(hostname))?.fingerprint, signal)
  }

  async function introduce(
    hostname: string,
    said: Move['pod'],
    signal: AbortSignal
  ): Promise<void> {
    const pinned = (await certificateOf(hostname))?.fingerprint ?? said.fingerprint
    if (!places.has(hostname)) await parts.found?.introduced({ hostname, pinned, said }, signal)
  }

  async function asStranger(hostname: string, signal: AbortSignal): Promise<PodLink> {
    const place = placeOf(hostname)
    await using stack = new AsyncDisposableStack()
    const network = parts.disguise && stack.use(await parts.disguise())
    const link = stack.use(await open(place, signal, network))
    const all = stack.move()
    return { ...link, [Symbol.asyncDispose]: () => all.disposeAsync() }
  }

  return {
    async link(hostname, signal) {
      if (sought.has(hostname)) await know(hostname, signal)
      return await abortable(lineOf(hostname).link(), signal)
    },
    async questions(hostname, signal) {
      if (sought.has(hostname)) await know(hostname, signal)
      const isBlind = parts.isBlind === true && (!own().includes(hostname) || own().length > 1)
      if (isBlind) return await asking.questions(hostname, signal)
      return await abortable(lineOf(hostname).link(), signal)
    },
    asking,
    stranger: asStranger,
    identified: async (hostname, signal) => abortable(lineOf(hostname).identified(), signal),
    async relay(hostname, signal) {
      try {
        return (await abortable(lineOf(hostname).identified(), signal)).pod.contact
      } catch (cause) {
        if (codeOf(cause) !== 'POD_UNREACHABLE') throw cause
        throw new MuttrError('RELAY_UNREACHABLE', `the relay ${hostname} does not answer`, {
          cause
        })
      }
    },
    know,
    introduce,
    seek: hostname => void sought.add(hostname),
    foundBy: hostname => (places.has(hostname) ? null : (parts.found?.get(hostname)?.by ?? null)),
    keep: hostname => lineOf(hostname).keep(),
    certificateOf,
    peerOf: hostname => moved.peerOf(hostname),
    async escrowOf(hostname) {
      const peer = await moved.peerOf(hostname)
      const kept = peer && (await papers.of(hostname, peer))
      return kept ? podRecord.decode(kept.record).escrow : false
    },
    papersOf: (hostname, peer) => papers.of(hostname, peer),
    keepPapers: (hostname, peer, shown) => papers.keep(hostname, peer, shown),
    async renew() {
      await Promise.all([...lines.values()].filter(({ state }) => state.own).map(l => l.renew()))
    },
    wake() {
      for (const line of lines.values()) line.wake()
    },
    async tried() {
      await Promise.all([...lines.values()].map(line => line.tried))
    },
    get lines() {
      return [...lines.values()].map(line => line.state)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...lines.values()].map(line => line[Symbol.asyncDispose]()))
    }
  }
}
