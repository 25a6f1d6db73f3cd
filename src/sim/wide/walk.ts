import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { LookupEnd } from '../../routing/lookup.ts'
import { pathsUsual } from '../../routing/lookup.ts'
import { laterShare } from '../../routing/region.ts'
import { RoundTrip } from '../../routing/rtt.ts'
import { asking } from '../../routing/upkeep.ts'
import { answered, failed, heard, slotsMax } from './candidates.ts'
import type { Foes } from './foes.ts'
import type { Lines } from './lines.ts'
import type { WideLookupOptions } from './lookup.ts'
import { WideLookup } from './lookup.ts'
import type { FloodPings } from './pings.ts'
import { nobody, Selection, Shortlist } from './places.ts'
import type { TripParts } from './trips.ts'
import { Trips } from './trips.ts'

export interface WalkParts extends TripParts {
  foes?: Foes
  pings?: FloodPings
  parameters: { k: number; alpha: number; replicas: number; connections: number; paths?: number }
  lines?: Lines
  /** Of a table's entries, `node` has failed twice and left. */
  onLeft?(owner: number, node: number): void
  /** One of these places that may be a spare of a bucket of `owner`, or {@link nobody}. */
  spare?(owner: number, from: number, to: number): number
  /** Since when a node is there; who came first is taken for whom all that know it have known longest. */
  sinceMs(node: number): Millis
}

export interface WalkOptions {
  /** How many of the nearest shall answer. */
  want: number
  /** How many others an answer names. */
  named: number
  burst: number
  alpha: number
  deadlineMs: Millis
  patienceMs?: Millis
  paths?: number
  /** Who ends the lookup by its answer. */
  holds?: (node: number) => boolean
  requestsMax?: number
  /** So many of those that are known longest are asked first, and beside the others. */
  elders?: number
  /** Begins with these, or with elders, alone. */
  only?: Uint32Array | 'elders'
  /** Whom answers name is not asked. */
  isClosed?: boolean
}

/** Of the nearest so many buckets full the elders are taken. */
const elderBuckets = 3
const nobodyFirst = new Uint32Array(0)

/**
 * Carries out lookups, one after the other, each in its own time: while one is under way nobody comes or goes, since it takes a second
 * and sessions take hours. Who is not there does not answer until the request is given up.
 */
export class Walker {
  /** After a lookup: how long it took, requests, and over how many others the nearest was found. */
  tookMs: Millis = 0
  requests = 0
  /** Of these, to those who could not be dialled. */
  vain = 0
  /** Of those whom answers named: nobody could be dialled. */
  pings = 0
  hops = 0
  end: LookupEnd = 'answered'
  /** Who answered in the end, nearest first; what counts is {@link foundCount}. */
  readonly found = new Uint32Array(limits.contactsMax)
  foundCount = 0
  /** Who ended it, or {@link nobody}. */
  holder = nobody
  readonly trips: Trips
  readonly #p: WalkParts
  readonly #machine: WideLookup
  readonly #heard: Uint32Array
  readonly #selection: Selection
  readonly #truth: Shortlist
  /** One for all that are not followed, where each has its own in what ships. */
  readonly #roundTrip = new RoundTrip(asking.floorMs)
  /** Slots asked whose answer has not come or failed, the last due first; of two due at a time the one that was sent later. */
  readonly #due = new Uint16Array(slotsMax)
  #dueCount = 0
  /** Of {@link WideTables.touch}. */
  #touched = 0
  /** By slot. */
  readonly #dueMs = new Float64Array(slotsMax)
  readonly #isAnswer = new Uint8Array(slotsMax)

