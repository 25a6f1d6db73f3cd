import type { Clock, Contact, Handler, PeerKeys, Place, PlaceOf } from '../../src/base/ports.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import { expiryAt, makeBlob, readBlob } from '../../src/wire/blob.ts'
import * as dht from '../../src/wire/dht.ts'

/**
 * How a hostile node behaves. All of them sign that they stored a blob, and keep nothing.
 * - drop: otherwise as everybody else.
 * - lie: answers a get with other bytes, and names its accomplices only.
 * - steer: has nothing, and names its accomplices only.
 * - stale: has nothing, and names seeds that are long gone.
 * - flood: has nothing, and names peers that were never there, twenty new ones each time.
 * - slow: holds every answer until just before it is given up.
 */
export const behaviours = ['drop', 'lie', 'steer', 'stale', 'flood', 'slow'] as const
export type Behaviour = (typeof behaviours)[number]

export interface HostileParts {
  keys: PeerKeys
  clock: Clock
  placeOf: PlaceOf
  /** Replaces what the node answers. */
  serve(method: string, handler: Handler): void
  /** What it would answer if it were honest. */
  honest: Pick<Record<string, Handler>, string>
  /** Those it works with, itself among them. */
  accomplices: readonly Contact[]
  gone: readonly Contact[]
  invented: readonly Contact[]
}

const slowMs = 2_900
const named = 20

/** Those of `contacts` nearest to `place`; few of many, so no sorting of all. */
function nearestOf(
  contacts: readonly Contact[],
  place: Place,
  count: number,
  placeOf: PlaceOf
): Contact[] {
  const best: { contact: Contact; at: Place }[] = []
  for (const contact of contacts) {
    const at = placeOf(contact.peer)
    const last = best[count - 1]
    if (last && compareDistance(place, at, last.at) >= 0) continue
    let index = best.length
    while (index > 0 && compareDistance(place, at, best[index - 1]!.at) < 0) index--
    best.splice(index, 0, { contact, at })
    if (best.length > count) best.pop()
  }
  return best.map(({ contact }) => contact)
}

/** Makes a liar of a node that serves. */
export function makeHostile(behaviour: Behaviour, parts: HostileParts): void {
  const { keys, clock, placeOf, serve, honest } = parts
  let asked = 0
  const pools: Record<Behaviour, readonly Contact[] | undefined> = {
    drop: undefined,
    slow: undefined,
    lie: parts.accomplices,
    steer: parts.accomplices,
    stale: parts.gone,
    flood: parts.invented
  }
  const pool = pools[behaviour]
  const name = (place: Place, count: number): Contact[] => {
    if (!pool) return []
    // A flood never says the same twice: each time another eighth of all that was invented.
    const some = behaviour === 'flood' ? pool.filter((_, i) => i % 8 === asked % 8) : pool
    asked += 1
    return nearestOf(some, place, count + 1, placeOf)
      .filter(c => c.peer !== keys.self)
      .slice(0, count)
  }
  const late = (handler: Handler): Handler =>
    behaviour !== 'slow'
      ? handler
      : async (payload, from, signal) => {
          await new Promise<void>(resolve => clock.after(slowMs, resolve))
          return handler(payload, from, signal)
        }
  const other = makeBlob(new Uint8Array(1_024), {
    expiryMs: expiryAt(clock.now() + 86_400_000),
    retract: new Uint8Array(32),
    accept: null
  })
  serve(
    'put',
    late(async frame => {
      const { headerBytes, sealed } = dht.decodePut(frame)
      const { key, header } = readBlob(headerBytes, sealed)
      const { expiryMs } = header
      const storedMs = clock.now()
      const signature = keys.sign(dht.storedBytes(key, expiryMs, storedMs))
      const contacts = name(placeOfKey(key), 8)
      return dht.encodePutAnswer([0, { expiryMs, storedMs, signature, contacts }])
    })
  )
  if (behaviour === 'slow') {
    for (const method of ['find-node', 'get']) serve(method, late(honest[method]!))
    return
  }
  if (!pool) return
  serve('find-node', async frame => dht.encodeContacts(name(dht.decodeFindNode(frame), named)))
  serve('get', async frame => {
    const contacts = name(placeOfKey(dht.decodeGet(frame)), 8)
    if (behaviour !== 'lie') return dht.encodeGetAnswer([0, contacts])
    return dht.encodeGetAnswer([1, other.headerBytes, other.sealed, new Uint8Array(24)])
  })
}
