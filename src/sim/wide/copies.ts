import type { Scenario } from '../scenario.ts'
import type { Places } from './places.ts'

/** Copies of one blob that are kept count of, as a multiple of R. Where nodes go and come back there are many on those who are away. */
const holdersTimes = { staying: 6, leaving: 24 }

export const holdersMaxOf = ({ population, parameters }: Scenario): number =>
  parameters.replicas *
  holdersTimes[population.daily || population.sessionHours ? 'leaving' : 'staying']

/** Which nodes hold which blob: a list of bounded length for each blob. */
export class Copies {
  /** By entry: when R nearer ones first had their copies; 0 for never. */
  readonly provedMs: Float64Array
  /** Copies that were forgotten, the farthest first, since a blob's list was full. */
  overflow = 0
  readonly #places: Places
  readonly #most: number
  readonly #holders: Uint32Array
  readonly #counts: Uint16Array

  /** @param most holders of a blob. */
  constructor(places: Places, { blobs, most }: { blobs: number; most: number }) {
    this.#places = places
    this.#most = most
    this.#holders = new Uint32Array(blobs * most)
    this.provedMs = new Float64Array(blobs * most)
    this.#counts = new Uint16Array(blobs)
  }

  static bytesPerBlob = (most: number): number => 2 + 12 * most

  clear(blob: number): void {
    this.#counts[blob] = 0
  }

  count(blob: number): number {
    return this.#counts[blob]!
  }

  /** The holder in this position, below {@link count}. */
  holder(blob: number, position: number): number {
    return this.#holders[blob * this.#most + position]!
  }

  holds(blob: number, node: number): boolean {
    return this.find(blob, node) >= 0
  }

  /** @returns its entry, or -1. */
  find(blob: number, node: number): number {
    const base = blob * this.#most
    for (let i = 0; i < this.#counts[blob]!; i++)
      if (this.#holders[base + i] === node) return base + i
    return -1
  }

  /** @param hi of the blob's place. */
  give(blob: number, hi: number, node: number): void {
    if (this.holds(blob, node)) return
    if (this.#counts[blob] === this.#most) {
      this.overflow += 1
      this.dropAt(blob, this.#farthest(blob, hi))
    }
    const at = blob * this.#most + this.#counts[blob]!++
    this.#holders[at] = node
    this.provedMs[at] = 0
  }

  /** @param at the entry. */
  dropAt(blob: number, at: number): void {
    const last = blob * this.#most + --this.#counts[blob]!
    this.#holders[at] = this.#holders[last]!
    this.provedMs[at] = this.provedMs[last]!
  }

  #farthest(blob: number, hi: number): number {
    const base = blob * this.#most
    const distance = (at: number) => (this.#places.hi(this.#holders[at]!) ^ hi) >>> 0
    let farthest = base
    for (let i = 1; i < this.#counts[blob]!; i++)
      if (distance(base + i) > distance(farthest)) farthest = base + i
    return farthest
  }
}
