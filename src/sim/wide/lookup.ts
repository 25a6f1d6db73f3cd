import type { Millis } from '../../base/ports.ts'
import type { LookupEnd } from '../../routing/lookup.ts'
import { answered, asked, failed, heard, refused, WideCandidates } from './candidates.ts'
import type { Places } from './places.ts'

/** As `LookupOptions` of src/routing; what is not told is as there. No costs. */
export interface WideLookupOptions {
  want: number
  alpha: number
  burst?: number
  paths: number
  hedgeMs: Millis
  patienceMs?: Millis
  deadlineMs: Millis
  requestsMax: number
  /** Nodes that are asked before all others. */
  first?: Uint32Array
}

const none = new Uint32Array(0)

/**
 * `Lookup` of src/routing in typed arrays, used again and again: a candidate is a slot of {@link WideCandidates}. A test runs both on
 * the same input and demands the same decisions.
 */
export class WideLookup {
  readonly candidates: WideCandidates
  /** Slots to ask now, after {@link poll}. */
  readonly toAsk = new Uint16Array(64)
  requests = 0
  /** What {@link end} says after {@link poll}. */
  ended: LookupEnd | undefined
  readonly #inFlight = new Uint16Array(512)
  #inFlightCount = 0
  #want = 1
  #alpha = 1
  #most = 1
  #paths = 1
  #hedgeMs: Millis = 1
  #patienceMs: Millis = 1
  #deadlineMs: Millis = 0
  #requestsMax = 1
  #first: Uint32Array = none
  #inFlightMax = 0
  #stopped = false
  #wide = false
  #startMs: Millis | undefined
  #mostMs: Millis | undefined
  readonly #spent = new Uint16Array(8)
  readonly #order = new Uint8Array(8)
  readonly #weights = new Uint32Array(8)
  /** After {@link #count}: requests under way that are not slow, and all that are not given up. */
  #fast = 0
  readonly #fastOn = new Uint8Array(8)
  #all = 0
  /** None under way was asked before. */
  #oldestMs: Millis = 0
  /** How many refused or failed. */
  #gone = 0

  constructor(places: Places) {
    this.candidates = new WideCandidates(places)
  }

  begin(targetHi: number, targetLo: number, self: number, o: WideLookupOptions): void {
    this.#want = o.want
    this.#alpha = o.alpha
    this.#most = Math.max(o.alpha, o.burst ?? o.want)
    this.#paths = o.paths
    this.#hedgeMs = o.hedgeMs
    this.#patienceMs = o.patienceMs ?? 4 * o.hedgeMs
    this.#deadlineMs = o.deadlineMs
    this.#requestsMax = o.requestsMax
    this.#first = o.first ?? none
    this.#inFlightMax = this.#most + o.alpha
    this.candidates.begin(targetHi, targetLo, self, o.paths)
    this.requests = 0
    this.#inFlightCount = 0
    this.#gone = 0
    this.#oldestMs = Number.NEGATIVE_INFINITY
    this.#stopped = false
    this.#wide = false
    this.#startMs = undefined
    this.#mostMs = undefined
    this.#spent.fill(0)
  }

