import { limits } from '../../base/limits.ts'
import { heardMax, misledMax } from '../../routing/candidates.ts'
import type { Places } from './places.ts'

export const heard = 0
export const asked = 1
export const answered = 2
export const refused = 3
export const failed = 4

const slotsMax = 1_024
const hashBits = 11
const hashMask = 2 ** hashBits - 1
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
  readonly #high = new Uint32Array(slotsMax)
  readonly #low = new Uint32Array(slotsMax)
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
  /** Added and not in {@link ordered} yet, nearest first. */
  readonly #fresh = new Uint16Array(slotsMax)
  #freshCount = 0
  /** By hash of the node: its slot + 1. */
  readonly #hash = new Uint16Array(2 ** hashBits)
  readonly #heard = new Uint16Array(pathsMost)
  readonly #places: Places
  #targetHi = 0
  #targetLo = 0
  #self = 0
  #pathCount = 1

  constructor(places: Places) {
    this.#places = places
  }

  begin(targetHi: number, targetLo: number, self: number, pathCount: number): void {
    this.#targetHi = targetHi
    this.#targetLo = targetLo
    this.#self = self
    this.#pathCount = pathCount
    this.size = 0
    this.#slots = 0
    this.#freeCount = 0
    this.#hash.fill(0)
    this.#heard.fill(0)
    if (pathCount === 1) return
    this.#turnsOf.fill(0)
    this.#doubted.fill(0)
    this.#misled.fill(0)
    this.#misleading.fill(0)
  }

  /** Nodes we know ourselves. */
  start(nodes: Uint32Array, count: number): void {
    for (let i = 0; i < count; i++) if (this.find(nodes[i]!) < 0) this.#add(nodes[i]!, -1)
    this.#merge()
  }

  /** What the candidate in slot `from` named. */
  hear(from: number, nodes: Uint32Array, count: number): void {
    const isMany = this.#pathCount > 1
    const path = this.path[from]!
    // What is farther than as many as there is room for would leave at once. So does the farthest below, whatever the order in which it was named.
    const edge = this.#heard[path]! < heardMax ? -1 : this.ordered[this.#lastHeard(path)]!
    for (let i = 0; i < count; i++) {
      const node = nodes[i]!
      if (node === this.#self) continue
      const slot = this.find(node)
      if (slot < 0) {
        if (edge < 0 || !this.#isBeyond(node, edge)) this.#add(node, from)
      } else if (isMany) this.#vouch(slot, from)
    }
    this.#merge()
    while (this.#heard[path]! > heardMax) this.#dropFarthest(path)
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

  #add(node: number, teller: number): void {
    const high = (this.#places.hi(node) ^ this.#targetHi) >>> 0
    const low = (this.#places.lo(node) ^ this.#targetLo) >>> 0
    const slot = this.#freeCount > 0 ? this.#free[--this.#freeCount]! : this.#slots++
    const isHearsay = teller >= 0
    const path = isHearsay ? this.path[teller]! : 0
    this.node[slot] = node
    this.#high[slot] = high
    this.#low[slot] = low
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
    const hash = this.#hash
    let at = hashOf(node)
    while (hash[at] !== 0) at = (at + 1) & hashMask
    hash[at] = slot + 1
    if (isHearsay) this.#heard[path]! += 1
    const fresh = this.#fresh
    at = this.#freshCount++
    for (; at > 0 && this.#isFarther(fresh[at - 1]!, high, low); at--) fresh[at] = fresh[at - 1]!
    fresh[at] = slot
  }

  /** Those of one answer are put in order in one go. */
  #merge(): void {
    const { ordered } = this
    let rank = this.size - 1
    this.size += this.#freshCount
    for (let to = this.size - 1; this.#freshCount > 0; to--) {
      const slot = this.#fresh[--this.#freshCount]!
      const [high, low] = [this.#high[slot]!, this.#low[slot]!]
      for (; rank >= 0 && this.#isFarther(ordered[rank]!, high, low); rank--)
        ordered[to--] = ordered[rank]!
      ordered[to] = slot
    }
  }

  #isFarther(slot: number, high: number, low: number): boolean {
    const own = this.#high[slot]!
    return own > high || (own === high && this.#low[slot]! > low)
  }

  #isBeyond(node: number, edge: number): boolean {
    const high = (this.#places.hi(node) ^ this.#targetHi) >>> 0
    const edgeHigh = this.#high[edge]!
    if (high !== edgeHigh) return high > edgeHigh
    return (this.#places.lo(node) ^ this.#targetLo) >>> 0 > this.#low[edge]!
  }

  /** The rank of the farthest heard of on this path. */
  #lastHeard(path: number): number {
    const { ordered, state } = this
    const bit = 1 << path
    for (let rank = this.size - 1; ; rank--) {
      const slot = ordered[rank]!
      if (state[slot] !== heard || this.#hearsay[slot] === 0) continue
      if ((this.#paths[slot]! & bit) !== 0) return rank
    }
  }

  #dropFarthest(path: number): void {
    const bit = 1 << path
    const rank = this.#lastHeard(path)
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
    this.#forget(this.node[slot]!)
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
    const hash = this.#hash
    const nodes = this.node
    for (let at = hashOf(node); hash[at] !== 0; at = (at + 1) & hashMask) {
      const slot = hash[at]! - 1
      if (nodes[slot] === node) return slot
    }
    return -1
  }

  /** Closes the gap, so that whoever stands behind it is still found (Knuth 6.4, algorithm R). */
  #forget(node: number): void {
    let gap = hashOf(node)
    while (this.node[this.#hash[gap]! - 1] !== node) gap = (gap + 1) & hashMask
    for (let at = (gap + 1) & hashMask; this.#hash[at] !== 0; at = (at + 1) & hashMask) {
      const home = hashOf(this.node[this.#hash[at]! - 1]!)
      if (((at - home) & hashMask) < ((at - gap) & hashMask)) continue
      this.#hash[gap] = this.#hash[at]!
      gap = at
    }
    this.#hash[gap] = 0
  }
}

const hashOf = (node: number) => Math.imul(node, 0x9e3779b1) >>> (32 - hashBits)
