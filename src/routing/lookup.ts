import type { Contact, Millis, PeerId } from '../base/ports.ts'
import type { Candidate, Candidates } from './candidates.ts'

export type LookupEnd =
  /** {@link Lookup.stop} was called: what was sought is found. */
  | 'stopped'
  /** The nearest have answered; or all there are, where there are fewer. */
  | 'answered'
  /** The bound on messages was reached. */
  | 'bounded'
  /** The deadline has passed. */
  | 'late'

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
  /** Requests under way in all; bounds what hedging can cost. */
  inFlightMax?: number
  /** A request older than this is slow: another is sent beside it. */
  hedgeMs: Millis
  /** When slow for so long, the end of the lookup waits no more for it, if others can take its place. */
  patienceMs?: Millis
  deadlineMs: Millis
  requestsMax: number
  /** Where any of the wanted will do: what it costs to ask a peer. The cheapest goes first, the nearer of two equal ones. */
  cost?: (peer: PeerId) => number
}

/**
 * An iterative lookup, as a machine: {@link poll} says whom to ask, the caller asks and reports each outcome, time comes in.
 * Whatever peers answer, it ends by its deadline and within its bound on requests. Source: docs/protocol/dht.md
 */
export class Lookup {
  readonly #o: Required<Omit<LookupOptions, 'cost'>> & Pick<LookupOptions, 'cost'>
  #requests = 0
  #stopped = false
  #wide = false

  constructor(options: LookupOptions) {
    this.#o = {
      enough: options.want,
      burst: options.want,
      inFlightMax: Math.max(options.alpha, options.burst ?? options.want) + options.alpha,
      patienceMs: 4 * options.hedgeMs,
      ...options
    }
  }

  get requests(): number {
    return this.#requests
  }

  /** Whom to ask now. Each of them must be reported on, once, by {@link answered}, {@link refused} or {@link failed}. */
  poll(nowMs: Millis): Contact[] {
    const out: Contact[] = []
    while (this.end(nowMs) === undefined && this.#requests < this.#o.requestsMax) {
      const next = this.#next(nowMs)
      if (!next) break
      this.#o.candidates.mark(next, 'asked')
      next.askedMs = nowMs
      this.#requests += 1
      out.push(next.contact)
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
    if (this.#settled(nowMs)) return 'answered'
    if (nowMs >= this.#o.deadlineMs) return 'late'
    if (this.#requests >= this.#o.requestsMax && this.#underWay(nowMs).fast === 0) return 'bounded'
    return undefined
  }

  /** When {@link poll} can have something new without any report: a request turns slow, or patience or time runs out. */
  wakeMs(nowMs: Millis): Millis {
    let at = this.#o.deadlineMs
    for (const c of this.#o.candidates.all) {
      if (c.state !== 'asked') continue
      for (const due of [c.askedMs + this.#o.hedgeMs, c.askedMs + this.#o.patienceMs])
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
    const candidate = this.#o.candidates.get(peer)
    if (candidate?.state === 'asked') this.#o.candidates.mark(candidate, state)
  }

  #isSlow = (c: Candidate, nowMs: Millis): boolean => nowMs - c.askedMs >= this.#o.hedgeMs
  #isGivenUp = (c: Candidate, nowMs: Millis): boolean => nowMs - c.askedMs >= this.#o.patienceMs

  #underWay(nowMs: Millis): { fast: number; all: number } {
    let [fast, all] = [0, 0]
    for (const c of this.#o.candidates.all) {
      if (c.state !== 'asked') continue
      all += 1
      if (!this.#isSlow(c, nowMs)) fast += 1
    }
    return { fast, all }
  }

  /** Enough of the nearest have answered, and none of the nearest is left to ask. */
  #settled(nowMs: Millis): boolean {
    let [places, answers, waiting, givenUp] = [0, 0, 0, 0]
    for (const c of this.#o.candidates.all) {
      if (c.state === 'failed' || c.state === 'refused') continue
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

  /** The nearest not asked yet, within the window of those that are wanted; slow ones do not take a place in it. */
  #next(nowMs: Millis): Candidate | undefined {
    const { fast, all } = this.#underWay(nowMs)
    const { alpha, burst, want, inFlightMax, cost } = this.#o
    if (all >= inFlightMax) return undefined
    let first: Candidate | undefined
    let nearestKnown: Candidate | undefined
    let least = Number.POSITIVE_INFINITY
    let places = 0
    for (const c of this.#o.candidates.all) {
      if (c.state === 'failed' || c.state === 'refused') continue
      if (c.state === 'asked' && this.#isSlow(c, nowMs)) continue
      nearestKnown ??= c
      if (c.state === 'heard') {
        const costs = cost?.(c.contact.peer) ?? 0
        if (costs < least) [first, least] = [c, costs]
        if (least === 0) break
      }
      places += 1
      if (places === want) break
    }
    const wide = this.#wide || nearestKnown?.state === 'answered'
    return fast < (wide ? Math.max(alpha, burst) : alpha) ? first : undefined
  }
}
