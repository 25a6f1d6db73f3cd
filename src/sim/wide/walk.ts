import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { LookupEnd } from '../../routing/lookup.ts'
import { pathsUsual } from '../../routing/lookup.ts'
import { laterShare } from '../../routing/region.ts'
import { RoundTrip } from '../../routing/rtt.ts'
import { asking } from '../../routing/upkeep.ts'
import type { Dice } from '../dice.ts'
import { dialRoundTrips } from '../latency.ts'
import { failed, heard } from './candidates.ts'
import type { Foes } from './foes.ts'
import type { WideLookupOptions } from './lookup.ts'
import { WideLookup } from './lookup.ts'
import type { FloodPings } from './pings.ts'
import type { Places } from './places.ts'
import { nobody, Shortlist } from './places.ts'
import type { Reach } from './reach.ts'
import type { WideTables } from './tables.ts'

export interface WalkParts {
  places: Places
  tables: WideTables
  reach: Reach
  foes?: Foes
  pings?: FloodPings
  /** One way. */
  latencyOf(from: number, to: number): Millis
  /** Of messages. */
  loss: number
  dice: Dice
  /** Of who is connected to whom. */
  linkDice: Dice
  parameters: { k: number; alpha: number; replicas: number; connections: number; paths?: number }
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
/** The most requests under way of which the answer has not come or failed. */
const flightMax = 512

/**
 * Carries out lookups, one after the other, each in its own time: while one is under way nobody comes or goes, since it takes a second
 * and sessions take hours. Who is not there does not answer until the request is given up.
 */
export class Walker {
  /** After a lookup: how long it took, requests, and over how many others the nearest was found. */
  tookMs: Millis = 0
  requests = 0
  /** Of those whom answers named. */
  pings = 0
  hops = 0
  end: LookupEnd = 'answered'
  /** Who answered in the end, nearest first; what counts is {@link foundCount}. */
  readonly found = new Uint32Array(limits.contactsMax)
  foundCount = 0
  /** Who ended it, or {@link nobody}. */
  holder = nobody
  readonly #p: WalkParts
  readonly #machine: WideLookup
  readonly #heard: Uint32Array
  readonly #truth: Shortlist
  readonly #elders = new Uint32Array(8)
  /** One for all nodes, where each has its own in what ships. */
  readonly #roundTrip = new RoundTrip(asking.floorMs)
  readonly #dueMs = new Float64Array(flightMax)
  readonly #dueSlot = new Uint16Array(flightMax)
  readonly #dueAnswers = new Uint8Array(flightMax)
  #due = 0

  constructor(parts: WalkParts) {
    this.#p = parts
    this.#machine = new WideLookup(parts.places)
    this.#heard = new Uint32Array(elderBuckets * limits.contactsMax)
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

  /** From a request to its answer; undefined where either is lost or nobody is there. */
  roundTripMs(from: number, to: number, isConnected = this.#isConnected(from, to)) {
    const { reach, foes, latencyOf, loss, dice } = this.#p
    const isLost = loss > 0 && (dice.next() < loss || dice.next() < loss)
    if (reach.of(from)[to] !== 1 || isLost) return undefined
    const tripMs = latencyOf(from, to) + latencyOf(to, from)
    const lateMs = foes?.delayMs(to) ?? 0
    return lateMs + (isConnected ? tripMs : (1 + dialRoundTrips) * tripMs)
  }

  /**
   * With near ones always, and with everybody where they are no more than the connections that are kept. Of what is left of these half are
   * with random ones of the table, the others from whoever dialled.
   */
  #isConnected(from: number, to: number): boolean {
    const { tables, places, reach, linkDice, parameters } = this.#p
    if (reach.seedCount - 1 <= parameters.connections) return true
    if (places.shared(from, to) >= tables.shape.far) return true
    const left = parameters.connections - tables.nearCount(from)
    return linkDice.next() * 2 * tables.farSize < left
  }

