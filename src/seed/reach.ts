import type { ErrorCode } from '../base/errors.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type {
  Clock,
  Contact,
  Millis,
  Network,
  PeerId,
  Place,
  RequestOptions
} from '../base/ports.ts'
import { commonPrefix, compareDistance } from '../routing/distance.ts'
import { keyOfPeer } from '../wire/contact.ts'
import type { DhtMethod } from '../wire/dht.ts'
import { decodeForwarded, encodeForward } from '../wire/dht.ts'

/** How a peer is reached that we are not connected to. */
export type ReachMode = 'dial' | 'forward'

export interface AskOptions<T> {
  /** Reads and checks the answer. An answer that it refuses is not believed of a peer that did not give it to us itself. */
  read(answer: Uint8Array): T
  timeoutMs: Millis
  signal?: AbortSignal | undefined
  /** Dial whatever the mode: we want the connection. */
  dial?: boolean | undefined
}

export interface Reach {
  /**
   * @returns the value, and whether it came over a connection of our own, so that it proves who gave it.
   * @throws {MuttrError} as Network.request, and what `read` throws of a direct answer.
   */
  ask<T>(
    to: Contact,
    method: DhtMethod,
    payload: Uint8Array,
    options: AskOptions<T>
  ): Promise<{ value: T; direct: boolean }>
}

interface Parts {
  network: Network
  clock: Clock
  mode: ReachMode
  placeOf(peer: PeerId): Place
}

/** How many neighbours are tried before we dial ourselves. */
const hopsTried = 2
const notConnectedMs = 60_000
const notConnectedMax = 2_048

export function createReach({ network, clock, mode, placeOf }: Parts): Reach {
  /** Pairs of which the first said that it has no connection to the second. */
  const apart = new Map<string, number>()

  function markApart(pair: string): void {
    apart.set(pair, clock.now() + notConnectedMs)
    if (apart.size > notConnectedMax) apart.delete(apart.keys().next().value!)
  }

  /** Connected servers nearer to the peer meant than we are, nearest first: they are likely to be connected to it. */
  function* neighbours(to: PeerId): Generator<Contact> {
    const target = placeOf(to)
    const ours = commonPrefix(target, placeOf(network.self))
    const nearer = network
      .connected()
      .filter(({ contact, server }) => server && contact.peer !== to)
      .map(({ contact }) => ({ contact, place: placeOf(contact.peer) }))
      .filter(({ place }) => commonPrefix(target, place) > ours)
      .sort((a, b) => compareDistance(target, a.place, b.place))
    let tried = 0
    for (const { contact } of nearer) {
      if ((apart.get(`${contact.peer} ${to}`) ?? 0) > clock.now()) continue
      if (tried++ === hopsTried) return
      yield contact
    }
  }

  /** @returns undefined when this way leads nowhere. @throws {MuttrError} the refusal of the peer meant */
  async function through<T>(
    neighbour: Contact,
    to: PeerId,
    frame: Uint8Array,
    { read, ...options }: RequestOptions & { read(answer: Uint8Array): T }
  ): Promise<{ value: T; direct: false } | undefined> {
    let refusal: ErrorCode
    try {
      const answer = decodeForwarded(await network.request(neighbour, 'forward', frame, options))
      if (answer[0] === 0) return { value: read(answer[1]), direct: false }
      refusal = answer[1]
    } catch (err) {
      if (codeOf(err) === 'CANCELLED') throw err
      markApart(`${neighbour.peer} ${to}`)
      return undefined
    }
    throw new MuttrError(refusal, 'refused by the peer behind a forwarder')
  }

  return {
    async ask(to, method, payload, { read, timeoutMs, signal, dial = mode === 'dial' }) {
      const options: RequestOptions = signal ? { timeoutMs, signal } : { timeoutMs }
      if (!dial && !network.isConnected(to.peer) && keyOfPeer(to.peer)) {
        const frame = encodeForward({ to: to.peer, method, payload })
        for (const neighbour of neighbours(to.peer)) {
          const found = await through(neighbour, to.peer, frame, { read, ...options })
          if (found) return found
        }
      }
      return { value: read(await network.request(to, method, payload, options)), direct: true }
    }
  }
}