  /** @returns how many of {@link toAsk} to ask now; each is to be reported on once. */
  poll(nowMs: Millis): number {
    const { candidates } = this
    const hedgeMs = this.#hedgeMs
    this.#startMs ??= nowMs
    if (this.#paths > 1)
      for (let i = 0; i < this.#inFlightCount; i++) {
        const slot = this.#inFlight[i]!
        if (candidates.isLate[slot] === 0 && nowMs - candidates.askedMs[slot]! >= hedgeMs)
          candidates.judge(slot, false)
      }
    let count = 0
    // Whom we ask cannot end it: what waits for an answer keeps its path from being settled, as what is not asked yet does.
    this.ended = this.end(nowMs)
    if (this.ended !== undefined || this.requests >= this.#requestsMax) return 0
    this.#count(nowMs)
    while (this.requests < this.#requestsMax) {
      const next = this.#next(nowMs)
      if (next < 0) break
      const [slot, path] = [next >> 3, next & 7]
      candidates.ask(slot, nowMs, path, this.requests)
      this.#inFlight[this.#inFlightCount++] = slot
      this.#spent[path]! += 1
      this.#fast += 1
      this.#fastOn[path]! += 1
      this.#all += 1
      this.requests += 1
      this.toAsk[count++] = slot
    }
    return count
  }

  /** It named these; `whole` and `max` as {@link WideCandidates.hear} takes them. */
  answered(slot: number, nodes: Uint32Array, count: number, whole = count, max = count): void {
    this.#report(slot, answered)
    this.candidates.hear(slot, nodes, count, whole, max)
  }

  refused(slot: number): void {
    this.#report(slot, refused)
  }

  failed(slot: number): void {
    this.#report(slot, failed)
  }

  widen(): void {
    this.#wide = true
  }

  stop(): void {
    this.#stopped = true
  }

  end(nowMs: Millis): LookupEnd | undefined {
    if (this.#stopped) return 'stopped'
    const paths = this.#paths
    let settled = 0
    let over = 0
    for (let path = 0; path < paths; path++) {
      const isSettled = this.#settled(path, nowMs)
      if (isSettled) settled += 1
      if (isSettled || this.#isSpent(path, nowMs)) over += 1
    }
    if (over === paths) return settled > 0 ? 'answered' : 'bounded'
    if (nowMs >= this.#deadlineMs) return 'late'
    if (2 * settled > paths) {
      this.#mostMs ??= nowMs
      if (nowMs >= this.#overtimeMs()) return 'answered'
    }
    if (this.requests < this.#requestsMax) return undefined
    this.#count(nowMs)
    return this.#fast > 0 ? undefined : settled > 0 ? 'answered' : 'bounded'
  }

  /** After {@link poll}: no later than {@link wakeMs}, and found in less time. */
  get soonestMs(): Millis {
    if (this.#mostMs !== undefined) return Number.NEGATIVE_INFINITY
    const leastMs = Math.min(this.#hedgeMs, this.#patienceMs)
    return Math.min(this.#deadlineMs, this.#oldestMs + leastMs)
  }

  wakeMs(nowMs: Millis): Millis {
    const hedgeMs = this.#hedgeMs
    const patienceMs = this.#patienceMs
    let at = this.#deadlineMs
    if (this.#mostMs !== undefined) {
      const overtimeMs = this.#overtimeMs()
      if (overtimeMs > nowMs) at = Math.min(at, overtimeMs)
    }
    for (let i = 0; i < this.#inFlightCount; i++) {
      const askedMs = this.candidates.askedMs[this.#inFlight[i]!]!
      let due = askedMs + hedgeMs
      if (due > nowMs && due < at) at = due
      due = askedMs + 4 * hedgeMs
      if (due > nowMs && due < at) at = due
      due = askedMs + patienceMs
      if (due > nowMs && due < at) at = due
    }
    return at
  }

  /** The `count` nearest that answered. @returns how many there are in `out`. */
  nearest(count: number, out: Uint32Array): number {
    const { ordered, state, node, size } = this.candidates
    let found = 0
    for (let rank = 0; rank < size && found < count; rank++) {
      const slot = ordered[rank]!
      if (state[slot] === answered) out[found++] = node[slot]!
    }
    return found
  }

  /** Over how many others the nearest that answered was found. */
  get hops(): number {
    const { ordered, state, hops, size } = this.candidates
    for (let rank = 0; rank < size; rank++)
      if (state[ordered[rank]!] === answered) return hops[ordered[rank]!]!
    return 0
  }

  #report(slot: number, state: number): void {
    const { candidates } = this
    candidates.state[slot] = state
    if (state >= refused) this.#gone += 1
    let i = 0
    while (this.#inFlight[i] !== slot) i++
    this.#inFlight[i] = this.#inFlight[--this.#inFlightCount]!
    if (this.#paths > 1) candidates.judge(slot, state !== failed)
  }

  #overtimeMs(): Millis {
    const tookMs = this.#mostMs! - this.#startMs!
    return this.#mostMs! + Math.max(tookMs, 4 * this.#hedgeMs)
  }

  #isSpent(path: number, nowMs: Millis): boolean {
    if (this.#paths === 1 || this.#spent[path]! < this.#requestsMax / 2) return false
    this.#count(nowMs)
    return this.#fastOn[path] === 0
  }

  #count(nowMs: Millis): void {
    const { askedMs, path } = this.candidates
    const hedgeMs = this.#hedgeMs
    let [fast, all] = [0, 0]
    let oldestMs = nowMs
    for (let path = 0; path < this.#paths; path++) this.#fastOn[path] = 0
    for (let i = 0; i < this.#inFlightCount; i++) {
      const slot = this.#inFlight[i]!
      const atMs = askedMs[slot]!
      if (atMs < oldestMs) oldestMs = atMs
      const ageMs = nowMs - atMs
      if (ageMs < 4 * hedgeMs) all += 1
      if (ageMs >= hedgeMs) continue
      fast += 1
      this.#fastOn[path[slot]!]! += 1
    }
    this.#fast = fast
    this.#all = all
    this.#oldestMs = oldestMs
  }

  #settled(path: number, nowMs: Millis): boolean {
    const { candidates } = this
    const { ordered, state, askedMs, on, size } = candidates
    const want = this.#want
    const first = candidates.firstHeard(path)
    if (first < Math.min(want, size)) return false
    const bit = 1 << path
    let [places, givenUp] = [0, 0]
    for (let rank = 0; rank < size; rank++) {
      if (rank === first) return false
      const slot = ordered[rank]!
      const is = state[slot]!
      if (is >= refused || (on[slot]! & bit) === 0) continue
      if (is === asked) {
        if (nowMs - askedMs[slot]! < this.#patienceMs) return false
        givenUp += 1
        continue
      }
      places += 1
      if (places === want) break
    }
    return places === want || givenUp === 0
  }

  /** @returns 8 x slot + path, or -1. */
  #next(nowMs: Millis): number {
    if (this.#all >= this.#inFlightMax) return -1
    if (this.#paths === 1) {
      const slot = this.#nextOn(0, nowMs)
      return slot >= 0 ? 8 * slot : -1
    }
    this.#sortPaths()
    for (let i = 0; i < this.#paths; i++) {
      const path = this.#order[i]!
      if (this.#spent[path]! >= this.#requestsMax / 2) continue
      const slot = this.#nextOn(path, nowMs)
      if (slot >= 0) return 8 * slot + path
    }
    return -1
  }

  /** The path with the fewest under way first, then the one with the fewest at all. */
  #sortPaths(): void {
    for (let path = 0; path < this.#paths; path++) {
      const weight = 1_024 * this.#fastOn[path]! + this.#spent[path]!
      let at = path
      while (at > 0 && this.#weights[at - 1]! > weight) {
        this.#weights[at] = this.#weights[at - 1]!
        this.#order[at] = this.#order[at - 1]!
        at -= 1
      }
      this.#weights[at] = weight
      this.#order[at] = path
    }
  }

  /** @returns the nearest to ask on this path; -1 where there is none, or as many as may be are under way. */
  #nextOn(path: number, nowMs: Millis): number {
    const { candidates } = this
    const { ordered, state, askedMs, on } = candidates
    const hedgeMs = this.#hedgeMs
    const bit = 1 << path
    if (this.requests < this.#first.length) {
      const slot = this.#nextFirst()
      if (slot >= 0) return this.#isFull(path, true) ? -1 : slot
    }
    const next = candidates.firstHeard(path)
    if (next === candidates.size) return -1
    // Where there is one path nobody else is passed over below.
    const passed = this.#gone + this.#inFlightCount - this.#fast
    if (this.#paths === 1 && next - passed >= this.#want) return -1
    let places = 0
    for (let rank = 0; rank < next && places < this.#want; rank++) {
      const slot = ordered[rank]!
      const is = state[slot]!
      if (is >= refused || (on[slot]! & bit) === 0) continue
      if (is === asked && nowMs - askedMs[slot]! >= hedgeMs) continue
      if (places === 0 && this.#isFull(path, this.#wide || is === answered)) return -1
      places += 1
      // The others before it are not so many that it would be too far.
      if (next - rank + places <= this.#want) break
    }
    if (places === 0 && this.#isFull(path, this.#wide)) return -1
    return places < this.#want ? ordered[next]! : -1
  }

  #nextFirst(): number {
    const { candidates } = this
    for (const node of this.#first) {
      const slot = candidates.find(node)
      if (slot >= 0 && candidates.state[slot] === heard) return slot
    }
    return -1
  }

  #isFull(path: number, isWide: boolean): boolean {
    const atOnce = isWide ? this.#most : this.#alpha
    return this.#fast >= atOnce || this.#fastOn[path]! >= Math.ceil(atOnce / this.#paths)
  }
}
