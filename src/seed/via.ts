import type { ErrorCode } from '../base/errors.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Clock, Contact, Millis, Network, PeerId } from '../base/ports.ts'
import { RoundTrip } from '../routing/rtt.ts'
import type { DhtMethod } from '../wire/dht.ts'
import { decodeViaAnswer, encodeVia } from '../wire/via.ts'
import type { Asker, AskOptions } from './peers.ts'
import { isWriting } from './peers.ts'

interface Parts {
  network: Network
  clock: Clock
}

/** What of an operation goes through a relay: everything. */
interface Via {
  readonly asker: Asker
  /** Why the relay itself is of no use, once it is not: nothing more is asked then. */
  readonly failure: MuttrError | undefined
}

/** Ways through relays, for the operations of one seed. */
export interface Relays {
  through(relay: Contact): Via
}

/** A relay may have to dial, and its own patience shall end before ours: silence is then the relay's. */
const requestMs: Millis = 5_500
/** Unanswered one after the other until the relay counts as gone. */
const silencesMax = 2
const linesMax = 16
const readFloorMs: Millis = 100
const writeFloorMs: Millis = 400

export function createRelays(parts: Parts): Relays {
  const lines = new Map<PeerId, Line>()
  return {
    through(relay) {
      let line = lines.get(relay.peer)
      if (!line) {
        if (lines.size >= linesMax) lines.delete(lines.keys().next().value!)
        line = { places: createPlaces(limits.viaPerUserMax / 2), ...roundTrips() }
        lines.set(relay.peer, line)
      }
      return createVia(parts, relay, line)
    }
  }
}

/** What the operations through one relay share. */
interface Line {
  readonly places: Places
  readonly reading: RoundTrip
  readonly writing: RoundTrip
}

const roundTrips = () => ({
  reading: new RoundTrip(readFloorMs),
  writing: new RoundTrip(writeFloorMs)
})

/** A refusal that says that it will not relay, or that there is no relay at all. */
const unwilling: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode | undefined>([
  'IDENTIFY_FIRST',
  'METHOD_UNKNOWN',
  'LIMIT_EXCEEDED'
])

function createVia({ network, clock }: Parts, relay: Contact, line: Line): Via {
  let failure: MuttrError | undefined
  let silences = 0

  /** What the relay itself did to us. */
  function failed(err: unknown): never {
    const code = codeOf(err)
    if (code === 'CANCELLED') throw err
    if (unwilling.has(code))
      failure = new MuttrError('RELAY_REFUSED', `the relay refused: ${(err as Error).message}`, {
        cause: err
      })
    else if (code === 'PEER_UNREACHABLE' || ++silences >= silencesMax)
      failure = new MuttrError('RELAY_UNREACHABLE', 'the relay does not answer', { cause: err })
    throw failure ?? err
  }

  async function relayed(to: Contact, method: DhtMethod, payload: Uint8Array, o: Options) {
    const frame = encodeVia({ to, method, payload })
    using _place = await line.places.take(o.signal)
    if (failure) throw failure
    const answer = await network.request(relay, 'via', frame, o).catch(failed)
    silences = 0
    return read(() => decodeViaAnswer(answer))
  }

  async function ask<T>(
    to: Contact,
    method: DhtMethod,
    payload: Uint8Array,
    options: AskOptions<T>
  ): Promise<T> {
    if (failure) throw failure
    const { signal } = options
    const o: Options = { timeoutMs: requestMs, ...(signal && { signal }) }
    const startMs = clock.now()
    // The relay is a seed like others; of itself it is asked without a detour.
    const [type, said] =
      to.peer === relay.peer
        ? ([0, await network.request(relay, method, payload, o).catch(failed)] as const)
        : await relayed(to, method, payload, o)
    const trip = isWriting.has(method) ? line.writing : line.reading
    trip.sample(clock.now() - startMs)
    if (type === 0) return read(() => options.read(said))
    const what = type === 1 ? 'refused by the peer behind the relay' : 'not reached by the relay'
    throw new MuttrError(said, what)
  }

  return {
    get failure() {
      return failure
    },
    asker: {
      ask,
      // Whom a relay names is not asked from here, and how it answers says nothing of others.
      hear() {},
      doubt() {},
      hedgeMs: method => (isWriting.has(method) ? line.writing : line.reading).hedgeMs,
      cost: () => 0
    }
  }
}

interface Options {
  timeoutMs: Millis
  signal?: AbortSignal
}

function read<T>(run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw new MuttrError('WIRE_MALFORMED', 'an answer against the protocol', { cause })
  }
}

interface Places {
  /** @throws {MuttrError} `CANCELLED` */
  take(signal: AbortSignal | undefined): Promise<Disposable>
}

/** So many at a time; the rest wait in order. What one relay lets us have at once is ours to share out. */
function createPlaces(count: number): Places {
  const waiting: (() => void)[] = []
  let taken = 0
  const release = (): void => {
    taken -= 1
    waiting.shift()?.()
  }
  return {
    async take(signal) {
      while (taken >= count) {
        const { promise, resolve } = Promise.withResolvers<void>()
        const wake = () => resolve()
        waiting.push(wake)
        signal?.addEventListener('abort', wake, { once: true })
        await promise
        signal?.removeEventListener('abort', wake)
        const index = waiting.indexOf(wake)
        if (index >= 0) waiting.splice(index, 1)
        if (signal?.aborted) {
          if (taken < count) waiting.shift()?.()
          throw new MuttrError('CANCELLED', 'the request was cancelled')
        }
      }
      taken += 1
      let isTaken = true
      return {
        [Symbol.dispose]() {
          if (isTaken) release()
          isTaken = false
        }
      }
    }
  }
}
