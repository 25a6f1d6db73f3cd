import { nobody } from './places.ts'

const bits = 11
const mask = 2 ** bits - 1
const homeOf = (node: number) => Math.imul(node, 0x9e3779b1) >>> (32 - bits)

/** By node, the slot in which one lookup keeps it: at most 1,024 at a time, in a table that the nearest cache holds. */
export class Slots {
  /** By hash: the node itself, so that who is not there is told by one read; and its slot. */
  readonly #nodes = new Uint32Array(2 ** bits)
  readonly #slots = new Uint16Array(2 ** bits)

  clear(): void {
    this.#nodes.fill(nobody)
  }

  /** @returns its slot, or -1. */
  find(node: number): number {
    const nodes = this.#nodes
    for (let at = homeOf(node); ; at = (at + 1) & mask) {
      const other = nodes[at]!
      if (other === node) return this.#slots[at]!
      if (other === nobody) return -1
    }
  }

  /** One that is not there. */
  add(node: number, slot: number): void {
    const nodes = this.#nodes
    let at = homeOf(node)
    while (nodes[at] !== nobody) at = (at + 1) & mask
    nodes[at] = node
    this.#slots[at] = slot
  }

  /** One that is there. The gap is closed, so that whoever stands behind it is still found (Knuth 6.4, algorithm R). */
  remove(node: number): void {
    const nodes = this.#nodes
    let gap = homeOf(node)
    while (nodes[gap] !== node) gap = (gap + 1) & mask
    for (let at = (gap + 1) & mask; nodes[at] !== nobody; at = (at + 1) & mask) {
      const home = homeOf(nodes[at]!)
      if (((at - home) & mask) < ((at - gap) & mask)) continue
      nodes[gap] = nodes[at]!
      this.#slots[gap] = this.#slots[at]!
      gap = at
    }
    nodes[gap] = nobody
  }
}
