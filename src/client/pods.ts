import { codeOf, MuttrError } from '../base/errors.ts'
import type { Emit } from '../base/events.ts'
import type { Clock, Contact, Log, Network, PeerId, PeerKeys, Random } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Device } from '../keys/device.ts'
import type { FoundBy, FoundPod } from '../pod/finding.ts'
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
import { createSamePod } from './blind/same-pod.ts'
import type { FoundPods } from './found-pods.ts'
import { foundAnew, isNearby, mustBeAsSaid } from './found-pods.ts'
import { createLeaving } from './leaving-pods.ts'
import { createMovedPods } from './moved-pods.ts'
import { createPapers } from './papers.ts'
import { type Identified, PodLine } from './pod-line.ts'
import type { openPodLink, PodLink } from './pod-link.ts'
import { createPodPins } from './pod-pins.ts'
import type { PodQuestions } from './pod-questions.ts'
import type { PodTrust } from './pod-trust.ts'
import { createPodTrust } from './pod-trust.ts'
import type { Thin } from './reach-pod.ts'
import { createReach } from './reach-pod.ts'
import type { Self } from './self.ts'
import { createStatements } from './statements.ts'
import { abortable } from './waiting.ts'

/** A pod that somebody says they moved to. Nothing of it is kept, and nobody else is sought there, until they are found there. */
export interface Introduced {
  /** @throws as `questions` of {@link Pods} */
  questions(signal: AbortSignal): Promise<PodQuestions>
  /** They are there. @throws {MuttrError} `POD_UNKNOWN` beyond what is kept */
  keep(): Promise<void>
}

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
  /** Hostnames of all that our files name, and of those that were found. */
  others(): { named: string[]; found: string[] }
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
   * Makes a pod known that the person names, finding it by its hostname where no file of ours says where it is. What only a contact said of it
   * gives way to what is published. @throws as {@link link}
   */
  know(hostname: string, signal: AbortSignal): Promise<void>
  /**
   * A pod that a contact moved to: where nothing is published under its hostname, it is where they say. @throws as {@link link}, `POD_CHANGED`
   * where another key than they say is found
   */
  introduce(hostname: string, said: Move['pod'], signal: AbortSignal): Promise<Introduced>
  /** The person has written there: until it is known it is looked for, as in {@link know}, whenever a link to it is asked for. */
  seek(hostname: string): void
  /** Whose word its key was, of a pod that was found so. */
  foundBy(hostname: string): FoundBy | null
  /** What vouches for the key that it showed last; null for a pod whose key is not known. */
  trustOf(hostname: string): Promise<PodTrust | null>
  /** Keeps up the line to a pod where we have an alias. */
  keep(hostname: string): void
  /** Ends the line to a pod, and keeps it up no more. */
  part(hostname: string): Promise<void>
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
  allowLocal?: boolean
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

