import type { Dice } from '../dice.ts'
import type { Places } from './places.ts'
import { nobody, Selection } from './places.ts'

/** Of an entry: it failed once. `Table` of src/routing lets go at the second failure in a row. */
const suspect = 0x8000_0000
/** Room for those near to a node, as a multiple of k: there are between one and two times k of them in the mean. */
const nearRoom = 3.2
/** Words in a line of the cache. */
const lineWords = 16

export interface TablesShape {
  /** How many bits the last of the far buckets shares with its owner, and one. */
  readonly far: number
  /** Entries of one node that are near to it. */
  readonly nearMax: number
}

/** @param nodes that are there at a time. */
export const shapeOf = (nodes: number, k: number): TablesShape => ({
  far: Math.max(0, Math.floor(Math.log2(nodes / k))),
  nearMax: Math.ceil(nearRoom * k)
})

const wordsOf = ({ far, nearMax }: TablesShape, k: number) => far * k + 1 + nearMax

/** Bytes of the tables of `capacity` nodes. */
export const tablesBytes = (shape: TablesShape, k: number, capacity: number): number =>
  4 * capacity * wordsOf(shape, k)

/**
 * The routing tables of all nodes. What `Table` of src/routing does by splitting its last bucket comes to this: of those that share
 * exactly so many bits with us, at most k. Here those that share few bits stand in far buckets of k words each, and all others in one
 * list with room for as many as there can be. All of one node stand side by side, its nearest far bucket next to its near list, since
 * an answer is most often made of these: with a million nodes each is as far from the processor as memory is. Spares are not kept: who replaces an entry is drawn when it is needed. A test runs this
 * and `Table` on the same input and demands the same entries and answers.
 */
export class WideTables {
  readonly shape: TablesShape
  readonly #k: number
  readonly #places: Places
  /** Of each node: far buckets, how many near ones there are, and these. */
  readonly #entries: Uint32Array
  /** Words of a node. */
  readonly #stride: number
  /** The leading bits that far buckets tell apart. */
  readonly #farMask: number
  readonly #selection: Selection
  /** After {@link collect}: where the bucket begins of which only a part may be meant. */
  whole = 0
  /** Near ones that had no room: the lists are too short where this is not next to none. */
  overflow = 0

  constructor(places: Places, o: { nodes: number; k: number }) {
    this.shape = shapeOf(o.nodes, o.k)
    this.#k = o.k
    this.#places = places
    this.#stride = wordsOf(this.shape, o.k)
    this.#entries = new Uint32Array(places.length * this.#stride + 2 * lineWords)
    for (let owner = 0; owner < places.length; owner++) this.clear(owner)
    this.#farMask = this.shape.far === 0 ? 0 : 0x8000_0000 >> (this.shape.far - 1)
    this.#selection = new Selection(places, this.answerMost(o.k))
  }