  /** Carries out any lookup. */
  walk(from: number, targetHi: number, targetLo: number, o: WalkOptions): void {
    const { parameters } = this.#p
    const machine = this.#machine
    const first = this.#elders.subarray(0, o.elders ?? 0)
    const elders = o.elders ? this.#findElders(from, targetHi, targetLo, first) : 0
    const options: WideLookupOptions = {
      want: o.want,
      alpha: o.alpha + elders,
      first: first.subarray(0, elders),
      burst: o.burst,
      paths: o.paths ?? parameters.paths ?? pathsUsual,
      hedgeMs: this.#roundTrip.hedgeMs,
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
    machine.candidates.start(first, elders)
    this.#due = 0
    this.holder = nobody
    let nowMs = 0
    for (;;) {
      const count = machine.poll(nowMs)
      for (let i = 0; i < count; i++) this.#send(from, machine.toAsk[i]!, nowMs)
      if (machine.ended !== undefined) {
        this.end = machine.ended
        break
      }
      const first = this.#first()
      const wakeMs = Math.max(nowMs + 1, machine.wakeMs(nowMs))
      if (first < 0 || this.#dueMs[first]! > wakeMs) {
        nowMs = wakeMs
        continue
      }
      nowMs = this.#dueMs[first]!
      this.#arrive(from, first, targetHi, targetLo, o)
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
    this.#truth.begin(targetHi, targetLo, max)
    for (let i = 0; i < started; i++) this.#truth.offer(this.#heard[i]!)
    const [low, high] = [places.from(targetHi, bucket + 1), places.to(targetHi, bucket + 1)]
    const size = high - low
    // Of few each is met in turn, or drawing would name some twice and miss others.
    const isFew = size <= 2 * limits.sparesPerBucketMax
    let spares = 0
    for (let i = 0; i < (isFew ? size : limits.sparesPerBucketMax); i++) {
      const node = isFew ? spare(owner, low + i, low + i + 1) : spare(owner, low, high)
      if (node === nobody) continue
      this.#truth.offerOnce(node)
      if (++spares === limits.sparesPerBucketMax) break
    }
    this.#heard.set(this.#truth.nodes.subarray(0, this.#truth.size))
    return this.#truth.size
  }

  /** As `Table.elders`; of those known equally long the nearest. @returns how many there are in `out`. */
  #findElders(owner: number, targetHi: number, targetLo: number, out: Uint32Array): number {
    const { tables, parameters, sinceMs } = this.#p
    const max = elderBuckets * parameters.k
    const near = this.#truth
    near.begin(targetHi, targetLo, max)
    const count = tables.nearest(owner, targetHi, targetLo, max, nobody, this.#heard)
    for (let i = 0; i < count; i++) near.offer(this.#heard[i]!)
    const known = [...near.nodes.subarray(0, near.size)].sort((a, b) => sinceMs(a) - sinceMs(b))
    out.set(known.slice(0, out.length))
    return Math.min(known.length, out.length)
  }

  /** Of those that the last lookup knows: who was asked, or who has not failed. */
  *seen(which: 'asked' | 'there'): Generator<number> {
    const { ordered, size, node, state } = this.#machine.candidates
    for (let rank = 0; rank < size; rank++) {
      const slot = ordered[rank]!
      if (which === 'asked' ? state[slot] !== heard : state[slot] !== failed) yield node[slot]!
    }
  }

  #send(from: number, slot: number, nowMs: Millis): void {
    const tookMs = this.roundTripMs(from, this.#machine.candidates.node[slot]!)
    const answers = tookMs !== undefined && tookMs < asking.timeoutMs
    const at = this.#due++
    this.#dueMs[at] = nowMs + (answers ? tookMs : asking.timeoutMs)
    this.#dueSlot[at] = slot
    this.#dueAnswers[at] = answers ? 1 : 0
  }

  /** Which is due next; of two at a time the one that was sent before. */
  #first(): number {
    let first = -1
    for (let i = 0; i < this.#due; i++)
      if (first < 0 || this.#dueMs[i]! < this.#dueMs[first]!) first = i
    return first
  }

  #arrive(from: number, at: number, targetHi: number, targetLo: number, o: WalkOptions): void {
    const { tables, foes } = this.#p
    const machine = this.#machine
    const slot = this.#dueSlot[at]!
    const node = machine.candidates.node[slot]!
    const answers = this.#dueAnswers[at] === 1
    const askedMs = machine.candidates.askedMs[slot]!
    const nowMs = this.#dueMs[at]!
    this.#due -= 1
    for (let i = at; i < this.#due; i++) {
      this.#dueMs[i] = this.#dueMs[i + 1]!
      this.#dueSlot[i] = this.#dueSlot[i + 1]!
      this.#dueAnswers[i] = this.#dueAnswers[i + 1]!
    }
    if (!answers) {
      if (tables.failed(from, node)) this.#p.onLeft?.(from, node)
      if (o.holds) machine.widen()
      machine.failed(slot)
      return
    }
    this.#roundTrip.sample(nowMs - askedMs)
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
    const count = o.isClosed
      ? 0
      : foes?.misleads(node)
        ? foes.name(node, targetHi, targetLo, o.named, this.#heard)
        : tables.nearest(node, targetHi, targetLo, o.named, from, this.#heard)
    machine.answered(slot, this.#heard, count)
  }
}
