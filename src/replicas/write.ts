import { limits } from '../base/limits.ts'
import type { Contact, Millis, PeerId } from '../base/ports.ts'
import type { Candidate, Candidates } from '../routing/candidates.ts'

export interface WriteOptions {
  /** Nearest first; we ourselves are among them when we may hold a copy. */
  candidates: Candidates
  /** R: how many shall hold a copy. */
  replicas: number
  /** W: how many acknowledgements make it safe. */
  quorum: number
  hedgeMs: Millis
  deadlineMs: Millis
  /** Requests in all, and half of it to peers that others named in their answers. */
  requestsMax: number
}

export interface WriteCount {
  stored: number
  needed: number
  wanted: number
  smallNetwork: boolean
}

/**
 * Brings copies to the R nearest that take them. Sends nothing, reads no clock: {@link poll} says whom to offer a copy, the
 * caller reports each outcome. It never counts more than {@link stored} was called for. Source: docs/protocol/dht.md
 */
export class Write {
  readonly #o: WriteOptions
  /** Who asked for more work, which is being done. */
  readonly #paying = new Set<PeerId>()
  /** Since when somebody does, and how long somebody did before: our own work does not use up the time for asking. */
  #payingMs: Millis = 0
  #paidMs: Millis = 0
  #requests = 0
  #hearsay = 0

  constructor(options: WriteOptions) {
    this.#o = options
  }

  get requests(): number {
    return this.#requests
  }

  poll(nowMs: Millis): Contact[] {
    const out: Contact[] = []
    while (!this.late(nowMs) && this.#requests < this.#o.requestsMax) {
      const next = this.#next(nowMs)
      if (!next) break
      this.#o.candidates.mark(next, 'asked')
      next.askedMs = nowMs
      this.#requests += 1
      if (next.hearsay) this.#hearsay += 1
      out.push(next.contact)
    }
    return out
  }

  /** `peer` proved that it took the copy, and named nearer peers. */
  stored(peer: PeerId, nearer: readonly Contact[]): void {
    this.#report(peer, 'answered')
    this.#o.candidates.hear(peer, nearer)
  }

  /** It is there and did not take it: it still counts as a node of the network. */
  refused(peer: PeerId): void {
    this.#report(peer, 'refused')
  }

  failed(peer: PeerId): void {
    this.#report(peer, 'failed')
  }