  constructor(parts: WalkParts) {
    this.#p = parts
    this.trips = new Trips(parts)
    this.#machine = new WideLookup(parts.places)
    this.#heard = new Uint32Array(
      parts.tables.answerMost(elderBuckets * limits.contactsMax) + limits.sparesPerBucketMax
    )
    this.#selection = new Selection(parts.places, this.#heard.length)
    this.#truth = new Shortlist(parts.places, elderBuckets * limits.contactsMax)
  }

  /** The usual lookup: the `want` nearest that answer. */
  find(
    from: number,
    targetHi: number,
    targetLo: number,
    want: number,
    o: Pick<WalkOptions, 'paths' | 'elders'> = {}
  ): void {
    const { k, alpha } = this.#p.parameters
    const deadlineMs = asking.operationMs
    this.walk(from, targetHi, targetLo, { want, named: k, burst: want, alpha, deadlineMs, ...o })
  }

  /**
   * Whether the table of `from` covers the place, as the shipping seed judges before a put: then it can hardly have missed more than
   * half of the R nearest, and no lookup goes before. {@link found} are the R nearest that it knows then, and behind them those of the true R
   * nearest that it does not, whom the first answers name.
   */
  covers(from: number, targetHi: number, targetLo: number, nodes: number): boolean {
    if (!this.#isCovered(from, targetHi, targetLo, nodes)) return false
    const { parameters, reach } = this.#p
    const known = this.#known(from, targetHi, targetLo, parameters.replicas)
    this.found.set(this.#heard.subarray(0, known))
    this.foundCount = known
    this.#truth.begin(targetHi, targetLo, parameters.replicas)
    this.#truth.fill(reach.of(from), from)
    for (const node of this.#truth.nodes.subarray(0, this.#truth.size))
      if (!this.found.subarray(0, known).includes(node)) this.found[this.foundCount++] = node
    this.requests = 0
    this.vain = 0
    this.pings = 0
    this.tookMs = 0
    return true
  }

  #isCovered(from: number, targetHi: number, targetLo: number, nodes: number): boolean {
    const { places, parameters } = this.#p
    const { replicas } = parameters
    const count = this.#known(from, targetHi, targetLo, replicas)
    let farthest = 0
    for (let i = 0; i < count; i++)
      farthest = Math.max(farthest, (places.hi(this.#heard[i]!) ^ targetHi) >>> 0)
    return count < replicas || (farthest / 2 ** 32) * nodes <= 2 * replicas
  }

  /** A get: ends with the first answer of a holder. @returns whether there was one. */
  get(
    from: number,
    targetHi: number,
    targetLo: number,
    nodes: number,
    holds: (node: number) => boolean
  ): boolean {
    const { alpha, replicas } = this.#p.parameters
    this.walk(from, targetHi, targetLo, {
      want: replicas,
      named: replicas,
      burst: alpha,
      // Whom the table names for it has it in all likelihood.
      alpha: this.#isCovered(from, targetHi, targetLo, nodes) ? 1 : alpha,
      deadlineMs: asking.operationMs * (1 - laterShare),
      patienceMs: asking.timeoutMs,
      holds
    })
    return this.holder !== nobody
  }

  /**
   * After a {@link get}: the `count` nearest that have not failed, as far as we were led; and of those nearer than the holder, or of so many where
   * there is none, how many had nothing or did not answer.
   */
  led(count: number): { near: number[]; lacking: number } {
    const { ordered, size, node, state } = this.#machine.candidates
    const near: number[] = []
    let lacking = 0
    let isBefore = true
    for (let rank = 0; rank < size && (isBefore || near.length < count); rank++) {
      const slot = ordered[rank]!
      if (this.holder === nobody ? rank === count : node[slot] === this.holder) isBefore = false
      if (isBefore && (state[slot] === answered || state[slot] === failed)) lacking += 1
      if (state[slot] !== failed && near.length < count) near.push(node[slot]!)
    }
    return { near, lacking }
  }

  /** Whether the last lookup by {@link find} found exactly the true nearest of those who are there, reached or not. */
  isExact(from: number, targetHi: number, targetLo: number, want: number): boolean {
    this.#truth.begin(targetHi, targetLo, want)
    this.#truth.fill(this.#p.reach.seeds, from)
    if (this.#truth.size !== this.foundCount) return false
    for (let i = 0; i < this.foundCount; i++)
      if (this.#truth.nodes[i] !== this.found[i]) return false
    return true
  }

  /** After {@link isExact}: of the honest among the true nearest, the share that was found; and whether nobody else was. */
  honestFound(isHonest: (node: number) => boolean): { share: number; isMisled: boolean } {
    const found = this.found.subarray(0, this.foundCount)
    const honest = this.#truth.nodes.subarray(0, this.#truth.size).filter(isHonest)
    const share = honest.filter(node => found.includes(node)).length / honest.length
    return {
      share: honest.length === 0 ? 1 : share,
      isMisled: found.length > 0 && !found.some(isHonest)
    }
  }

  /** Carries out any lookup. */
  walk(from: number, targetHi: number, targetLo: number, o: WalkOptions): void {
    const { parameters } = this.#p
    const machine = this.#machine
    const first = o.elders ? this.#findElders(from, targetHi, targetLo, o.elders) : nobodyFirst
    const options: WideLookupOptions = {
      want: o.want,
      alpha: o.alpha + first.length,
      first,
      burst: o.burst,
      paths: o.paths ?? parameters.paths ?? pathsUsual,
      hedgeMs: this.#roundTripOf(from).hedgeMs,
      deadlineMs: o.deadlineMs,
      requestsMax: o.requestsMax ?? limits.lookupRequestsMax,
      ...(o.patienceMs === undefined ? {} : { patienceMs: o.patienceMs })
    }
    machine.begin(targetHi, targetLo, from, options)
    this.#p.foes?.begin()
    if (o.only === undefined) {
      const started = this.#known(from, targetHi, targetLo, parameters.k)
      machine.candidates.start(this.#heard, started)
    } else if (o.only !== 'elders') machine.candidates.start(o.only, o.only.length)
    if (first.length > 0) machine.candidates.start(first, first.length)
    this.#dueCount = 0
    this.vain = 0
    this.holder = nobody
    let nowMs = 0
    for (;;) {
      const count = machine.poll(nowMs)
      this.#touch(from, count)
      for (let i = 0; i < count; i++) this.#send(from, machine.toAsk[i]!, nowMs)
      if (machine.ended !== undefined) {
        this.end = machine.ended
        break
      }
      const next = this.#dueCount > 0 ? this.#due[this.#dueCount - 1]! : -1
      const dueMs = next < 0 ? Number.POSITIVE_INFINITY : this.#dueMs[next]!
      if (dueMs > machine.soonestMs) {
        const wakeMs = Math.max(nowMs + 1, machine.wakeMs(nowMs))
        if (dueMs > wakeMs) {
          nowMs = wakeMs
          continue
        }
      }
      this.#dueCount -= 1
      nowMs = dueMs
      this.#arrive(from, next, nowMs, targetHi, targetLo, o)
    }
    this.tookMs = nowMs
    this.requests = machine.requests
    this.pings = this.#p.pings?.take(from) ?? 0
    this.hops = machine.hops
    this.foundCount = machine.nearest(Math.min(o.want, this.found.length), this.found)
  }

  /** The nearest of the table and of the spares behind the bucket in which the target lies. @returns how many there are in `#heard`. */
  #known(owner: number, targetHi: number, targetLo: number, max: number): number {
    const { tables, places, spare } = this.#p
    const started = tables.nearest(owner, targetHi, targetLo, max, nobody, this.#heard)
    const bucket = Math.clz32(places.hi(owner) ^ targetHi)
    if (!spare || bucket >= tables.shape.far) return started
    const [low, high] = [places.from(targetHi, bucket + 1), places.to(targetHi, bucket + 1)]
    const size = high - low
    // Of few each is met in turn, or drawing would name some twice and miss others.
    const isFew = size <= 2 * limits.sparesPerBucketMax
    const most = started + limits.sparesPerBucketMax
    let count = started
    for (let i = 0; i < (isFew ? size : limits.sparesPerBucketMax) && count < most; i++) {
      const node = isFew ? spare(owner, low + i, low + i + 1) : spare(owner, low, high)
      if (node !== nobody) this.#heard[count++] = node
    }
    return this.#selection.pickInOrder(this.#heard, count, max, targetHi, targetLo)
  }

  /** As `Table.elders`; of those known equally long the nearest. */
  #findElders(owner: number, targetHi: number, targetLo: number, count: number): Uint32Array {
    const { tables, parameters, sinceMs } = this.#p
    const max = elderBuckets * parameters.k
    const near = this.#truth
    near.begin(targetHi, targetLo, max)
    const known = tables.nearest(owner, targetHi, targetLo, max, nobody, this.#heard)
    for (let i = 0; i < known; i++) near.offer(this.#heard[i]!)
    const eldest = [...near.nodes.subarray(0, near.size)].sort((a, b) => sinceMs(a) - sinceMs(b))
    return Uint32Array.from(eldest.slice(0, count))
  }

  /** Of those that the last lookup knows: who was asked, or who has not failed. */
  *seen(which: 'asked' | 'there'): Generator<number> {
    const { ordered, size, node, state } = this.#machine.candidates
    for (let rank = 0; rank < size; rank++) {
      const slot = ordered[rank]!
      if (which === 'asked' ? state[slot] !== heard : state[slot] !== failed) yield node[slot]!
    }
  }

  /** Before any of them is sent to: what will be read of all of these then is on its way from memory at the same time. */
  #touch(from: number, count: number): void {
    const { tables, reach } = this.#p
    const { candidates, toAsk } = this.#machine
    const reached = reach.of(from)
    let touched = this.#touched
    for (let i = 0; i < count; i++) {
      const node = candidates.node[toAsk[i]!]!
      touched ^= tables.touch(node, candidates.differing(toAsk[i]!)) ^ reached[node]!
    }
    this.#touched = touched
  }

  #roundTripOf(from: number): RoundTrip {
    return this.#p.lines?.roundTripOf(from) ?? this.#roundTrip
  }

  #send(from: number, slot: number, nowMs: Millis): void {
    const node = this.#machine.candidates.node[slot]!
    const tripMs = this.trips.timeMs(from, node)
    const lateMs = this.#p.foes?.delayMs(node) ?? 0
    const tookMs = tripMs === undefined ? undefined : tripMs + lateMs
    if (tookMs === undefined && !this.trips.reaches(from, node)) this.vain += 1
    const isAnswer = tookMs !== undefined && tookMs < asking.timeoutMs
    const dueMs = nowMs + (isAnswer ? tookMs : asking.timeoutMs)
    this.#dueMs[slot] = dueMs
    this.#isAnswer[slot] = isAnswer ? 1 : 0
    let at = this.#dueCount++
    for (; at > 0 && this.#dueMs[this.#due[at - 1]!]! <= dueMs; at--)
      this.#due[at] = this.#due[at - 1]!
    this.#due[at] = slot
  }

  #arrive(
    from: number,
    slot: number,
    nowMs: Millis,
    targetHi: number,
    targetLo: number,
    o: WalkOptions
  ): void {
    const { tables, foes, lines } = this.#p
    const machine = this.#machine
    const node = machine.candidates.node[slot]!
    const askedMs = machine.candidates.askedMs[slot]!
    if (this.#isAnswer[slot] === 0) {
      if (!lines?.failed(from, node) && tables.failed(from, node)) this.#p.onLeft?.(from, node)
      if (o.holds) machine.widen()
      machine.failed(slot)
      return
    }
    if (lines?.roundTripOf(from)) lines.answered(from, node, nowMs - askedMs)
    else this.#roundTrip.sample(nowMs - askedMs)
    tables.answered(from, node)
    if (o.holds?.(node)) {
      this.holder = node
      machine.answered(slot, this.#heard, 0)
      machine.stop()
      return
    }
    if (o.holds) machine.widen()
    if (o.holds && foes?.lies(node)) {
      // Who breaks the protocol leaves the table at once.
      tables.remove(from, node)
      machine.failed(slot)
      return
    }
    if (o.isClosed) machine.answered(slot, this.#heard, 0)
    else if (foes?.misleads(node))
      machine.answered(slot, this.#heard, foes.name(node, targetHi, targetLo, o.named, this.#heard))
    else {
      const count = tables.collect(node, targetHi, o.named, from, this.#heard)
      machine.answered(slot, this.#heard, count, tables.whole, o.named)
    }
  }
}
