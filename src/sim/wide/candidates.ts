import { limits } from '../../base/limits.ts'
import { heardMax, misledMax } from '../../routing/candidates.ts'
import type { Places } from './places.ts'
import { Selection, turned } from './places.ts'
import { Slots } from './slots.ts'

export const heard = 0
export const asked = 1
export const answered = 2
export const refused = 3
export const failed = 4

export const slotsMax = 1_024
const everyPath = 0xff
/** Tellers are remembered as bits, by the order in which they were asked; so many fit. */
const words = Math.ceil((limits.lookupRequestsMax + 20) / 32)
const requestsMost = 32 * words
const pathsMost = 8

/**
 * `Candidates` of src/routing in typed arrays, for nodes without addresses: what counts there by subnet is free for them. A candidate
 * is a slot. A test runs both on the same input and demands the same decisions.
 */
export class WideCandidates {
  readonly node = new Uint32Array(slotsMax)
  readonly state = new Uint8Array(slotsMax)
  readonly hops = new Uint8Array(slotsMax)
  readonly askedMs = new Float64Array(slotsMax)
  /** On which path it was asked. */
  readonly path = new Uint8Array(slotsMax)
  /** The paths on which it counts, a bit each: known there by a teller who is not doubted, or by ourselves. */
  readonly on = new Uint8Array(slotsMax)
  readonly isLate = new Uint8Array(slotsMax)
  /** Slots, nearest first; what counts is {@link size}. */
  readonly ordered = new Uint16Array(slotsMax)
  size = 0
  /** The paths that know it. */
  readonly #paths = new Uint8Array(slotsMax)
  readonly #hearsay = new Uint8Array(slotsMax)
  /** The first half of the distance, {@link turned}; the other is asked for where two are alike. */
  readonly #high = new Int32Array(slotsMax)
  /** The how manieth to be asked it was. */
  readonly #turn = new Uint16Array(slotsMax)
  /** Bits of the turns of those who named it. */
  readonly #tellers = new Uint32Array(slotsMax * words)
  /** The same when it answered. */
  readonly #proof = new Uint32Array(slotsMax * words)
  readonly #turnsOf = new Uint32Array(pathsMost * words)
  readonly #doubted = new Uint32Array(words)
  readonly #misled = new Int16Array(requestsMost)
  /** Those of them that led to as many that are late as make one doubt, unless others answered. */
  readonly #misleading = new Uint32Array(words)
  /** Slots below this one were in use. */
  #slots = 0
  /** Those of them that are no longer. */
  readonly #free = new Uint16Array(slotsMax)
  #freeCount = 0
  /** Named, not known yet and not in {@link ordered}: nodes and the first halves of their distances, nearest first. */
  readonly #fresh = new Uint32Array(slotsMax)
  readonly #freshHigh = new Int32Array(slotsMax)
  #freshCount = 0
  readonly #slotOf = new Slots()
  /** Nobody before this rank waits to be asked. */
  #cursor = 0
  readonly #selection: Selection
  readonly #heard = new Uint16Array(pathsMost)
  readonly #places: Places
  #targetHi = 0
  #turned = 0
  #targetLo = 0
  #self = 0
  #pathCount = 1

  constructor(places: Places) {
    this.#places = places
    this.#selection = new Selection(places, slotsMax)
  }

  begin(targetHi: number, targetLo: number, self: number, pathCount: number): void {
    this.#targetHi = targetHi | 0
    this.#turned = turned(targetHi)
    this.#targetLo = targetLo | 0
    this.#self = self
    this.#pathCount = pathCount
    this.size = 0
    this.#slots = 0
    this.#freeCount = 0
    this.#cursor = 0
    this.#slotOf.clear()
    this.#heard.fill(0)
    if (pathCount === 1) return
    this.#turnsOf.fill(0)
    this.#doubted.fill(0)
    this.#misled.fill(0)
    this.#misleading.fill(0)
  }

