import { limits } from '../../base/limits.ts'
import type { Contact, Millis, Place, PlaceOf } from '../../base/ports.ts'
import { usualRepair } from '../../replicas/repair-parameters.ts'
import { bitOf, compareDistance } from '../../routing/distance.ts'
import { SizeEstimate } from '../../routing/size.ts'
import type { Table } from '../../routing/table.ts'
import { regionsLeast, upkeep } from '../../routing/upkeep.ts'
import type { SeedParts } from '../../seed/seed.ts'
import type { Dice } from '../../sim/dice.ts'
import type { Scenario } from '../../sim/scenario.ts'

const hourMs: Millis = 3_600_000
/** After which a seed is known as it will be for good: repair counts on it, and each bucket has had its lookup. */
const knownMs: Millis = Math.max(usualRepair.settledMs, upkeep.staleMs)

/** A place drawn at random, and those that live nearest to it, nearest first. */
interface Region {
  readonly place: Place
  readonly nearest: readonly Place[]
}

/** What a seed of a network that has run for long knows when a run begins. Ages say how long ago something was then. */
export interface Past {
  /** Whom its table holds, and since when; whom a bucket has no room for is a spare. */
  readonly known: readonly { readonly contact: Contact; readonly ageMs: Millis }[]
  /** From which it knows how large the network is. */
  readonly regions: readonly Region[]
  /** How long until its next sweep; null: as from joining on. */
  readonly sweepInMs: Millis | null
  /** Of the last lookup in each bucket, the farthest first; none: as joining leaves them. */
  readonly lookupAgesMs: readonly Millis[]
}

/** Of a seed that comes for the first time. */
export const nothing: Past = { known: [], regions: [], sweepInMs: null, lookupAgesMs: [] }

type Parameters = Pick<Scenario['parameters'], 'k' | 'replicas' | 'sweepHours'>

interface Placed {
  readonly place: Place
}

interface Server extends Placed {
  readonly contact: Contact
}

/**
 * Of each of these, in their order: in each bucket and behind it a random choice of the servers that belong there, known for an hour or
 * two; what measuring the size of the network would have found; the last lookup of each bucket, and the next sweep, at any time of those
 * that they have. Among adversaries full tables and nothing else: what seeds have learned of them is for the run to show.
 * Source: docs/guides/research.md#how-a-network-begins
 */
export function* pastsOf(
  all: readonly { readonly contact: Contact; readonly isServer: boolean }[],
  o: { parameters: Parameters; adversaries: object | null; placeOf: PlaceOf; dice: Dice }
): Generator<Past> {
  const { placeOf, dice, adversaries } = o
  const { k, replicas, sweepHours } = o.parameters
  const how = { k, replicas, dice, sweepMs: sweepHours * hourMs, isYoung: adversaries !== null }
  const placed = all.map(one => ({ ...one, place: placeOf(one.contact.peer) }))
  const servers = placed
    .filter(({ isServer }) => isServer)
    .sort((a, b) => Buffer.compare(a.place, b.place))
  for (const { place } of placed) yield pastOf(place, servers, how)
}

interface PastOptions {
  readonly k: number
  readonly replicas: number
  readonly sweepMs: Millis
  readonly dice: Dice
  readonly isYoung: boolean
}

/** @param servers by their places. */
function pastOf(place: Place, servers: readonly Server[], o: PastOptions): Past {
  const { k, replicas, dice, isYoung } = o
  const ageMs = () => (isYoung ? 0 : knownMs * (1 + dice.next()))
  const spares = isYoung ? 0 : limits.sparesPerBucketMax
  const buckets = [...ranges(servers, place)]
  const known = buckets.flatMap(([from, to]) =>
    Array.from(drawn(from, to, { k, spares, dice }), i => ({
      contact: servers[i]!.contact,
      ageMs: ageMs()
    }))
  )
  if (isYoung) return { ...nothing, known }
  return {
    known,
    regions: Array.from({ length: regionsLeast }, () =>
      regionAt(dice.bytes(32), place, servers, 2 * replicas)
    ),
    sweepInMs: dice.next() * o.sweepMs,
    lookupAgesMs: buckets.map(() => dice.next() * upkeep.staleMs)
  }
}

/** What a seed is told of it when it is made. */
export function toldOf(
  { regions, sweepInMs }: Pick<Past, 'regions' | 'sweepInMs'>,
  nowMs: Millis
): Pick<SeedParts, 'size' | 'sweepAtMs'> {
  const size = new SizeEstimate()
  for (const { place, nearest } of regions) size.sample(place, nearest)
  return { size, ...(sweepInMs !== null && { sweepAtMs: nowMs + sweepInMs }) }
}

/** Takes them into a table; they were heard of right now. */
export function know(table: Table, known: Past['known'], nowMs: Millis): void {
  for (const { contact, ageMs } of known) {
    table.answered(contact, nowMs - ageMs)
    table.seen(contact.peer, nowMs)
  }
}

/** Joining looked into the buckets; of a seed that has been there for long each has its turn when it has. */
export function touch(table: Table, lookupAgesMs: Past['lookupAgesMs'], nowMs: Millis): void {
  for (const [bits, ageMs] of lookupAgesMs.entries()) {
    if (bits > table.depth) break
    const place = Uint8Array.from(table.place)
    place[bits >> 3]! ^= 128 >> (bits & 7)
    table.touched(place, nowMs - ageMs)
  }
}

/** @param own of whom nobody asks itself. */
function regionAt(place: Place, own: Place, servers: readonly Placed[], count: number): Region {
  let [low, high] = [0, servers.length]
  for (let bit = 0; bit < 256; bit++) {
    const middle = middleOf(servers, [low, high], bit)
    const [from, to] = bitOf(place, bit) === 1 ? [middle, high] : [low, middle]
    if (to - from <= count) break
    ;[low, high] = [from, to]
  }
  const there = servers.slice(low, high).map(server => server.place)
  const nearest = there
    .filter(other => compareDistance(own, other, own) !== 0)
    .sort((a, b) => compareDistance(place, a, b))
    .slice(0, count)
  return { place, nearest: nearest.length === count ? nearest : [] }
}

/** Of those whose places leave `place` at one bit, the farthest first. */
function* ranges(sorted: readonly Placed[], place: Place): Generator<[from: number, to: number]> {
  let [low, high] = [0, sorted.length]
  for (let bit = 0; high - low > 1 && bit < 256; bit++) {
    const middle = middleOf(sorted, [low, high], bit)
    const isHigh = bitOf(place, bit) === 1
    yield isHigh ? [low, middle] : [middle, high]
    ;[low, high] = isHigh ? [middle, high] : [low, middle]
  }
}

/** Of a range that shares all bits before this one: where those begin that have it. */
function middleOf(
  sorted: readonly Placed[],
  [from, to]: readonly [number, number],
  bit: number
): number {
  let [middle, end] = [from, to]
  while (middle < end) {
    const half = (middle + end) >> 1
    if (bitOf(sorted[half]!.place, bit) === 1) end = half
    else middle = half + 1
  }
  return middle
}

/** Of the range, none twice: k as contacts of a bucket, and behind them so many as its spares. */
function drawn(
  from: number,
  to: number,
  { k, spares, dice }: { k: number; spares: number; dice: Dice }
): Iterable<number> {
  if (to - from <= k) return Array.from({ length: to - from }, (_, i) => from + i)
  const chosen = new Set<number>()
  const count = Math.min(k + spares, to - from)
  while (chosen.size < count) chosen.add(from + dice.below(to - from))
  return chosen
}
