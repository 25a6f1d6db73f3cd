import type { Clock, Contact, Handler, Millis, PeerKeys, Place, PlaceOf } from '../base/ports.ts'
import { compareDistance, placeOfKey } from '../routing/distance.ts'
import { asking } from '../routing/upkeep.ts'
import { expiryAt, makeBlob, readBlob } from '../wire/blob.ts'
import * as dht from '../wire/dht.ts'
import type { Behaviour } from './scenario-foes.ts'

export interface HostileParts {
  keys: PeerKeys
  clock: Clock
  placeOf: PlaceOf
  /** Replaces what the node answers. */
  serve(method: string, handler: Handler): void
  /** What it would answer if it were honest. */
  honest: Pick<Record<string, Handler>, string>
  /** Those it works with, itself among them; more may come. */
  accomplices: readonly Contact[]
  gone: readonly Contact[]
  invented: readonly Contact[]
}

/** What a liar answers otherwise than the others. */
export const hostileMethods = ['find-node', 'get', 'put'] as const

/** Ids that a flood may name: whatever the size of a network, most of what it says is nearer than anybody. */
export const inventedIn = (nodes: number): number => Math.max(2_000, 25 * nodes)
/** Of these it names the nearest of one part, and the next time of another. */
export const floodParts = 8
/** Nodes that were there once and that a stale one names. */
export const goneIn = (nodes: number): number => Math.ceil(nodes / 10)

/** A little less than what is waited for. */
export const slowMs: Millis = asking.timeoutMs - 100
const namedMax = 20
const dayMs: Millis = 86_400_000

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

/** Whom it names; undefined for those that name whom anybody would. */
function createNames(behaviour: Behaviour, parts: HostileParts) {
  const pools: Record<Behaviour, readonly Contact[] | undefined> = {
    drop: undefined,
    slow: undefined,
    lie: parts.accomplices,
    steer: parts.accomplices,
    stale: parts.gone,
    flood: parts.invented
  }
  const pool = pools[behaviour]
  if (!pool) return undefined
  let asked = 0
  return (place: Place, count: number): Contact[] => {
    // A flood never says the same twice: each time another eighth of all that was invented.
    const some =
      behaviour === 'flood' ? pool.filter((_, i) => i % floodParts === asked % floodParts) : pool
    asked += 1
    return nearestOf(some, place, count + 1, parts.placeOf)
      .filter(c => c.peer !== parts.keys.self)
      .slice(0, count)
  }
}

/** Signs that it stored, and keeps nothing. */
const falseWord =
  ({ keys, clock }: HostileParts, name: (place: Place, count: number) => Contact[]): Handler =>
  async frame => {
    const { headerBytes, sealed } = dht.decodePut(frame)
    const { key, header } = readBlob(headerBytes, sealed)
    const { expiryMs } = header
    const storedMs = clock.now()
    const signature = keys.sign(dht.storedBytes(key, expiryMs, storedMs))
    const contacts = name(placeOfKey(key), 8)
    return dht.encodePutAnswer([0, { expiryMs, storedMs, signature, contacts }])
  }

const late =
  (clock: Clock, handler: Handler): Handler =>
  async (payload, from, signal) => {
    await new Promise<void>(resolve => clock.after(slowMs, resolve))
    return handler(payload, from, signal)
  }

/**
 * Makes a liar of a node that serves, a real one or a virtual one. All sign that they stored a blob, and keep nothing.
 * - drop: otherwise as everybody else.
 * - lie: answers a get with other bytes, and names its accomplices only.
 * - steer: has nothing, and names its accomplices only.
 * - stale: has nothing, and names seeds that are long gone.
 * - flood: has nothing, and names peers that were never there, twenty new ones each time.
 * - slow: holds every answer until just before it is given up.
 */
export function makeHostile(behaviour: Behaviour, parts: HostileParts): void {
  const { clock, serve, honest } = parts
  const name = createNames(behaviour, parts)
  const put = falseWord(parts, name ?? (() => []))
  if (behaviour === 'slow') {
    serve('put', late(clock, put))
    for (const method of ['find-node', 'get']) serve(method, late(clock, honest[method]!))
    return
  }
  serve('put', put)
  if (!name) return
  const other = makeBlob(new Uint8Array(1_024), {
    expiryMs: expiryAt(clock.now() + dayMs),
    retract: new Uint8Array(32),
    accept: null
  })
  serve('find-node', async frame => dht.encodeContacts(name(dht.decodeFindNode(frame), namedMax)))
  serve('get', async frame => {
    const contacts = name(placeOfKey(dht.decodeGet(frame)), 8)
    if (behaviour !== 'lie') return dht.encodeGetAnswer([0, contacts])
    return dht.encodeGetAnswer([1, other.headerBytes, other.sealed, new Uint8Array(24)])
  })
}
