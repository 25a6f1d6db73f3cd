import type { Contact, Millis, PeerId } from '../base/ports.ts'
import type { Candidate, Candidates } from './candidates.ts'
import { isVouched, pathsMax } from './candidates.ts'

export type LookupEnd =
  /** {@link Lookup.stop} was called: what was sought is found. */
  | 'stopped'
  /** The nearest have answered; or all there are, where there are fewer. */
  | 'answered'
  /** The bound on messages was reached. */
  | 'bounded'
  /** The deadline has passed. */
  | 'late'

/**
 * Of those that a path may ask now, the one that it asks: wanted, heard of and not asked yet, nearest first, at least one of them. How many
 * are asked at a time, and when it is over, is not its to say.
 */
export type Choose = (among: readonly Candidate[]) => Candidate

/** The one that costs least to ask, the nearer of two equal ones: where any of those wanted will do. */
export const cheapest =
  (cost: (peer: PeerId) => number): Choose =>
  among => {
    let [best, least] = [among[0]!, Number.POSITIVE_INFINITY]
    for (const candidate of among) {
      const costs = cost(candidate.contact.peer)
      if (costs < least) [best, least] = [candidate, costs]
      if (least === 0) break
    }
    return best
  }

export interface LookupOptions {
  candidates: Candidates
  /** How many of the nearest shall answer. */
  want: number
  /** How many answers among those are enough, once all of them were asked; `want` unless told. */
  enough?: number
  /** Requests under way that are not slow. */
  alpha: number
  /** The same once the nearest we heard of has answered, so that the last ones go out together; `want` unless told. */
  burst?: number
  /** Requests under way in all; bounds what hedging can cost. Those slow for four times `hedgeMs` do not count. */
  inFlightMax?: number
  /** A request older than this is slow: another is sent beside it. */
  hedgeMs: Millis
  /** When slow for so long, the end of the lookup waits no more for it, if others can take its place. */
  patienceMs?: Millis
  deadlineMs: Millis
  requestsMax: number
  /** Which goes first, where it shall not be the nearest. */
  choose?: Choose
  /**
   * Disjoint paths: every peer is asked on one of them, and what it answers leads only that one. With more than one, those that
   * named contacts which lead nowhere are doubted. 1 unless told: Kademlia's own lookup. At most 8.
   */
  paths?: number
  /** Those of the candidates that are asked before all others, however near those are. */
  first?: readonly PeerId[]
}

/**
 * Disjoint paths that a seed takes unless told otherwise. The finding: three halve what floods cost a lookup, and cost nothing in peace,
 * simulations/sybil-share.md; two were not tried. How they work: docs/decisions/025-hostile-lookups.md
 */
export const pathsUsual = 3

type Settings = Required<Omit<LookupOptions, 'choose'>> & Pick<LookupOptions, 'choose'>

/**
 * An iterative lookup, as a machine: {@link poll} says whom to ask, the caller asks and reports each outcome, time comes in.
 * Whatever peers answer, it ends by its deadline and within its bound on requests. Source: docs/protocol/dht.md
 */
export class Lookup {
  readonly #o: Settings
  /** Requests sent on each path. */
  readonly #spent: number[]
  #requests = 0
  #stopped = false
  #wide = false
  #startMs: Millis | undefined
  /** When most paths had settled. */
  #mostMs: Millis | undefined

