import { regionsLeast, upkeep } from '../../routing/upkeep.ts'
import type { Dice } from '../dice.ts'
import type { Places } from './places.ts'
import type { Reach } from './reach.ts'
import type { WideTables } from './tables.ts'
import type { Walker } from './walk.ts'

/** A place that shares as many bits with ours does not tell how large the network is, as src/seed/maintain.ts has it. */
const farBits = 4
/** While the network is made, and before the first hour: two, and with every other node a third. */
const ticksBefore = { least: 2, moreShare: 0.5 }
/** Of a node that has not looked yet. */
const unmeasured = 255

interface Parts {
  places: Places
  tables: WideTables
  reach: Reach
  walker: Walker
  dice: Dice
  /** How many of the nearest shall answer. */
  want: number
  /** What a lookup takes before any was walked. */
  usualRequests: number
  /** Part of these lookups that is walked; the others are counted as the walked ones in the mean. */
  walkedShare: number
  /** Of the lookups of who joins, those that come to their end in the time that a join has. */
  timelyShare: number
}

/** Lookups that fill buckets, and tell how large the network is. */
export class Refreshes {
  readonly #p: Parts
  /** By node: in how many regions it has measured the size of the network. */
  readonly #regions: Uint8Array
  #walked = 0
  #requests = 0
  #answered = 0

  constructor(parts: Parts) {
    this.#p = parts
    this.#regions = new Uint8Array(parts.places.length)
  }

  static bytesPerNode = 1

  /** Of a lookup in the mean, pings of whom answers named among them. */
  get requestsOfLookup(): number {
    return this.#walked > 0 ? this.#requests / this.#walked : this.#p.usualRequests
  }

  /** It has been there for so long that it knows how large the network is. */
  settled(node: number): void {
    this.#regions[node] = regionsLeast
  }

  /** It came right before the first hour, and has had as many ticks since. */
  began(node: number): void {
    this.#regions[node] = unmeasured
  }

  /** Whether it still looks how large the network is. */
  isMeasuring(node: number): boolean {
    const regions = this.#regions[node]!
    return regions < regionsLeast || regions === unmeasured
  }

  /** It comes and looks into its first buckets. @returns requests of that. */
  joined(node: number): number {
    const buckets = Math.min(this.#p.tables.depth(node), upkeep.bucketsAtJoin)
    const share = this.#walked > 0 ? this.#answered / this.#walked : 1
    this.#regions[node] = Math.floor(buckets * share * this.#p.timelyShare)
    return buckets * this.requestsOfLookup
  }

  /** In each of so many ticks looks how large the network is, until it was told in enough regions. @returns requests of that. */
  measure(node: number, ticks: number): number {
    const { tables, timelyShare, dice } = this.#p
    const depth = tables.depth(node)
    if (depth === 0) return 0
    if (this.#regions[node] === unmeasured) {
      this.#regions[node] = 0
      const lookups = Math.min(depth, upkeep.bucketsAtJoin)
      const atJoin = Array.from({ length: lookups }, () => dice.next()).filter(x => x < timelyShare)
      const more = dice.next() < ticksBefore.moreShare ? 1 : 0
      this.measure(node, atJoin.length + ticksBefore.least + more)
    }
    let requests = 0
    for (let tick = 0; tick < ticks; tick++) {
      const regions = this.#regions[node]!
      if (regions >= regionsLeast) break
      requests += this.refresh(node, regions % Math.min(depth, farBits))
    }
    return requests
  }

  /** @returns requests of it. */
  refresh(node: number, bucket: number): number {
    const { tables, reach, dice, walkedShare } = this.#p
    const isWalked = dice.next() < walkedShare || this.#walked === 0
    const isAnswered = isWalked
      ? this.#walk(node, bucket)
      : dice.next() * this.#walked < this.#answered
    if (isAnswered && bucket < farBits && this.#regions[node]! < regionsLeast)
      this.#regions[node]! += 1
    if (bucket < tables.shape.far) tables.refill(node, bucket, reach.of(node), dice)
    return this.requestsOfLookup
  }

  /** @returns whether as many answered as it wanted. */
  #walk(node: number, bucket: number): boolean {
    const { places, walker, dice, want } = this.#p
    const low = dice.below(2 ** 32)
    const high = dice.below(2 ** 32)
    const keep = bucket === 0 ? 0 : (0xffff_ffff << (32 - bucket)) >>> 0
    const turned = (places.hi(node) ^ (0x8000_0000 >>> bucket)) >>> 0
    const first = (0x8000_0000 >>> bucket) >>> 0
    const target = ((turned & (keep | first)) | (high & ~(keep | first))) >>> 0
    walker.find(node, target, low, want)
    const isAnswered = walker.end === 'answered' && walker.foundCount === want
    this.#walked += 1
    this.#requests += walker.requests + walker.pings
    if (isAnswered) this.#answered += 1
    return isAnswered
  }
}
