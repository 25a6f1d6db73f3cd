/** Blobs by the leading bits of their places: a list for each part of the space. */
export class Regions {
  readonly #bits: number
  readonly #heads: Int32Array
  readonly #next: Int32Array

  constructor({ bits, capacity }: { bits: number; capacity: number }) {
    this.#bits = bits
    this.#heads = new Int32Array(2 ** bits).fill(-1)
    this.#next = new Int32Array(capacity)
  }

  /** The first one of the part in which `hi` lies, or -1. */
  first(hi: number): number {
    return this.#heads[this.#regionOf(hi)]!
  }

  next(blob: number): number {
    return this.#next[blob]!
  }

  add(blob: number, hi: number): void {
    const region = this.#regionOf(hi)
    this.#next[blob] = this.#heads[region]!
    this.#heads[region] = blob
  }

  remove(blob: number, hi: number): void {
    const region = this.#regionOf(hi)
    let before = -1
    for (let at = this.#heads[region]!; at !== blob; at = this.#next[at]!) before = at
    if (before < 0) this.#heads[region] = this.#next[blob]!
    else this.#next[before] = this.#next[blob]!
  }

  #regionOf(hi: number): number {
    return this.#bits === 0 ? 0 : hi >>> (32 - this.#bits)
  }
}
