import type { Millis } from '../../base/ports.ts'
import { asking, regionsLeast } from '../../routing/upkeep.ts'
import type { Dice } from '../dice.ts'
import type { Places } from './places.ts'
import type { Reach } from './reach.ts'
import type { WideTables } from './tables.ts'
import type { Walker } from './walk.ts'

/** A place that shares as many bits with ours does not tell how large the network is, as src/seed/maintain.ts has it. */
const farBits = 4

interface Parts {
  places: Places
  tables: WideTables
  reach: Reach
  walker: Walker
  dice: Dice
  parameters: { k: number; alpha: number; replicas: number }
}

/** Lookups that fill buckets, and tell how large the network is. */
export class Refreshes {
  readonly #p: Parts
  /** By node: in how many regions it has measured the size of the network. */
  readonly #regions: Uint8Array

  constructor(parts: Parts) {
    this.#p = parts
    this.#regions = new Uint8Array(parts.places.length)
  }

  static bytesPerNode = 1

  /** It comes, and has measured nothing. */
  begin(node: number): void {
    this.#regions[node] = 0
  }

  /** It has been there for so long that it knows how large the network is. */
  settled(node: number): void {
    this.#regions[node] = regionsLeast
  }

  /** The bucket into which it looks to tell how large the network is, while it was told too seldom and knows enough nodes. */
  unmeasured(node: number): number | undefined {
    const { tables, parameters } = this.#p
    const regions = this.#regions[node]!
    const depth = tables.depth(node)
    if (regions >= regionsLeast || depth === 0 || tables.hasRoomEverywhere(node)) return undefined
    let known = 0
    for (const _ of tables.entries(node)) if (++known === 2 * parameters.replicas) break
    if (known < 2 * parameters.replicas) return undefined
    return regions % Math.min(depth, farBits)
  }

  /** @returns what it took. */
  refresh(node: number, bucket: number, deadlineMs: Millis = asking.operationMs) {
    const { tables, reach, dice, walker, parameters } = this.#p
    const { k, alpha, replicas } = parameters
    const want = 2 * replicas
    const [hi, lo] = this.#placeIn(node, bucket)
    walker.walk(node, hi, lo, { want, named: k, burst: want, alpha, deadlineMs })
    const isAnswered = walker.end === 'answered' && walker.foundCount === want
    if (isAnswered && bucket < farBits && this.#regions[node]! < regionsLeast)
      this.#regions[node]! += 1
    if (bucket < tables.shape.far) tables.refill(node, bucket, reach.of(node), dice)
    const { requests, vain, pings } = walker
    return { requests, vain, pings }
  }

  /** A random place that shares exactly so many bits with its own. */
  #placeIn(node: number, bucket: number): [hi: number, lo: number] {
    const { places, dice } = this.#p
    const low = dice.below(2 ** 32)
    const high = dice.below(2 ** 32)
    const keep = bucket === 0 ? 0 : (0xffff_ffff << (32 - bucket)) >>> 0
    const turned = (places.hi(node) ^ (0x8000_0000 >>> bucket)) >>> 0
    const first = (0x8000_0000 >>> bucket) >>> 0
    return [((turned & (keep | first)) | (high & ~(keep | first))) >>> 0, low]
  }
}