  constructor(options: LookupOptions) {
    this.#o = {
      enough: options.want,
      burst: options.want,
      inFlightMax: Math.max(options.alpha, options.burst ?? options.want) + options.alpha,
      patienceMs: 4 * options.hedgeMs,
      first: [],
      ...options,
      paths: Math.min(pathsMax, options.paths ?? 1)
    }
    this.#spent = Array.from({ length: this.#o.paths }, () => 0)
  }

  get requests(): number {
    return this.#requests
  }

  /** Whom to ask now. Each of them must be reported on, once, by {@link answered}, {@link refused} or {@link failed}. */
  poll(nowMs: Millis): Contact[] {
    const { candidates, requestsMax, paths, want, enough } = this.#o
    this.#startMs ??= nowMs
    if (paths > 1)
      for (const c of candidates.all)
        if (c.state === 'asked' && !c.isLate && this.#isSlow(c, nowMs)) candidates.judge(c, 'late')
    const out: Contact[] = []
    let ended = this.end(nowMs)
    while (ended === undefined && this.#requests < requestsMax) {
      const next = this.#next(nowMs)
      if (!next) break
      const { candidate, path } = next
      candidates.mark(candidate, 'asked')
      candidate.askedMs = nowMs
      candidate.path = path
      this.#spent[path]! += 1
      this.#requests += 1
      out.push(candidate.contact)
      // Otherwise whom we ask cannot end it: who has not answered keeps its path from being settled, as who was not asked does.
      if (enough < want) ended = this.end(nowMs)
    }
    return out
  }

  answered(peer: PeerId, contacts: readonly Contact[]): void {
    this.#report(peer, 'answered')
    this.#o.candidates.hear(peer, contacts)
  }

  /** It is there but does not help. */
  refused(peer: PeerId): void {
    this.#report(peer, 'refused')
  }

  failed(peer: PeerId): void {
    this.#report(peer, 'failed')
  }

  /** From now on up to `burst` at a time: the first guess was wrong. */
  widen(): void {
    this.#wide = true
  }

  /** What was sought is found. */
  stop(): void {
    this.#stopped = true
  }

  /** @returns how it ended, or undefined while it runs. */
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
      if (nowMs >= this.#overtimeMs()!) return 'answered'
    }
    const isOut = this.#requests >= requestsMax && this.#underWay(nowMs).fast === 0
    return isOut ? (settled > 0 ? 'answered' : 'bounded') : undefined
  }

  /** When {@link poll} can have something new without any report: a request turns slow, or patience or time runs out. */
  wakeMs(nowMs: Millis): Millis {
    const { deadlineMs, hedgeMs, patienceMs, candidates } = this.#o
    let at = deadlineMs
    const overtimeMs = this.#overtimeMs()
    if (overtimeMs !== undefined && overtimeMs > nowMs) at = Math.min(at, overtimeMs)
    for (const c of candidates.all) {
      if (c.state !== 'asked') continue
      for (const due of [c.askedMs + hedgeMs, c.askedMs + 4 * hedgeMs, c.askedMs + patienceMs])
        if (due > nowMs && due < at) at = due
    }
    return at
  }

  /** Those that answered, nearest first. */
  nearest(count: number = this.#o.want): Contact[] {
    const answered = this.#o.candidates.all.filter(c => c.state === 'answered')
    return answered.slice(0, count).map(c => c.contact)
  }

  #report(peer: PeerId, state: 'answered' | 'refused' | 'failed'): void {
    const { candidates } = this.#o
    const candidate = candidates.get(peer)
    if (candidate?.state !== 'asked') return
    candidates.mark(candidate, state)
    candidates.judge(candidate, state === 'failed' ? 'failed' : 'answered')
  }

  /** Once most paths are at their end the others are given as long again, and four slow requests at least. */
  #overtimeMs(): Millis | undefined {
    if (this.#mostMs === undefined) return undefined
    const took = this.#mostMs - this.#startMs!
    return this.#mostMs + Math.max(took, 4 * this.#o.hedgeMs)
  }

  #isSlow = (c: Candidate, nowMs: Millis): boolean => nowMs - c.askedMs >= this.#o.hedgeMs
  #isGivenUp = (c: Candidate, nowMs: Millis): boolean => nowMs - c.askedMs >= this.#o.patienceMs

  /** Whether it counts on `path`. */
  #isOn(c: Candidate, path: number): boolean {
    return (c.paths & (1 << path)) !== 0 && (this.#o.paths === 1 || isVouched(c, path))
  }

  /** One path never takes more than half of all requests, while there are others. */
  #isSpent(path: number, nowMs: Millis): boolean {
    const { paths, requestsMax } = this.#o
    if (paths === 1 || this.#spent[path]! < requestsMax / 2) return false
    return this.#underWay(nowMs).fastOn[path] === 0
  }

  /** Requests that are not slow, on each path, and all that are not given up for good. */
  #underWay(nowMs: Millis): { fast: number; fastOn: number[]; all: number } {
    const { candidates, hedgeMs } = this.#o
    const fastOn = this.#spent.map(() => 0)
    let [fast, all] = [0, 0]
    for (const c of candidates.all) {
      if (c.state !== 'asked') continue
      const ageMs = nowMs - c.askedMs
      if (ageMs < 4 * hedgeMs) all += 1
      if (ageMs >= hedgeMs) continue
      fast += 1
      fastOn[c.path]! += 1
    }
    return { fast, fastOn, all }
  }

  /** Enough of the nearest that `path` knows have answered, and none of them is left to ask. */
  #settled(path: number, nowMs: Millis): boolean {
    let [places, answers, waiting, givenUp] = [0, 0, 0, 0]
    for (const c of this.#o.candidates.all) {
      if (c.state === 'failed' || c.state === 'refused' || !this.#isOn(c, path)) continue
      if (c.state === 'heard') return false
      if (c.state === 'asked') {
        if (this.#isGivenUp(c, nowMs)) {
          givenUp += 1
          continue
        }
        waiting += 1
      } else answers += 1
      places += 1
      if (places === this.#o.want) break
    }
    if (places < this.#o.want) return waiting + givenUp === 0
    return waiting === 0 || answers >= this.#o.enough
  }

  /** From the path that has the fewest requests under way, then the fewest at all. */
  #next(nowMs: Millis): { candidate: Candidate; path: number } | undefined {
    const { alpha, burst, inFlightMax, paths, requestsMax } = this.#o
    const { fast, fastOn, all } = this.#underWay(nowMs)
    if (all >= inFlightMax) return undefined
    const most = Math.max(alpha, burst)
    const spent = this.#spent
    const order = spent.map((_, path) => path)
    if (paths > 1) order.sort((a, b) => fastOn[a]! - fastOn[b]! || spent[a]! - spent[b]!)
    for (const path of order) {
      if (paths > 1 && spent[path]! >= requestsMax / 2) continue
      const { candidate, isWide } = this.#nextOn(path, nowMs)
      const atOnce = isWide ? most : alpha
      if (candidate && fast < atOnce && fastOn[path]! < Math.ceil(atOnce / paths))
        return { candidate, path }
    }
    return undefined
  }

  /** The nearest not asked yet, within the window of those that are wanted; slow ones do not take a place in it. */
  #nextOn(path: number, nowMs: Millis): { candidate: Candidate | undefined; isWide: boolean } {
    const { want, choose, first, candidates } = this.#o
    const isNext = (peer: PeerId) => candidates.get(peer)?.state === 'heard'
    const before = this.#requests < first.length ? first.find(isNext) : undefined
    if (before !== undefined) return { candidate: candidates.get(before), isWide: true }
    let candidate: Candidate | undefined
    let nearestKnown: Candidate | undefined
    const among: Candidate[] | undefined = choose && []
    let places = 0
    for (const c of candidates.all) {
      if (c.state === 'failed' || c.state === 'refused' || !this.#isOn(c, path)) continue
      if (c.state === 'asked' && this.#isSlow(c, nowMs)) continue
      nearestKnown ??= c
      if (c.state === 'heard') {
        candidate ??= c
        if (!among) break
        among.push(c)
      }
      places += 1
      if (places === want) break
    }
    if (choose && among && candidate) candidate = choose(among)
    return { candidate, isWide: this.#wide || nearestKnown?.state === 'answered' }
  }
}
