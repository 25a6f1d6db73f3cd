import type { Millis } from '../../base/ports.ts'
import type { Dice } from '../dice.ts'
import type { Foes } from './foes.ts'
import { nobody } from './places.ts'

const hourMs: Millis = 3_600_000

/** Who is there, in no order that means anything, but in the same in each run; and for how long all of them were. */
export class Presence {
  /** What counts of it is {@link count}. */
  readonly nodes: Uint32Array
  count = 0
  readonly #foes: Foes
  readonly #at: Uint32Array
  #totalMs = 0
  #hostileMs = 0
  #countedMs: Millis = 0

  constructor(capacity: number, foes: Foes) {
    this.nodes = new Uint32Array(capacity)
    this.#at = new Uint32Array(capacity)
    this.#foes = foes
  }

  static bytesPerNode = 4 + 4

  come(node: number): void {
    this.#at[node] = this.count
    this.nodes[this.count++] = node
  }

  leave(node: number): void {
    const last = this.nodes[--this.count]!
    this.nodes[this.#at[node]!] = last
    this.#at[last] = this.#at[node]!
  }

  /** One of the honest ones; {@link nobody} when there is none. */
  any(dice: Dice): number {
    if (this.count === this.#foes.count) return nobody
    for (;;) {
      const node = this.nodes[dice.below(this.count)]!
      if (!this.#foes.has(node)) return node
    }
  }

  /** To be called before anybody comes or goes, or is found hostile. */
  look(nowMs: Millis): void {
    this.#totalMs += (nowMs - this.#countedMs) * this.count
    this.#hostileMs += (nowMs - this.#countedMs) * this.#foes.count
    this.#countedMs = nowMs
  }

  /** Since the start, over all nodes, and over those that are hostile or will be. */
  hours(nowMs: Millis): { all: number; hostile: number } {
    this.look(nowMs)
    return { all: this.#totalMs / hourMs, hostile: this.#hostileMs / hourMs }
  }
}
