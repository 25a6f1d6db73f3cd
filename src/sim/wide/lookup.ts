import type { Millis } from '../../base/ports.ts'
import type { LookupEnd } from '../../routing/lookup.ts'
import { answered, asked, failed, heard, refused, WideCandidates } from './candidates.ts'
import type { Places } from './places.ts'

/** As `LookupOptions` of src/routing; what is not told is as there. No costs and no elders: only a put's own lookup has these. */
export interface WideLookupOptions {
  want: number
  alpha: number
  burst?: number
  paths: number
  hedgeMs: Millis
  patienceMs?: Millis
  deadlineMs: Millis
  requestsMax: number
}

/**
 * `Lookup` of src/routing in typed arrays, used again and again: a candidate is a slot of {@link WideCandidates}. A test runs both on
 * the same input and demands the same decisions.
 */
export class WideLookup {
  readonly candidates: WideCandidates
  /** Slots to ask now, after {@link poll}. */
  readonly toAsk = new Uint16Array(64)
  requests = 0
  readonly #inFlight = new Uint16Array(512)
  #inFlightCount = 0
  #o: Required<WideLookupOptions> = none
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
  #all = 0
  #isWide = false

  constructor(places: Places) {
    this.candidates = new WideCandidates(places)
  }

  begin(targetHi: number, targetLo: number, self: number, o: WideLookupOptions): void {
    this.#o = { burst: o.want, patienceMs: 4 * o.hedgeMs, ...o }
    this.#inFlightMax = Math.max(o.alpha, this.#o.burst) + o.alpha
    this.candidates.begin(targetHi, targetLo, self, o.paths)
    this.requests = 0
    this.#inFlightCount = 0
    this.#stopped = false
    this.#wide = false
    this.#startMs = undefined
    this.#mostMs = undefined
    this.#spent.fill(0)
  }

  /** @returns how many of {@link toAsk} to ask now; each is to be reported on once. */
  poll(nowMs: Millis): number {
    const { candidates } = this
    const { paths, requestsMax, hedgeMs } = this.#o
    this.#startMs ??= nowMs
    if (paths > 1)
      for (let i = 0; i < this.#inFlightCount; i++) {
        const slot = this.#inFlight[i]!
        if (candidates.isLate[slot] === 0 && nowMs - candidates.askedMs[slot]! >= hedgeMs)
          candidates.judge(slot, false)
      }
    let count = 0
    while (this.end(nowMs) === undefined && this.requests < requestsMax) {
      const next = this.#next(nowMs)
      if (next < 0) break
      const [slot, path] = [next >> 3, next & 7]
      candidates.ask(slot, nowMs, path, this.requests)
      this.#inFlight[this.#inFlightCount++] = slot
      this.#spent[path]! += 1
      this.requests += 1
      this.toAsk[count++] = slot
    }
    return count
  }

