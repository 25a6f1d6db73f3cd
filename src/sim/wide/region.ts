import { membersMax, regionBits } from '../../routing/region.ts'
import type { Dice } from '../dice.ts'
import type { Places } from './places.ts'

/** So that the farthest of the places to look at differs in its first 32 bits: of half a billion nodes a region shares no more. */
const bitsMax = 29

/**
 * `Region` of src/routing in typed arrays. Members keep their places, since those of invented ids are drawn anew for the next lookup. A
 * test runs both on the same input and demands the same decisions.
 */
export class WideRegion {
  bits = 0
  size = 0
  /** What counts is {@link size}. */
  readonly nodes = new Uint32Array(membersMax)
  /** Where {@link look} says to look. */
  hi = 0
  lo = 0
  readonly #high = new Uint32Array(membersMax)
  readonly #low = new Uint32Array(membersMax)
  readonly #places: Places
  #targetHi = 0

  constructor(places: Places) {
    this.#places = places
  }

  /** Around a place, which its first word tells. */
  begin(targetHi: number, o: { nodes: number; share: number }): void {
    this.bits = Math.min(bitsMax, regionBits(o.nodes, o.share))
    this.#targetHi = targetHi
    this.size = 0
  }

  hear(node: number): void {
    if (this.size === membersMax) return
    const [high, low] = [this.#places.hi(node), this.#places.lo(node)]
    if (Math.clz32((high ^ this.#targetHi) >>> 0) < this.bits) return
    for (let i = 0; i < this.size; i++)
      if (this.nodes[i] === node && this.#high[i] === high && this.#low[i] === low) return
    this.#high[this.size] = high
    this.#low[this.size] = low
    this.nodes[this.size++] = node
  }

  /** Sets {@link hi} and {@link lo} to a place of this shell, from 0 on. */
  look(shell: number, dice: Dice): void {
    const bit = this.bits + shell
    const turned = (0x8000_0000 >>> bit) >>> 0
    this.#draw(dice, bit + 1)
    this.hi = (this.hi ^ turned) >>> 0
  }

  /** As `Region.draw`, in the order in which they are drawn; who was drawn is a member no longer. @returns how many there are in `out`. */
  draw(count: number, dice: Dice, out: Uint32Array): number {
    let drawn = 0
    while (drawn < count && this.size > 0) {
      this.#draw(dice, this.bits)
      let best = 0
      for (let i = 1; i < this.size; i++) if (this.#isNearer(i, best)) best = i
      out[drawn++] = this.nodes[best]!
      const last = --this.size
      this.nodes[best] = this.nodes[last]!
      this.#high[best] = this.#high[last]!
      this.#low[best] = this.#low[last]!
    }
    return drawn
  }

  /** A random place that shares so many bits with the target. */
  #draw(dice: Dice, bits: number): void {
    const keep = bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0
    const [high, low] = [dice.below(2 ** 32), dice.below(2 ** 32)]
    this.hi = ((this.#targetHi & keep) | (high & ~keep)) >>> 0
    this.lo = low
  }

  #isNearer(a: number, b: number): boolean {
    const [high, best] = [(this.#high[a]! ^ this.hi) >>> 0, (this.#high[b]! ^ this.hi) >>> 0]
    if (high !== best) return high < best
    return (this.#low[a]! ^ this.lo) >>> 0 < (this.#low[b]! ^ this.lo) >>> 0
  }
}
