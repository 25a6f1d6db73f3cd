import type { Dice } from '../dice.ts'

/** The word in which a list of nodes ends, or a node that is none. */
export const nobody = 0xffff_ffff

/** The first two words of a place. */
export interface Place64 {
  readonly hi: number
  readonly lo: number
}

/**
 * Where nodes stand: the first 64 bits of each place, ascending, so that a node is the index of its place and all that share a prefix
 * stand side by side. 64 bits are enough: the nearest two of a million share about 40, and any two share all 64 with a chance of
 * 3 in 10^8; then one of them moves by one.
 */
export class Places {
  readonly length: number
  /** Apart, since the first half nearly always decides: so those of 100,000 nodes fit near the processor. */
  readonly #hi: Uint32Array
  readonly #lo: Uint32Array
  /** Leading bits by which {@link range} finds at once. */
  readonly indexBits: number
  /** By the first `indexBits`: the first place that is not below. */
  readonly #starts: Uint32Array

  /** @param sorted ascending, none twice; what is behind it in its buffer is room for invented ones. */
  constructor(sorted: BigUint64Array) {
    this.length = sorted.length
    const words = new Uint32Array(sorted.buffer, sorted.byteOffset)
    this.#hi = new Uint32Array(words.length / 2)
    this.#lo = new Uint32Array(words.length / 2)
    for (let i = 0; i < this.#hi.length; i++) {
      this.#lo[i] = words[2 * i]!
      this.#hi[i] = words[2 * i + 1]!
    }
    this.indexBits = Math.max(1, Math.min(31, Math.ceil(Math.log2(this.length))))
    this.#starts = new Uint32Array(2 ** this.indexBits + 1).fill(this.length)
    const shift = 32 - this.indexBits
    for (let i = this.length - 1; i >= 0; i--) this.#starts[this.hi(i) >>> shift] = i
    for (let p = this.#starts.length - 2; p >= 0; p--)
      if (this.#starts[p]! > this.#starts[p + 1]!) this.#starts[p] = this.#starts[p + 1]!
  }

  /** @param invented room for so many that are no nodes, behind them. @param given of all, these are not drawn. */
  static draw(
    count: number,
    dice: Dice,
    { invented = 0, given = [] }: { invented?: number; given?: readonly Place64[] } = {}
  ): Places {
    const words = new Uint32Array(2 * (count + invented))
    const first = 2 * given.length
    for (const [i, { hi, lo }] of given.entries()) words.set([lo, hi], 2 * i)
    for (let i = first; i < 2 * count; i++) words[i] = dice.below(2 ** 32)
    const drawn = new BigUint64Array(words.buffer, 0, count).sort()
    for (let i = 1; i < count; i++) if (drawn[i]! <= drawn[i - 1]!) drawn[i] = drawn[i - 1]! + 1n
    return new Places(drawn)
  }

  /** Who stands there, or right behind. */
  at({ hi, lo }: Place64): number {
    let node = this.from(hi, this.indexBits)
    while (
      node < this.length - 1 &&
      (this.hi(node) < hi || (this.hi(node) === hi && this.lo(node) < lo))
    )
      node += 1
    return node
  }

  hi(node: number): number {
    return this.#hi[node]!
  }

  lo(node: number): number {
    return this.#lo[node]!
  }

  /** A place so far from the target as a share of the space, for an id that is no node: {@link length} or more. */
  invent(id: number, share: number, targetHi: number, targetLo: number): void {
    const high = share * 2 ** 32
    const low = (high - Math.floor(high)) * 2 ** 32
    this.#hi[id] = targetHi ^ Math.floor(high)
    this.#lo[id] = targetLo ^ Math.floor(low)
  }

  /** How far it is from the target, as a share of the space. */
  share(id: number, targetHi: number, targetLo: number): number {
    const high = (this.hi(id) ^ targetHi) >>> 0
    const low = (this.lo(id) ^ targetLo) >>> 0
    return (high + low / 2 ** 32) / 2 ** 32
  }

  /** The first of those that share `bits` leading bits (at most {@link indexBits}) with `hi`. */
  from(hi: number, bits: number): number {
    if (bits === 0) return 0
    return this.#starts[(hi >>> (32 - bits)) << (this.indexBits - bits)]!
  }

  /** Behind the last of them. */
  to(hi: number, bits: number): number {
    if (bits === 0) return this.length
    return this.#starts[((hi >>> (32 - bits)) + 1) << (this.indexBits - bits)]!
  }

  /** Whether a node is one of the `count` nearest to a place among `those`, or would be. */
  isAmong(node: number, hi: number, lo: number, count: number, those: Uint8Array): boolean {
    const high = (this.hi(node) ^ hi) >>> 0
    const low = (this.lo(node) ^ lo) >>> 0
    // Who is nearer shares as many bits with the place as the node does.
    const bits = Math.min(Math.clz32(high), this.indexBits)
    const to = this.to(hi, bits)
    let nearer = 0
    for (let other = this.from(hi, bits); other < to; other++) {
      if (those[other] === 0) continue
      const otherHigh = (this.hi(other) ^ hi) >>> 0
      if (otherHigh > high) continue
      if (otherHigh === high && (this.lo(other) ^ lo) >>> 0 >= low) continue
      nearer += 1
      if (nearer === count) return false
    }
    return true
  }

  /** How many leading bits two nodes share: 0 to 64. */
  shared(a: number, b: number): number {
    const high = (this.hi(a) ^ this.hi(b)) >>> 0
    if (high !== 0) return Math.clz32(high)
    return 32 + Math.clz32(this.lo(a) ^ this.lo(b))
  }
}

/**
 * The first half of a target with its first bit turned: what it differs from a place by is in the order of distances as a signed number,
 * which the engine keeps in a register where it would put a large unsigned one into an object.
 */
export const turned = (targetHi: number): number => (targetHi ^ 0x8000_0000) | 0

/** The nearest of those that are offered, nearest first. */
export class Shortlist {
  /** What of it counts is {@link size}. */
  readonly nodes: Uint32Array
  /** The first half of each distance, {@link turned}; the other is asked for where two are alike. */
  readonly #high: Int32Array
  readonly #places: Places
  #targetHi = 0
  #turned = 0
  #targetLo = 0
  #max = 0
  size = 0

  constructor(places: Places, most: number) {
    this.#places = places
    this.nodes = new Uint32Array(most)
    this.#high = new Int32Array(most)
  }

  begin(targetHi: number, targetLo: number, max: number): void {
    this.#targetHi = targetHi
    this.#turned = turned(targetHi)
    this.#targetLo = targetLo | 0
    this.#max = Math.min(max, this.nodes.length)
    this.size = 0
  }

  /** One that was not offered before. */
  offer(node: number): void {
    const { nodes } = this
    const highs = this.#high
    const high = this.#places.hi(node) ^ this.#turned
    let at = this.size
    if (at === this.#max && (at === 0 || highs[at - 1]! < high)) return
    for (; at > 0 && highs[at - 1]! >= high; at--)
      if (highs[at - 1] === high && !this.#isFarther(nodes[at - 1]!, node)) break
    if (at === this.#max) return
    if (this.size < this.#max) this.size += 1
    for (let i = this.size - 1; i > at; i--) {
      nodes[i] = nodes[i - 1]!
      highs[i] = highs[i - 1]!
    }
    nodes[at] = node
    highs[at] = high
  }

  /** As {@link offer}, of one that may have been offered before. */
  offerOnce(node: number): void {
    for (let i = 0; i < this.size; i++) if (this.nodes[i] === node) return
    this.offer(node)
  }

  /** Of two whose first halves are as far. */
  #isFarther(one: number, other: number): boolean {
    const own = (this.#places.lo(one) ^ this.#targetLo) >>> 0
    return own > (this.#places.lo(other) ^ this.#targetLo) >>> 0
  }

  /** All of `there` that are nearest to the target, by the sorted order: the truth that lookups are held against. */
  fill(there: Uint8Array, without: number): void {
    const places = this.#places
    const guess = Math.floor(Math.log2(places.length / this.#max))
    let bits = Math.max(0, Math.min(places.indexBits, guess))
    let [low, high] = [places.from(this.#targetHi, bits), places.to(this.#targetHi, bits)]
    this.size = 0
    this.#offerRange(low, high, there, without)
    // Who shares one bit less is farther than all of these.
    while (this.size < this.#max && bits > 0) {
      bits -= 1
      const [from, to] = [places.from(this.#targetHi, bits), places.to(this.#targetHi, bits)]
      this.#offerRange(from, low, there, without)
      this.#offerRange(high, to, there, without)
      low = from
      high = to
    }
  }

  #offerRange(from: number, to: number, there: Uint8Array, without: number): void {
    for (let node = from; node < to; node++)
      if (there[node] !== 0 && node !== without) this.offer(node)
  }
}

/** Picks the nearest of a set, in no order: halving it bit by bit takes a part of the time that sorting would. */
export class Selection {
  /** Distances: the half of each that decides now. */
  readonly #keys: Int32Array
  readonly #places: Places
  /** Whoever stands before is taken, and nobody behind {@link #high}. */
  #low = 0
  #high = 0

  constructor(places: Places, most: number) {
    this.#places = places
    this.#keys = new Int32Array(most)
  }

  /**
   * Of `nodes` from `from` to `to` (excluded) puts the nearest first, until `max` are before them.
   * @returns where they end.
   */
  pick(
    nodes: Uint32Array,
    from: number,
    to: number,
    max: number,
    targetHi: number,
    targetLo: number
  ): number {
    const keys = this.#keys
    this.#low = from
    this.#high = to
    this.#read(nodes, from, to, targetHi | 0)
    this.#divide(nodes, max)
    if (this.#low < max && max < this.#high) {
      for (let i = this.#low; i < this.#high; i++) keys[i] = this.#places.lo(nodes[i]!) ^ targetLo
      this.#divide(nodes, max)
    }
    return Math.min(max, to)
  }

  /** Of the first `count` of `nodes` puts the `max` nearest first, nearest first, each once. @returns how many these are. */
  pickInOrder(
    nodes: Uint32Array,
    count: number,
    max: number,
    targetHi: number,
    targetLo: number
  ): number {
    for (let left = count; ; ) {
      const end = this.pick(nodes, 0, left, max, targetHi, targetLo)
      this.#sort(nodes, end, targetHi, targetLo)
      let once = Math.min(1, end)
      for (let i = 1; i < end; i++) if (nodes[i] !== nodes[i - 1]) nodes[once++] = nodes[i]!
      if (once === end) return end
      nodes.copyWithin(once, end, left)
      left -= end - once
    }
  }

  /** In one go, which takes hardly longer than to wait for one of them. */
  #read(nodes: Uint32Array, from: number, to: number, mask: number): void {
    for (let i = from; i < to; i++) this.#keys[i] = this.#places.hi(nodes[i]!) ^ mask
  }

  #sort(nodes: Uint32Array, count: number, targetHi: number, targetLo: number): void {
    const keys = this.#keys
    const places = this.#places
    this.#read(nodes, 0, count, turned(targetHi))
    for (let i = 1; i < count; i++) {
      const [node, key] = [nodes[i]!, keys[i]!]
      let at = i
      for (; at > 0 && keys[at - 1]! >= key; at--) {
        if (keys[at - 1] === key) {
          const low = (places.lo(nodes[at - 1]!) ^ targetLo) >>> 0
          if (low <= (places.lo(node) ^ targetLo) >>> 0) break
        }
        keys[at] = keys[at - 1]!
        nodes[at] = nodes[at - 1]!
      }
      keys[at] = key
      nodes[at] = node
    }
  }

  /** From the first bit in which two differ on, until the border falls between two, or no bit is left. */
  #divide(nodes: Uint32Array, max: number): void {
    const keys = this.#keys
    let low = this.#low
    let high = this.#high
    let differing = 0
    for (let i = low + 1; i < high; i++) differing |= keys[i]! ^ keys[low]!
    let shift = 31 - Math.clz32(differing)
    for (; shift >= 0 && low < max && max < high; shift--) {
      let middle = low
      // Whatever its bit, each is moved: a branch would be guessed wrongly every other time.
      for (let i = low; i < high; i++) {
        const [key, node] = [keys[i]!, nodes[i]!]
        keys[i] = keys[middle]!
        nodes[i] = nodes[middle]!
        keys[middle] = key
        nodes[middle] = node
        middle += 1 - ((key >>> shift) & 1)
      }
      if (middle <= max) low = middle
      else high = middle
    }
    this.#low = low
    this.#high = high
  }
}