  answered(slot: number, nodes: Uint32Array, count: number): void {
    this.#report(slot, answered)
    this.candidates.hear(slot, nodes, count)
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
    const { paths, deadlineMs, requestsMax } = this.#o
    let [settled, over] = [0, 0]
    for (let path = 0; path < paths; path++) {
      const isSettled = this.#settled(path, nowMs)
      if (isSettled) settled += 1
      if (isSettled || this.#isSpent(path, nowMs)) over += 1
    }
    if (over === paths) return settled > 0 ? 'answered' : 'bounded'
    if (nowMs >= deadlineMs) return 'late'
    if (2 * settled > paths) {
      this.#mostMs ??= nowMs
      if (nowMs >= this.#overtimeMs()) return 'answered'
    }
    if (this.requests < requestsMax) return undefined
    this.#count(nowMs, -1)
    return this.#fast > 0 ? undefined : settled > 0 ? 'answered' : 'bounded'
  }

  wakeMs(nowMs: Millis): Millis {
    const { deadlineMs, hedgeMs, patienceMs } = this.#o
    let at = deadlineMs
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
    let i = 0
    while (this.#inFlight[i] !== slot) i++
    this.#inFlight[i] = this.#inFlight[--this.#inFlightCount]!
    if (this.#o.paths > 1) candidates.judge(slot, state !== failed)
  }

  #overtimeMs(): Millis {
    const tookMs = this.#mostMs! - this.#startMs!
    return this.#mostMs! + Math.max(tookMs, 4 * this.#o.hedgeMs)
  }

  #isSpent(path: number, nowMs: Millis): boolean {
    const { paths, requestsMax } = this.#o
    if (paths === 1 || this.#spent[path]! < requestsMax / 2) return false
    this.#count(nowMs, path)
    return this.#fast === 0
  }

  #count(nowMs: Millis, path: number): void {
    const { candidates } = this
    const { hedgeMs } = this.#o
    let [fast, all] = [0, 0]
    for (let i = 0; i < this.#inFlightCount; i++) {
      const slot = this.#inFlight[i]!
      if (path >= 0 && candidates.path[slot] !== path) continue
      const ageMs = nowMs - candidates.askedMs[slot]!
      if (ageMs < 4 * hedgeMs) all += 1
      if (ageMs < hedgeMs) fast += 1
    }
    this.#fast = fast
    this.#all = all
  }

  #settled(path: number, nowMs: Millis): boolean {
    const { candidates } = this
    const { ordered, state, askedMs, size } = candidates
    const { want, paths, patienceMs } = this.#o
    let [places, waiting, givenUp] = [0, 0, 0]
    for (let rank = 0; rank < size; rank++) {
      const slot = ordered[rank]!
      const is = state[slot]!
      if (is >= refused || (paths > 1 && !candidates.isOn(slot, path))) continue
      if (is === heard) return false
      if (is === asked) {
        if (nowMs - askedMs[slot]! >= patienceMs) {
          givenUp += 1
          continue
        }
        waiting += 1
      }
      places += 1
      if (places === want) break
    }
    return waiting === 0 && (places === want || givenUp === 0)
  }

  /** @returns 8 x slot + path, or -1. */
  #next(nowMs: Millis): number {
    const { alpha, burst, paths, requestsMax } = this.#o
    this.#count(nowMs, -1)
    if (this.#all >= this.#inFlightMax) return -1
    const most = Math.max(alpha, burst)
    const fast = this.#fast
    if (paths === 1) {
      const slot = this.#nextOn(0, nowMs)
      const atOnce = this.#isWide ? most : alpha
      return slot >= 0 && fast < atOnce ? 8 * slot : -1
    }
    this.#sortPaths(nowMs)
    for (let i = 0; i < paths; i++) {
      const path = this.#order[i]!
      if (this.#spent[path]! >= requestsMax / 2) continue
      const slot = this.#nextOn(path, nowMs)
      const atOnce = this.#isWide ? most : alpha
      if (slot < 0 || fast >= atOnce) continue
      this.#count(nowMs, path)
      if (this.#fast < Math.ceil(atOnce / paths)) return 8 * slot + path
    }
    return -1
  }

  /** The path with the fewest under way first, then the one with the fewest at all. */
  #sortPaths(nowMs: Millis): void {
    for (let path = 0; path < this.#o.paths; path++) {
      this.#count(nowMs, path)
      // In flight are at most 40, spent at most 320.
      const weight = 1_024 * this.#fast + this.#spent[path]!
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

  #nextOn(path: number, nowMs: Millis): number {
    const { candidates } = this
    const { ordered, state, askedMs, size } = candidates
    const { want, paths, hedgeMs } = this.#o
    let nearest = -1
    let places = 0
    let found = -1
    for (let rank = 0; rank < size; rank++) {
      const slot = ordered[rank]!
      const is = state[slot]!
      if (is >= refused || (paths > 1 && !candidates.isOn(slot, path))) continue
      if (is === asked && nowMs - askedMs[slot]! >= hedgeMs) continue
      if (nearest < 0) nearest = is
      if (is === heard) {
        found = slot
        break
      }
      places += 1
      if (places === want) break
    }
    this.#isWide = this.#wide || nearest === answered
    return found
  }
}

const none: Required<WideLookupOptions> = {
  want: 1,
  alpha: 1,
  burst: 1,
  paths: 1,
  hedgeMs: 1,
  patienceMs: 1,
  deadlineMs: 0,
  requestsMax: 1
}
