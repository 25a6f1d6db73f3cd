import { codeOf, MuttrError } from '../base/errors.ts'
import type { Clock, Millis, RequestOptions, Session } from '../base/ports.ts'
import type { GreetParts } from '../pod/greet.ts'
import { reached } from '../pod/greet.ts'
import type { PodPlace } from '../pod/place.ts'
import { dialFirst } from '../pod/place.ts'
import type { openPodLink, PodLink } from './pod-link.ts'
import type { Dialler } from './pods.ts'

/** A pod's channel over a WebSocket. Source: docs/protocol/thin.md */
export interface Thin {
  /** Tried before libp2p, instead of after it. */
  readonly first: boolean
  /** @throws {MuttrError} `PEER_UNREACHABLE`, `PEER_TIMEOUT`, `PEER_CLOSED`, `CANCELLED`, `SIGNATURE_INVALID` */
  open(place: PodPlace, options: RequestOptions): Promise<Session>
}

interface Parts {
  openLink: typeof openPodLink
  clock: Clock
  thin: Thin | undefined
}

type Rest = Omit<GreetParts, 'network' | 'contact' | 'signal'> & { signal: AbortSignal }
/** @throws {MuttrError} `POD_UNREACHABLE`, `POD_CHANGED`, `SIGNATURE_INVALID`, `CANCELLED` */
type Reach = (place: PodPlace, network: Dialler, rest: Rest) => Promise<PodLink>

const openTimeoutMs: Millis = 10_000
/** How long a pod that cannot be reached one way is not asked that way first. */
const asideMs: Millis = 10 * 60_000
/** Pods of which it is remembered what they offer. */
const notedMax = 1_000

/** Opens links by whichever way leads to a pod. */
export function createReach({ openLink, clock, thin }: Parts): Reach {
  const asideUntil = new Map<string, Millis>()
  /** Of pods that were met, whether they offer it. */
  const offering = new Map<string, boolean>()
  const noted = (link: PodLink, isThin: boolean): PodLink => {
    const { hostname, offers } = link.pod
    offering.delete(hostname)
    offering.set(hostname, isThin || offers.includes('thin'))
    const [oldest] = offering.keys()
    if (offering.size > notedMax) offering.delete(oldest!)
    return link
  }

  const direct: Reach = async (place, network, rest) => {
    const contact = await dialFirst(network, place, rest.signal)
    return noted(await openLink({ network, contact, ...rest }), false)
  }
  const overThin = async (
    { open }: Thin,
    place: PodPlace,
    { self }: Dialler,
    rest: Rest
  ): Promise<PodLink> => {
    const opening = open(place, { timeoutMs: openTimeoutMs, signal: rest.signal })
    const session = await reached(place.hostname, opening)
    const addresses = place.addresses.map(address => address.replace(/\/p2p\/[^/]*$/, ''))
    const contact = { peer: session.peer, addresses }
    const ends = { network: { self, open: async () => session }, contact }
    return noted(await openLink({ ...ends, ...rest }), true)
  }

  return async (place, network, rest) => {
    if (!thin) return direct(place, network, rest)
    const { hostname } = place
    // One that a file names is there; of a pod that was never met nobody has said that there is none.
    const mayOffer =
      place.thin !== undefined || (offering.get(hostname) ?? place.offersThin ?? true)
    if (thin.first && mayOffer && (asideUntil.get(hostname) ?? 0) <= clock.now()) {
      try {
        return await overThin(thin, place, network, rest)
      } catch (err) {
        if (codeOf(err) === 'CANCELLED') throw err
        // Whatever is wrong there, nobody can stand in between on the other way.
        asideUntil.set(hostname, clock.now() + asideMs)
        return direct(place, network, rest)
      }
    }
    try {
      return await direct(place, network, rest)
    } catch (err) {
      if (codeOf(err) !== 'POD_UNREACHABLE') throw err
      return overThin(thin, place, network, rest).catch(other => {
        throw other instanceof MuttrError && other.code === 'POD_UNREACHABLE' ? err : other
      })
    }
  }
}