  /** Nodes we know ourselves. */
  start(nodes: Uint32Array, count: number): void {
    for (let i = 0; i < count; i++)
      if (this.find(nodes[i]!) < 0) this.#fresh[this.#freshCount++] = nodes[i]!
    this.#sort()
    this.#merge(-1)
  }

  /**
   * What the candidate in slot `from` named: `max` at most, those before `whole` and the nearest of the others. Where all of these others
   * are known already, which of them are meant matters to those only who doubt.
   */
  hear(from: number, nodes: Uint32Array, count: number, whole = count, max = count): void {
    const isMany = this.#pathCount > 1
    let meant = count
    if (count > max)
      meant =
        isMany || this.#isNewMeant(nodes, whole, count, max)
          ? this.#selection.pick(nodes, whole, count, max, this.#targetHi, this.#targetLo)
          : whole
    for (let i = 0; i < meant; i++) {
      const node = nodes[i]!
      if (node === this.#self) continue
      const slot = this.find(node)
      if (slot < 0) this.#fresh[this.#freshCount++] = node
      else if (isMany) this.#vouch(slot, from)
    }
    if (this.#freshCount > 0) this.#sort()
    this.#makeRoom(this.path[from]!)
    if (this.#freshCount > 0) this.#merge(from)
  }

  /** Whether of these the nearest until `max` may be others than known ones: whether not so many are nearer than the nearest new one. */
  #isNewMeant(nodes: Uint32Array, from: number, to: number, max: number): boolean {
    // Without their last bit, so that a difference says which is nearer.
    const keys = this.#freshHigh
    let nearest = 0x4000_0000
    for (let i = from; i < to; i++) keys[i] = (this.#places.hi(nodes[i]!) ^ this.#turned) >> 1
    for (let i = from; i < to; i++)
      if (keys[i]! < nearest && this.find(nodes[i]!) < 0) nearest = keys[i]!
    let nearer = from
    for (let i = from; i < to; i++) nearer += (keys[i]! - nearest) >>> 31
    return nearer < max
  }

  /** The bits in which the first halves of its place and of the target differ. */
  differing(slot: number): number {
    return this.#high[slot]! ^ turned(0)
  }

  /** The rank of the nearest on this path that waits to be asked; {@link size} where there is none. */
  firstHeard(path: number): number {
    const { ordered, state, on, size } = this
    while (this.#cursor < size && state[ordered[this.#cursor]!] !== heard) this.#cursor++
    const bit = 1 << path
    let rank = this.#cursor
    for (; rank < size; rank++) {
      const slot = ordered[rank]!
      if (state[slot] === heard && (on[slot]! & bit) !== 0) break
    }
    return rank
  }

  /** It is asked now, as the `turn`th of all. */
  ask(slot: number, nowMs: number, path: number, turn: number): void {
    this.#leaveHeard(slot)
    this.state[slot] = asked
    this.askedMs[slot] = nowMs
    this.path[slot] = path
    this.#turn[slot] = turn
    if (this.#pathCount > 1) this.#turnsOf[path * words + (turn >> 5)]! |= 1 << (turn & 31)
  }

  /** Whoever named it is held to how it turned out. */
  judge(slot: number, isAnswered: boolean): void {
    const was = this.isLate[slot]
    this.isLate[slot] = isAnswered ? 0 : 1
    const isTurned = isAnswered ? was === 1 : was === 0
    let isNews = false
    for (let w = 0; w < words; w++) {
      const tellers = this.#tellers[slot * words + w]!
      if (isAnswered) this.#proof[slot * words + w] = tellers
      let bits = isTurned ? tellers : tellers & this.#misleading[w]!
      while (bits !== 0) {
        const bit = 31 - Math.clz32(bits & -bits)
        bits &= bits - 1
        if (isTurned) this.#misled[32 * w + bit]! += isAnswered ? -1 : 1
        if (this.#judgeTeller(w, bit)) isNews = true
      }
    }
    if (isNews) for (let rank = 0; rank < this.size; rank++) this.#weigh(this.ordered[rank]!)
  }

  /** @returns whether it came to be doubted, or no longer is. */
  #judgeTeller(w: number, bit: number): boolean {
    const misled = this.#misled[32 * w + bit]!
    const mask = 1 << bit
    const isMisleading = misled >= misledMax
    if (isMisleading) this.#misleading[w]! |= mask
    else this.#misleading[w]! &= ~mask
    const isDoubted = isMisleading && misled > 2 * this.#provedBy(w, mask)
    if (isDoubted === ((this.#doubted[w]! & mask) !== 0)) return false
    this.#doubted[w]! ^= mask
    return true
  }

  /** How many that it had named by then have answered. */
  #provedBy(w: number, mask: number): number {
    let proved = 0
    for (let rank = 0; rank < this.size; rank++) {
      const slot = this.ordered[rank]!
      const is = this.state[slot]!
      if (is !== answered && is !== refused) continue
      if ((this.#proof[slot * words + w]! & mask) !== 0) proved += 1
    }
    return proved
  }

  /** On which paths it counts, after somebody came to be doubted or no longer is. */
  #weigh(slot: number): void {
    if (this.#hearsay[slot] === 0) return
    let on = 0
    for (let path = 0; path < this.#pathCount; path++)
      for (let w = 0; w < words; w++) {
        const tellers = this.#tellers[slot * words + w]! & this.#turnsOf[path * words + w]!
        if ((tellers & ~this.#doubted[w]!) !== 0) on |= 1 << path
      }
    this.on[slot] = on
  }

  /** `slot` is known to `teller` too; who is doubted does not make it count. */
  #tell(slot: number, teller: number): void {
    const turn = this.#turn[teller]!
    const bit = 1 << (turn & 31)
    this.#tellers[slot * words + (turn >> 5)]! |= bit
    if ((this.#doubted[turn >> 5]! & bit) === 0) this.on[slot]! |= 1 << this.path[teller]!
  }

  #vouch(slot: number, teller: number): void {
    if (this.#hearsay[slot] === 0 || slot === teller) return
    const turn = this.#turn[teller]!
    if ((this.#tellers[slot * words + (turn >> 5)]! & (1 << (turn & 31))) !== 0) return
    this.#tell(slot, teller)
    const path = this.path[teller]!
    if ((this.#paths[slot]! & (1 << path)) !== 0) return
    this.#paths[slot]! |= 1 << path
    if (this.state[slot] === heard) this.#heard[path]! += 1
  }

  /** Each once, though one answer may name it twice. Places are read in one go: that takes hardly longer than to wait for one. */
  #sort(): void {
    const fresh = this.#fresh
    const highs = this.#freshHigh
    const count = this.#freshCount
    for (let i = 0; i < count; i++) highs[i] = this.#places.hi(fresh[i]!) ^ this.#turned
    let sorted = 0
    for (let i = 0; i < count; i++) {
      const [node, high] = [fresh[i]!, highs[i]!]
      let at = sorted
      while (at > 0 && this.#isFarther(fresh[at - 1]!, highs[at - 1]!, node, high)) at--
      if (at > 0 && fresh[at - 1] === node) continue
      for (let to = sorted++; to > at; to--) {
        fresh[to] = fresh[to - 1]!
        highs[to] = highs[to - 1]!
      }
      fresh[at] = node
      highs[at] = high
    }
    this.#freshCount = sorted
  }

  /** Of those heard of on this path, the new ones among them, the farthest leave. */
  #makeRoom(path: number): void {
    while (this.#heard[path]! + this.#freshCount > heardMax) {
      const rank = this.#lastHeard(path)
      const last = this.#freshCount - 1
      if (last < 0) this.#dropFarthest(path, rank)
      else {
        const slot = rank < 0 ? -1 : this.ordered[rank]!
        const [node, high] = [this.#fresh[last]!, this.#freshHigh[last]!]
        const isKept = slot >= 0 && this.#isFarther(this.node[slot]!, this.#high[slot]!, node, high)
        if (isKept) this.#dropFarthest(path, rank)
        else this.#freshCount = last
      }
    }
  }

  #add(node: number, high: number, teller: number): number {
    const slot = this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#slots++
    const isHearsay = teller >= 0
    const path = isHearsay ? this.path[teller]! : 0
    this.node[slot] = node
    this.#high[slot] = high
    this.#hearsay[slot] = isHearsay ? 1 : 0
    this.hops[slot] = isHearsay ? this.hops[teller]! + 1 : 1
    this.state[slot] = heard
    this.#paths[slot] = isHearsay ? 1 << path : everyPath
    this.on[slot] = isHearsay && this.#pathCount > 1 ? 0 : everyPath
    this.isLate[slot] = 0
    if (this.#pathCount > 1) {
      for (let w = 0; w < words; w++) this.#tellers[slot * words + w] = 0
      if (isHearsay) this.#tell(slot, teller)
    }
    this.#slotOf.add(node, slot)
    if (isHearsay) this.#heard[path]! += 1
    return slot
  }

  /** Those of one answer are put in order in one go. @param teller -1 for those we know ourselves. */
  #merge(teller: number): void {
    const { ordered, node } = this
    const highs = this.#high
    let rank = this.size - 1
    let to = rank + this.#freshCount
    this.size = to + 1
    for (let i = this.#freshCount - 1; i >= 0; i--, to--) {
      const [fresh, high] = [this.#fresh[i]!, this.#freshHigh[i]!]
      for (; rank >= 0; rank--) {
        const slot = ordered[rank]!
        if (!this.#isFarther(node[slot]!, highs[slot]!, fresh, high)) break
        ordered[to--] = slot
      }
      ordered[to] = this.#add(fresh, high, teller)
    }
    if (this.#freshCount > 0) this.#cursor = Math.min(this.#cursor, to + 1)
    this.#freshCount = 0
  }

  /** Of two nodes, with the first halves of their distances. */
  #isFarther(one: number, oneHigh: number, other: number, otherHigh: number): boolean {
    if (oneHigh !== otherHigh) return oneHigh > otherHigh
    const low = (this.#places.lo(one) ^ this.#targetLo) >>> 0
    return low > (this.#places.lo(other) ^ this.#targetLo) >>> 0
  }

  /** The rank of the farthest heard of on this path, or -1. */
  #lastHeard(path: number): number {
    const { ordered, state } = this
    const bit = 1 << path
    for (let rank = this.size - 1; rank >= 0; rank--) {
      const slot = ordered[rank]!
      if (state[slot] !== heard || this.#hearsay[slot] === 0) continue
      if ((this.#paths[slot]! & bit) !== 0) return rank
    }
    return -1
  }

  #dropFarthest(path: number, rank: number): void {
    const bit = 1 << path
    const slot = this.ordered[rank]!
    if (this.#paths[slot] === bit) {
      this.#remove(rank)
      return
    }
    this.#paths[slot]! &= ~bit
    this.on[slot]! &= ~bit
    for (let w = 0; w < words; w++)
      this.#tellers[slot * words + w]! &= ~this.#turnsOf[path * words + w]!
    this.#heard[path]! -= 1
  }

  #remove(rank: number): void {
    const slot = this.ordered[rank]!
    this.size -= 1
    for (let at = rank; at < this.size; at++) this.ordered[at] = this.ordered[at + 1]!
    this.#slotOf.remove(this.node[slot]!)
    this.#leaveHeard(slot)
    this.#free[this.#freeCount++] = slot
  }

  #leaveHeard(slot: number): void {
    if (this.state[slot] !== heard || this.#hearsay[slot] === 0) return
    const paths = this.#paths[slot]!
    for (let path = 0; path < this.#pathCount; path++)
      if ((paths & (1 << path)) !== 0) this.#heard[path]! -= 1
  }

  /** @returns its slot, or -1. */
  find(node: number): number {
    return this.#slotOf.find(node)
  }
}