export function createPods(parts: PodsParts): Pods {
  const { clock, self, log, crypto } = parts
  const places = new Map(parts.places.map(place => [place.hostname, place]))
  const placeOf = (hostname: string): PodPlace => {
    const place = places.get(hostname) ?? parts.found?.get(hostname)
    if (!place) throw new MuttrError('POD_UNKNOWN', `no address of the pod ${hostname} is known`)
    return place
  }
  const sought = new Set<string>()
  const lines = new Map<string, PodLine>()
  const pins = createPodPins(parts)
  const statement = createStatements(parts)
  const moved = createMovedPods(parts)
  const leaving = createLeaving({ clock, moved })
  const reach = createReach({ ...parts, thin: parts.thin })
  const papers = createPapers(parts)
  const foundBy = (hostname: string): FoundBy | null =>
    places.has(hostname) ? null : (parts.found?.get(hostname)?.by ?? null)
  const trusting = { isNamed: (hostname: string) => places.has(hostname), foundBy }
  const trustOf = createPodTrust({ clock, crypto, ...trusting, certificateOf: pins.of })

  async function open(
    place: PodPlace,
    signal: AbortSignal,
    { network = parts.network, keep = true }: { network?: Dialler | undefined; keep?: boolean } = {}
  ): Promise<PodLink> {
    const { hostname } = place
    const fingerprint = place.fingerprint ?? (await pins.of(hostname))?.fingerprint
    const pinned = fingerprint === undefined ? {} : { pinned: { fingerprint } }
    const at = (where: PodPlace): Promise<PodLink> =>
      reach(where, network, { clock, crypto, hostname, ...pinned, signal, onRevoked: pins.revoked })
    const link = await at(await leaving.stays(place, fingerprint, signal)).catch(async err => {
      if (codeOf(err) !== 'POD_UNREACHABLE' || fingerprint === undefined) throw err
      const asked = { hostname, pinned: fingerprint }
      const addresses = await foundAnew(parts.found, asked, signal)
      if (addresses.length === 0) addresses.push(...(await moved.find(place, fingerprint, signal)))
      if (addresses.length === 0) throw err
      return at({ hostname, addresses })
    })
    if (!keep) return link
    const { certificate, contact, peers, papers: shown } = link.pod
    await pins.pin(hostname, certificate)
    await moved.met(hostname, contact.peer, peers)
    await papers.keep(hostname, contact.peer, shown)
    return link
  }

  const own = (): string[] => [...new Set(self.registrations().map(({ pod }) => pod))]
  const { isSame, isBlindTo } = createSamePod({ ...parts, places, pins, own })
  const askingParts: Omit<Parameters<typeof createAsking>[0], 'fingerprintOf' | 'met'> = {
    ...{ clock, random: parts.random, crypto, keys: parts.keys, own, isSame },
    identified: async (hostname, signal) => abortable(lineOf(hostname).identified(), signal)
  }
  const asking = createAsking({
    ...askingParts,
    async fingerprintOf(hostname) {
      const place = places.get(hostname) ?? parts.found?.get(hostname)
      const known = place?.fingerprint ?? (await pins.of(hostname))?.fingerprint
      if (known !== undefined) return known
      throw new MuttrError('POD_UNKNOWN', `no key of the pod ${hostname} is known`)
    },
    async met({ hostname, certificate, papers: shown, peers }) {
      await pins.pin(hostname, certificate)
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

  function makeLine(hostname: string, guest: FoundPod | undefined): PodLine {
    return new PodLine({
      hostname,
      clock,
      random: parts.random,
      log,
      open: signal => open(guest ?? placeOf(hostname), signal, { keep: !guest }),
      identify: link => identify(hostname, link),
      onStanding: standing => parts.onStanding(hostname, standing),
      onNotices: (entries, how) => parts.onNotices(hostname, entries, how),
      onNews: news => parts.onNews(hostname, news),
      onUp: () => parts.onUp(hostname),
      onListening: () => parts.emit({ type: 'listening', pod: hostname }),
      onLeaving(peer, others) {
        if (others.length > 0) leaving.left(hostname, peer)
      },
      idleMs
    })
  }

  function lineOf(hostname: string, guest?: FoundPod): PodLine {
    const name = guest ? [hostname, guest.fingerprint, ...guest.addresses].join(' ') : hostname
    const known = lines.get(name)
    if (known) {
      lines.delete(name)
      lines.set(name, known)
      return known
    }
    const line = makeLine((guest ?? placeOf(hostname)).hostname, guest)
    lines.set(name, line)
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
    const before = parts.found?.get(hostname)
    if (!parts.found || places.has(hostname)) return
    if (before && (before.by !== 'move' || own().includes(hostname))) return
    const pinned = before ? undefined : (await pins.of(hostname))?.fingerprint
    try {
      const { fingerprint } = await parts.found.find(hostname, pinned, signal)
      if (before && before.fingerprint !== fingerprint) await forget(hostname)
    } catch (err) {
      if (!before || codeOf(err) !== 'POD_UNKNOWN') throw err
    }
  }

  async function introduce(
    hostname: string,
    said: Move['pod'],
    signal: AbortSignal
  ): Promise<Introduced> {
    const { found } = parts
    const keep = async () => undefined
    const known: Introduced = { questions: until => questions(hostname, until), keep }
    if (!found || places.has(hostname)) return known
    if (found.get(hostname)) await know(hostname, signal)
    const there = found.get(hostname)
    if (there) {
      mustBeAsSaid(there, said)
      return known
    }
    const pinned = (await pins.of(hostname))?.fingerprint
    const isNear = isNearby(places.values(), said.fingerprint)
    const guest = await found.introduced({ hostname, pinned, said, isNear }, signal)
    const blindly = createAsking({
      ...askingParts,
      fingerprintOf: async () => guest.fingerprint,
      met: async () => undefined
    })
    return {
      async questions(until) {
        if (await isBlindTo(hostname)) return await blindly.questions(hostname, until)
        return await abortable(lineOf(hostname, guest).link(), until)
      },
      keep: () => found.keep(guest)
    }
  }

  async function questions(hostname: string, signal: AbortSignal): Promise<PodQuestions> {
    await seekOut(hostname, signal)
    if (await isBlindTo(hostname)) return await asking.questions(hostname, signal)
    return await abortable(lineOf(hostname).link(), signal)
  }

  async function seekOut(hostname: string, signal: AbortSignal): Promise<void> {
    if (sought.has(hostname) && !parts.found?.get(hostname)) await know(hostname, signal)
  }

  async function part(hostname: string): Promise<void> {
    const line = lines.get(hostname)
    if (lines.delete(hostname)) await line?.[Symbol.asyncDispose]()
  }

  /** Another pod stood in its place. */
  async function forget(hostname: string): Promise<void> {
    await pins.forget(hostname)
    await part(hostname)
  }

  async function asStranger(hostname: string, signal: AbortSignal): Promise<PodLink> {
    const place = placeOf(hostname)
    await using stack = new AsyncDisposableStack()
    const network = parts.disguise && stack.use(await parts.disguise())
    const link = stack.use(await open(place, signal, { network }))
    const all = stack.move()
    return { ...link, [Symbol.asyncDispose]: () => all.disposeAsync() }
  }

  return {
    async link(hostname, signal) {
      await seekOut(hostname, signal)
      return await abortable(lineOf(hostname).link(), signal)
    },
    ...{ questions, asking },
    others: () => ({ named: [...places.keys()], found: parts.found?.hostnames() ?? [] }),
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
    ...{ know, introduce },
    seek: hostname => void sought.add(hostname),
    ...{ foundBy, trustOf },
    keep: hostname => lineOf(hostname).keep(),
    part,
    certificateOf: pins.of,
    peerOf: hostname => moved.peerOf(hostname),
    async escrowOf(hostname) {
      const peer = await moved.peerOf(hostname)
      const kept = peer && (await papers.of(hostname, peer))
      return kept ? podRecord.decode(kept.record).escrow : false
    },
    papersOf: (hostname, peer) => papers.of(hostname, peer),
    keepPapers: (hostname, peer, shown) => papers.keep(hostname, peer, shown),
    renew: async () =>
      void (await Promise.all([...lines.values()].map(line => line.state.own && line.renew()))),
    wake: () => lines.forEach(line => void line.wake()),
    tried: async () => void (await Promise.all([...lines.values()].map(line => line.tried))),
    get lines() {
      return [...lines.values()].map(line => line.state)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...lines.values()].map(line => line[Symbol.asyncDispose]()))
    }
  }
}
