import type { ErrorCode } from '../base/errors.ts'
import { codeOf } from '../base/errors.ts'
import type { Core } from './core.ts'
import type { Dht, DhtOptions } from './dht.ts'
import { createRelays } from './via.ts'

/** An operation ended so because nobody could be asked; what the relay did explains it better. */
const nobody: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode | undefined>([
  'NETWORK_EMPTY',
  'PEER_TIMEOUT',
  'QUORUM_MISSED',
  'BLOB_UNKNOWN',
  'RECORD_UNKNOWN'
])

/**
 * The operations that `make` makes of a core, each of which goes wholly through `options.via` where one is named: the same code asks,
 * checks and counts, and only whom it asks through is another. Where the relay is of no use they fail with `RELAY_UNREACHABLE` or
 * `RELAY_REFUSED`, and nobody is asked past it.
 */
export function viaDht(core: Core, make: (core: Core) => Dht): Dht {
  const relays = createRelays(core)
  const direct = make(core)

  async function on<T>(options: DhtOptions | undefined, run: (dht: Dht) => Promise<T>): Promise<T> {
    const via = options?.via
    if (!via || via.peer === core.network.self) return run(direct)
    const way = relays.through(via)
    try {
      return await run(make({ ...core, peers: way.asker, via }))
    } catch (err) {
      throw (nobody.has(codeOf(err)) && way.failure) || err
    }
  }

  return {
    put: (blob, options) => on(options, dht => dht.put(blob, options)),
    get: (key, options) => on(options, dht => dht.get(key, options)),
    release: (tombstone, options) => on(options, dht => dht.release(tombstone, options)),
    census: (key, options) => on(options, dht => dht.census(key, options)),
    putRecord: (frame, options) => on(options, dht => dht.putRecord(frame, options)),
    getRecord: (key, options) => on(options, dht => dht.getRecord(key, options)),
    nearest: (place, options) => on(options, dht => dht.nearest(place, options))
  }
}
