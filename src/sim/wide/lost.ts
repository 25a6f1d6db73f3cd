import type { Millis } from '../../base/ports.ts'
import { lost } from '../../routing/upkeep.ts'

/**
 * How many of those near to it have left a node's table because they were silent: `Lost` of src/seed/lost.ts as a number. Whenever one of them is
 * back, the others are pinged, unless that was just done. Which they are is not kept, nor the pings ever rarer in between.
 */
export class WideLost {
  readonly #counts: Uint8Array
  readonly #soughtMs: Float64Array

  constructor(capacity: number) {
    this.#counts = new Uint8Array(capacity)
    this.#soughtMs = new Float64Array(capacity).fill(Number.NEGATIVE_INFINITY)
  }

  static bytesPerNode = 1 + 8

  /** It starts, and remembers nobody. */
  begin(owner: number): void {
    this.#counts[owner] = 0
  }

  /** One of them left. */
  add(owner: number): void {
    this.#counts[owner] = Math.min(lost.most, this.#counts[owner]! + 1)
  }

  /** One of them is back. @returns how many others are pinged. */
  found(owner: number, nowMs: Millis): number {
    if (this.#counts[owner] === 0) return 0
    this.#counts[owner]! -= 1
    if (nowMs - this.#soughtMs[owner]! < lost.firstMs) return 0
    this.#soughtMs[owner] = nowMs
    return this.#counts[owner]!
  }
}