  /** `peer` would take the copy for more work, which begins now. It keeps its place; others are tried as beside one that is slow. */
  pays(peer: PeerId, nowMs: Millis): void {
    const candidate = this.#o.candidates.get(peer)
    if (candidate?.state !== 'asked') return
    candidate.askedMs = nowMs
    if (this.#paying.size === 0) this.#payingMs = nowMs
    this.#paying.add(peer)
  }

  /** The work for `peer` has ended, well or not. */
  paid(peer: PeerId, nowMs: Millis): void {
    if (this.#paying.delete(peer) && this.#paying.size === 0) this.#paidMs += nowMs - this.#payingMs
  }

  /** Whether `peer` shall be offered the copy again, which then counts as a request: not when enough others have it by now. */
  again(peer: PeerId, nowMs: Millis): boolean {
    const candidate = this.#o.candidates.get(peer)
    if (candidate?.state !== 'asked') return false
    const { wanted } = this.count()
    const taking = this.#o.candidates.all.filter(
      c => c.state === 'answered' || (c.state === 'asked' && !this.#paying.has(c.contact.peer))
    )
    // The peer itself is among them.
    if (taking.length > wanted || this.#requests >= this.#o.requestsMax) return false
    candidate.askedMs = nowMs
    this.#requests += 1
    return true
  }

  /**
   * Where fewer than R nodes are known, R and W shrink to those that can be reached. Where more are known they never do, however
   * many are away: then the copies are too few, and the writer must know. Hearsay counts until it proves to be away.
   */
  count(): WriteCount {
    const { candidates, replicas, quorum } = this.#o
    let [stored, reachable, known] = [0, 0, 0]
    for (const c of candidates.all) {
      if (c.state === 'answered') stored += 1
      if (c.state !== 'failed') reachable += 1
      if (c.state !== 'failed' || !c.hearsay) known += 1
    }
    const smallNetwork = known < replicas
    const most = smallNetwork ? Math.max(1, reachable) : replicas
    return { stored, needed: Math.min(quorum, most), wanted: most, smallNetwork }
  }

  /** W copies are acknowledged; in a small network, by all. */
  get safe(): boolean {
    const { stored, needed } = this.count()
    return stored >= needed
  }

  /** Nothing more is to be done, be it well or not: nobody is left to ask, or time or requests are used up. */
  over(nowMs: Millis): boolean {
    if (this.late(nowMs)) return true
    if (this.#o.candidates.all.some(c => c.state === 'asked')) return false
    return this.#requests >= this.#o.requestsMax || this.#next(nowMs) === undefined
  }

  /** The time is used up. */
  late(nowMs: Millis): boolean {
    return nowMs >= this.#deadlineMs(nowMs)
  }

  /** When {@link poll} can have something new without any report. */
  wakeMs(nowMs: Millis): Millis {
    let at = this.#deadlineMs(nowMs)
    for (const c of this.#o.candidates.all) {
      const due = c.askedMs + this.#o.hedgeMs
      if (c.state === 'asked' && due > nowMs && due < at) at = due
    }
    return at
  }

  #deadlineMs(nowMs: Millis): Millis {
    const paying = this.#paying.size > 0 ? nowMs - this.#payingMs : 0
    return this.#o.deadlineMs + this.#paidMs + paying
  }

  #report(peer: PeerId, state: 'answered' | 'refused' | 'failed'): void {
    const candidate = this.#o.candidates.get(peer)
    if (candidate?.state === 'asked') this.#o.candidates.mark(candidate, state)
  }

  /**
   * The nearest not asked yet among the R nearest that have not refused or failed, passing over those whose subnet holds two copies
   * already; such a one is taken only when the others have answered and named nobody else. Only when so many are slow that the others do
   * not make a quorum is the place of a slow one given to the next: R is larger than W so that a few may be slow.
   */
  #next(nowMs: Millis): Candidate | undefined {
    const { candidates, replicas } = this.#o
    const hurry = this.#needsMore(nowMs)
    const crowd = this.#crowd()
    let [places, waiting] = [0, 0]
    let spare: Candidate | undefined
    for (const c of candidates.all) {
      if (c.state === 'failed' || c.state === 'refused') continue
      const isSlow = this.#isSlow(c, nowMs)
      if (c.state === 'asked' && !isSlow) waiting += 1
      if (hurry && isSlow) continue
      if (c.state === 'heard') {
        if (!this.#mayAsk(c)) continue
        if (candidates.networksOf(c).every(s => (crowd.get(s) ?? 0) < limits.subnetHoldersMax))
          return c
        spare ??= c
        continue
      }
      places += 1
      if (places === replicas) return undefined
    }
    return waiting === 0 ? spare : undefined
  }

  #mayAsk({ hearsay }: Candidate): boolean {
    return !hearsay || this.#hearsay < this.#o.requestsMax / 2
  }

  /** How many have a copy, or are being given one, by subnet. */
  #crowd(): Map<string, number> {
    const crowd = new Map<string, number>()
    for (const c of this.#o.candidates.all)
      if (c.state === 'asked' || c.state === 'answered')
        for (const subnet of this.#o.candidates.networksOf(c))
          crowd.set(subnet, (crowd.get(subnet) ?? 0) + 1)
    return crowd
  }

  #isSlow(c: Candidate, nowMs: Millis): boolean {
    const { hedgeMs, replicas } = this.#o
    if (this.#paying.size >= replicas && this.#paying.has(c.contact.peer)) return false
    return c.state === 'asked' && nowMs - c.askedMs >= hedgeMs
  }

  #needsMore(nowMs: Millis): boolean {
    const { stored, needed } = this.count()
    let fast = 0
    for (const c of this.#o.candidates.all)
      if (c.state === 'asked' && !this.#isSlow(c, nowMs)) fast += 1
    return stored + fast < needed
  }
}