  /** Words that {@link nearest} and {@link collect} need for as many as `max`. */
  answerMost(max: number): number {
    return max + Math.max(this.#k, this.shape.nearMax)
  }

  /** As after a long time: far buckets are random choices of those who are there, and all near ones are known, as far as k allows. */
  fill(owner: number, there: Uint8Array, dice: Dice): void {
    for (let bucket = 0; bucket < this.shape.far; bucket++) this.refill(owner, bucket, there, dice)
    this.meetNear(owner, there, dice)
  }

  /** It knows nobody. */
  clear(owner: number): void {
    const base = owner * this.#stride
    this.#entries.fill(nobody, base, base + this.farSize)
    this.#entries[base + this.farSize] = 0
  }

  /** Fills the holes of a far bucket with random ones that are there. @returns how many were found. */
  refill(owner: number, bucket: number, there: Uint8Array, dice: Dice): number {
    const k = this.#k
    const base = this.#bucketBase(owner, bucket)
    if (this.#entries[base + k - 1] !== nobody) return 0
    let count = 0
    while (count < k && this.#entries[base + count] !== nobody) count++
    const before = count
    const hi = (this.#places.hi(owner) ^ (0x8000_0000 >>> bucket)) >>> 0
    const [from, to] = [this.#places.from(hi, bucket + 1), this.#places.to(hi, bucket + 1)]
    const size = to - from
    // Where they are few, all are tried in turn.
    const isScan = size <= 16 * k
    let at = isScan && size > 0 ? dice.below(size) : 0
    for (let tries = 0; count < k && tries < (isScan ? size : 8 * k); tries++) {
      const node = from + (isScan ? at : dice.below(size))
      at = at + 1 === size ? 0 : at + 1
      if (there[node] === 1 && !this.#isIn(base, count, node)) this.#entries[base + count++] = node
    }
    return count - before
  }

  /** All that are near and there, from a random one on. */
  meetNear(owner: number, there: Uint8Array, dice: Dice): void {
    const [from, to] = this.nearRange(owner)
    this.#entries[this.#nearBase(owner) - 1] = 0
    const start = dice.below(to - from)
    for (let i = 0; i < to - from; i++) {
      const node = from + ((start + i) % (to - from))
      if (there[node] === 1 && node !== owner) this.#meet(owner, node)
    }
  }

  /** Those that stand near to `owner`, itself among them. */
  nearRange(owner: number): [from: number, to: number] {
    const hi = this.#places.hi(owner)
    return [this.#places.from(hi, this.shape.far), this.#places.to(hi, this.shape.far)]
  }

  /** It answered. @returns whether it is in the table now. */
  answered(owner: number, node: number): boolean {
    if (node === owner) return false
    const bucket = this.#places.shared(owner, node)
    const array = this.#entries
    if (bucket >= this.shape.far) {
      const at = this.#find(owner, node)
      if (at === nobody) return this.#meet(owner, node)
      array[at] = node
      return true
    }
    const base = this.#bucketBase(owner, bucket)
    for (let at = base; at < base + this.#k; at++) {
      const entry = array[at]!
      if ((entry & ~suspect) === node || entry === nobody) {
        array[at] = node
        return true
      }
    }
    return false
  }

  has(owner: number, node: number): boolean {
    return node !== owner && this.#find(owner, node) !== nobody
  }

  /** It did not answer. @returns whether it left because of it. */
  failed(owner: number, node: number): boolean {
    const at = node === owner ? nobody : this.#find(owner, node)
    if (at === nobody) return false
    if ((this.#entries[at]! & suspect) === 0) {
      this.#entries[at]! |= suspect
      return false
    }
    this.remove(owner, node)
    return true
  }

  remove(owner: number, node: number): void {
    const at = this.#find(owner, node)
    if (at === nobody) return
    const bucket = this.#places.shared(owner, node)
    if (bucket >= this.shape.far) {
      const base = this.#nearBase(owner)
      const last = --this.#entries[base - 1]!
      this.#entries[at] = this.#entries[base + last]!
      return
    }
    const end = this.#bucketBase(owner, bucket + 1)
    let last = at
    while (last + 1 < end && this.#entries[last + 1] !== nobody) last++
    this.#entries[at] = this.#entries[last]!
    this.#entries[last] = nobody
  }

  /** The far entry in this position (of {@link farSize}), or {@link nobody}. */
  farAt(owner: number, position: number): number {
    const entry = this.#entries[owner * this.#stride + position]!
    return entry === nobody ? nobody : entry & ~suspect
  }

  get farSize(): number {
    return this.shape.far * this.#k
  }

  bucketAt(position: number): number {
    return Math.floor(position / this.#k)
  }

  /** As `Table.wants`, of an id that is not in it: its bucket has room, or is the last one. */
  wants(owner: number, id: number): boolean {
    return this.#hasRoom(owner, this.#places.shared(owner, id))
  }

  /** As `Table.hasRoomEverywhere`: then it knows everybody. */
  hasRoomEverywhere(owner: number): boolean {
    for (let bits = 0; bits < this.shape.far; bits++) if (!this.#hasRoom(owner, bits)) return false
    let left = this.nearCount(owner)
    for (let bits = this.shape.far; left > this.#k; bits++) {
      const alike = this.#nearAlike(owner, bits)
      if (alike >= this.#k) return false
      left -= alike
    }
    return left < this.#k
  }

  /** The share of the space for which there is room. */
  roomShare(owner: number): number {
    let share = 0
    for (let bits = 0; bits < this.depth(owner); bits++)
      if (this.#hasRoom(owner, bits)) share += 2 ** -(bits + 1)
    return share + 2 ** -this.depth(owner)
  }

  #hasRoom(owner: number, bits: number): boolean {
    if (bits < this.shape.far)
      return this.#entries[this.#bucketBase(owner, bits) + this.#k - 1] === nobody
    return bits >= this.depth(owner) || this.#nearAlike(owner, bits) < this.#k
  }

  /** As `Table.depth`: buckets beside the last one, which more than k made split. */
  depth(owner: number): number {
    let left = this.nearCount(owner)
    let bits = this.shape.far
    while (left > this.#k) left -= this.#nearAlike(owner, bits++)
    return bits
  }

  #nearAlike(owner: number, bits: number): number {
    let alike = 0
    for (let i = this.nearCount(owner) - 1; i >= 0; i--)
      if (this.#places.shared(owner, this.nearAt(owner, i)) === bits) alike += 1
    return alike
  }

  /** All of them. */
  *entries(owner: number): Generator<number> {
    for (let position = 0; position < this.farSize; position++) {
      const node = this.farAt(owner, position)
      if (node !== nobody) yield node
    }
    for (let i = this.nearCount(owner) - 1; i >= 0; i--) yield this.nearAt(owner, i)
  }

  nearCount(owner: number): number {
    return this.#entries[this.#nearBase(owner) - 1]!
  }

  nearAt(owner: number, index: number): number {
    return this.#entries[this.#nearBase(owner) + index]! & ~suspect
  }

  /**
   * The `max` nearest of the table, in no order.
   * @param without who asks. @param out has {@link answerMost} words. @returns how many there are in `out`.
   */
  nearest(
    owner: number,
    targetHi: number,
    targetLo: number,
    max: number,
    without: number,
    out: Uint32Array
  ): number {
    const count = this.collect(owner, targetHi, max, without, out)
    if (count <= max) return count
    return this.#selection.pick(out, this.whole, count, max, targetHi, targetLo)
  }

  /**
   * Where the `max` nearest are among: buckets come in the order of their distance, as in `Table.nearest`, so that all but the last are
   * taken whole. Of the last, which begins at {@link whole}, only the nearest are meant where it makes more than `max`.
   * @returns how many there are in `out`.
   */
  collect(owner: number, targetHi: number, max: number, without: number, out: Uint32Array): number {
    const k = this.#k
    // A bit for each far bucket: those on the target's side, and the others.
    const all = this.#farMask
    const differs = (this.#places.hi(owner) ^ targetHi) & all
    const base = owner * this.#stride
    let count = 0
    for (let left = differs; left !== 0 && count < max; ) {
      const bucket = Math.clz32(left)
      left &= ~(0x8000_0000 >>> bucket)
      count = this.#take(base + bucket * k, k, without, out, count)
    }
    if (count < max) {
      const near = base + this.shape.far * k + 1
      count = this.#take(near, this.#entries[near - 1]!, without, out, count)
    }
    for (let left = all & ~differs; left !== 0 && count < max; left &= left - 1)
      count = this.#take(base + Math.clz32(left & -left) * k, k, without, out, count)
    return count
  }

  /**
   * Reads a word of each line of memory of which {@link collect} will need most: where it is called for several before the first of them
   * answers, one wait is enough for all.
   * @param differing the bits in which the first halves of the place of `owner` and of the target differ. @returns a number without meaning, so that reading is not left out.
   */
  touch(owner: number, differing: number): number {
    const array = this.#entries
    const bucket = Math.clz32(differing & this.#farMask)
    const at = owner * this.#stride + Math.min(bucket, this.shape.far) * this.#k
    return array[at]! ^ array[at + lineWords]! ^ array[at + 2 * lineWords]!
  }

  #take(base: number, size: number, without: number, out: Uint32Array, count: number): number {
    const array = this.#entries
    this.whole = count
    for (let at = base; at < base + size; at++) {
      const entry = array[at]!
      if (entry === nobody) break
      const node = entry & ~suspect
      out[count] = node
      if (node !== without) count += 1
    }
    return count
  }

  /** A near one, if of those that share as many bits there are fewer than k. */
  #meet(owner: number, node: number): boolean {
    const base = this.#nearBase(owner)
    const size = this.#entries[base - 1]!
    const bits = this.#places.shared(owner, node)
    let alike = 0
    for (let i = 0; i < size; i++) {
      const other = this.#entries[base + i]! & ~suspect
      if (other === node) return true
      if (this.#places.shared(owner, other) === bits) alike += 1
    }
    if (alike >= this.#k) return false
    if (size === this.shape.nearMax) {
      this.overflow += 1
      return false
    }
    this.#entries[base + size] = node
    this.#entries[base - 1] = size + 1
    return true
  }

  /** @returns where it stands, or {@link nobody}. */
  #find(owner: number, node: number): number {
    const bucket = this.#places.shared(owner, node)
    if (bucket >= this.shape.far) {
      const base = this.#nearBase(owner)
      const size = this.#entries[base - 1]!
      for (let i = 0; i < size; i++)
        if ((this.#entries[base + i]! & ~suspect) === node) return base + i
      return nobody
    }
    const base = this.#bucketBase(owner, bucket)
    for (let i = 0; i < this.#k; i++) {
      const entry = this.#entries[base + i]!
      if (entry === nobody) return nobody
      if ((entry & ~suspect) === node) return base + i
    }
    return nobody
  }

  #bucketBase(owner: number, bucket: number): number {
    return owner * this.#stride + bucket * this.#k
  }

  /** The word before says how many there are. */
  #nearBase(owner: number): number {
    return owner * this.#stride + this.shape.far * this.#k + 1
  }

  #isIn(base: number, count: number, node: number): boolean {
    for (let i = 0; i < count; i++) if ((this.#entries[base + i]! & ~suspect) === node) return true
    return false
  }
}
