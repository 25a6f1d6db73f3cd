import type { ErrorCode } from '../base/errors.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type {
  Clock,
  Contact,
  Millis,
  Network,
  PeerId,
  PlaceOf,
  RequestOptions
} from '../base/ports.ts'
import { keyOfPeer } from '../wire/contact.ts'
import type { DhtMethod } from '../wire/dht.ts'
import { decodeForwarded, encodeForward } from '../wire/dht.ts'
import type { Asked } from './asked.ts'
import { createLinks } from './links.ts'

/** How a peer is reached that we are not connected to. Measured in docs/decisions. */
export type ReachMode = 'dial' | 'forward'

interface AskOptions<T> {
  /** Reads and checks the answer. An answer that it refuses is not believed of a peer that did not give it to us itself. */
  read(answer: Uint8Array): T
  timeoutMs: Millis
  signal?: AbortSignal | undefined
  /** Dial whatever the mode: we want the connection. */
  dial?: boolean | undefined
}

export interface Reach extends Disposable {
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
  /** How costly it is to reach `peer`: 0 connected, 1 by a neighbour, 2 by a dial. */
  cost(peer: PeerId): 0 | 1 | 2
}

interface Parts {
  network: Network
  clock: Clock
  mode: ReachMode
  placeOf: PlaceOf
  asked: Asked
  stop: AbortSignal
}

/** How many neighbours are tried before we dial ourselves. */
const neighboursTried = 2

export function createReach({ network, clock, mode, placeOf, asked, stop }: Parts): Reach {
  const links = mode === 'forward' ? createLinks({ network, clock, placeOf, stop }) : undefined

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
      links?.forget(neighbour.peer, to)
      return undefined
    }
    throw new MuttrError(refusal, 'refused by the peer behind a forwarder')
  }

  return {
    async ask(to, method, payload, { read, timeoutMs, signal, dial = false }) {
      const options: RequestOptions = signal ? { timeoutMs, signal } : { timeoutMs }
      if (links && !dial && !network.isConnected(to.peer) && keyOfPeer(to.peer)) {
        const ways = links.towards(to.peer).slice(0, neighboursTried)
        const frame = ways.length > 0 && encodeForward({ to: to.peer, method, payload })
        for (const neighbour of ways) {
          if (!frame) break
          asked.forward(method)
          const found = await through(neighbour, to.peer, frame, { read, ...options })
          if (found) return found
          asked.astray(method)
        }
      }
      return { value: read(await network.request(to, method, payload, options)), direct: true }
    },
    cost(peer) {
      if (network.isConnected(peer)) return 0
      return links && links.towards(peer).length > 0 ? 1 : 2
    },
    [Symbol.dispose]() {
      links?.[Symbol.dispose]()
    }
  }
}
