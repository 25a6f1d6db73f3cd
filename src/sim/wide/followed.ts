import type { Millis } from '../../base/ports.ts'
import { lost, pings, upkeep } from '../../routing/upkeep.ts'
import { planBefore, tickMs } from './before.ts'
import { Errands } from './errands.ts'
import { drawKnown, warmOf } from './known.ts'
import type { LifeParts } from './life.ts'
import type { Lines } from './lines.ts'
import { contactOf, nodeOf, Own } from './own.ts'
import { nobody } from './places.ts'
import type { Refreshes } from './refreshes.ts'
import { kind } from './requests.ts'

/** Of these so many times R nearest a node notices at once who comes and goes, as src/seed/repair.ts has it. */
const nearTimes = 4
/** When a run begins, those who are away have been so for this long at most, as at the scale full. */
const awayMs: Millis = 10 * 60_000
/** Whom a node asks that comes, as at the scale full: of those it knew, and of others. */
const remembered = 20
const bootstraps = 3

/** Its dice are of what tables do. */
export interface FollowedParts extends Omit<LifeParts, 'tableDice' | 'on'> {
  refreshes: Refreshes
  lives(node: number): boolean
  /** One of the seeds that are there and honest, or nobody. */
  bootstrap(): number
  /** An entry left: a spare takes its place. */
  replace(owner: number, gone: number): void
}

/**
 * Some of the nodes, spread evenly over the space, or all where these are few: what each of them sends because of its table is carried out as
 * it ships, step by step, and counts for as many as stand between two of them. When it heard of each entry, whom it lost, when it looks around, what it is
 * connected to and how long answers take is kept of these alone.
 */
export class Followed implements Lines {
  readonly #p: FollowedParts
  readonly #errands: Errands
  readonly #owns = new Map<number, Own>()
  /** Of those that left: whom they ask when they are back. */
  readonly #known = new Map<number, readonly number[]>()
  /** While the network is made. */
  #aheadMs: Millis = 0

  constructor(parts: FollowedParts) {
    this.#p = parts
    this.#errands = new Errands(parts)
  }

  /** Below zero while the network is made. */
  get nowMs(): Millis {
    return this.#p.calendar.nowMs + this.#aheadMs
  }

  has(node: number): boolean {
    return node % this.#p.stride === 0
  }

  /** It comes, with a table. */
  come(node: number): void {
    const known = new Set(this.#known.get(node))
    for (let i = 0; i < bootstraps; i++) known.add(this.#p.bootstrap())
    for (const none of [nobody, node]) known.delete(none)
    const own = this.#open(node)
    this.#join(node, own, Uint32Array.from(known))
    own.agenda?.joined(this.#moment(), this.#known.has(node))
    own.tickMs = this.#p.calendar.nowMs + tickMs(this.#p.dice)
    this.#arm(node, own)
  }

  /**
   * They came before the first hour, within a minute, and knew each other.
   * @param isMeasured long before it, so that they know how large the network is.
   */
  begin(nodes: readonly number[], isMeasured: boolean): void {
    const { dice, refreshes, calendar, foes } = this.#p
    const { due, tickMs: firstMs } = planBefore(nodes, { isMeasured, isHeld: foes.holdsUp, dice })
    for (const node of nodes) this.#loseAway(node, this.#open(node))
    for (const { atMs, node, isJoin } of due) {
      this.#aheadMs = atMs
      if (isJoin) this.#join(node, this.#owns.get(node)!)
      const bucket = isJoin ? undefined : refreshes.unmeasured(node)
      if (bucket !== undefined) refreshes.refresh(node, bucket)
    }
    this.#aheadMs = 0
    for (const node of nodes) {
      const own = this.#owns.get(node)!
      if (isMeasured) {
        refreshes.settled(node)
        own.settle(calendar.nowMs, () => dice.next())
      } else own.agenda?.joined(this.#moment(), false)
      own.tickMs = firstMs.get(node)!
      this.#arm(node, own)
    }
  }

  #open(node: number): Own {
    const { calendar, reach, scenario } = this.#p
    const { sweepHours, debounceMinutes } = scenario.parameters
    const holds = reach.isSeed(node)
    const own = new Own({ nowMs: calendar.nowMs, holds, sweepHours, debounceMinutes })
    this.#owns.set(node, own)
    return own
  }

  leave(node: number): void {
    for (const { lines } of this.#allFit ? this.#owns.values() : []) lines.delete(node)
    if (!this.#owns.delete(node)) return
    const entries = [...this.#p.tables.entries(node)]
    this.#known.set(node, entries.slice(0, remembered))
  }

  /** It is no more, and who has its place next remembers nobody. */
  died(node: number): void {
    this.#known.delete(node)
  }

  /** One that can be dialled came or went: those near to it notice. */
  around(node: number, isThere: boolean): void {
    const { places, tables, reach, stride } = this.#p
    const bits = Math.max(0, tables.shape.far - 1)
    const hi = places.hi(node)
    const [from, to] = [places.from(hi, bits), places.to(hi, bits)]
    for (let owner = Math.ceil(from / stride) * stride; owner < to; owner += stride) {
      const own = this.#owns.get(owner)
      if (!own || owner === node || reach.apart(owner, node)) continue
      if (!this.#isNear(owner, node)) continue
      if (isThere) this.meet(owner, node)
      else if (own.agenda && tables.has(owner, node)) this.#cutOff(owner, node)
    }
  }

  /** The connection to one near ended: a sign of life of another, once for all of that moment, and then of it, twice. */
  #cutOff(owner: number, node: number): void {
    const own = this.#owns.get(owner)!
    if (own.witnessMs !== this.nowMs) this.#errands.sent(owner, kind['ping, witness'], 1)
    own.witnessMs = this.nowMs
    this.#errands.sent(owner, kind['ping, cut-off'], 1, 1)
    this.#errands.sent(owner, kind['ping, failed'], 1, 1)
    this.#gone(owner, node)
  }

  /** `node` has connected: it is pinged if there is room for it. */
  meet(owner: number, node: number): void {
    const { tables } = this.#p
    if (tables.has(owner, node) || !tables.wants(owner, node)) return
    this.#errands.sent(owner, kind['ping, candidate'], 1)
    const tookMs = this.#p.walker.trips.timeMs(owner, node, true)
    if (tookMs === undefined) return
    tables.answered(owner, node)
    if (!this.#owns.has(owner)) return
    this.#changed(owner, node)
    this.answered(owner, node, tookMs)
  }

  /** It looked up a place, for somebody. */
  looked(node: number, hi: number): void {
    const { places, tables } = this.#p
    const own = this.#owns.get(node)
    if (!own) return
    const bucket = Math.min(Math.clz32(places.hi(node) ^ hi), tables.depth(node))
    own.touchedMs[bucket] = this.nowMs
  }

  /** Whether `owner` knows that it did not answer, and has not heard of it since. */
  isLost(owner: number, node: number): boolean {
    return this.has(owner) && this.#owns.get(owner)?.lost.has(String(node)) === true
  }

  isConnected(from: number, to: number): boolean | undefined {
    return this.#allFit ? this.#owns.get(from)?.lines.has(to) : undefined
  }

  /** Whether a node keeps a connection to everybody. */
  get #allFit(): boolean {
    const { reach, scenario } = this.#p
    return reach.seedCount - 1 <= scenario.parameters.connections
  }

  roundTripOf(from: number) {
    return this.#owns.get(from)?.roundTrip
  }

  answered(from: number, to: number, tookMs: Millis): void {
    const own = this.#owns.get(from)
    if (!own) return
    own.roundTrip.sample(tookMs)
    this.#hear(from, to)
    this.#hear(to, from)
    this.#connect(own, from, to)
    if (own.lost.found(String(to))) this.#seek(from, own, pings.queueMax)
  }

  /** Of who asks and of who answers. */
  #hear(owner: number, node: number): void {
    this.#owns.get(owner)?.seenMs.set(node, this.#p.calendar.nowMs)
  }

  /** It asked and was answered, of what it holds. */
  asked(from: number, to: number): void {
    if (this.#owns.has(from)) this.#ping(from, to)
  }

  failed(from: number, to: number): boolean {
    const own = this.#owns.get(from)
    if (!own) return false
    // Who answers too late was reached all the same.
    this.#connect(own, from, to)
    if (this.#p.tables.has(from, to)) this.#doubt(from, to)
    return true
  }

  /** Its next tick, or what repair does when nobody has come or gone for a while. */
  act(node: number): void {
    const own = this.#owns.get(node)!
    const { calendar } = this.#p
    if (calendar.nowMs >= own.tickMs) {
      this.#tick(node, own)
      own.tickMs = calendar.nowMs + tickMs(this.#p.dice)
    }
    for (const due of own.agenda?.due(this.#moment()) ?? []) {
      if (due.type === 'stand-in' || (due.type === 'look' && !own.isChanged)) continue
      if (due.type === 'look') own.isChanged = false
      this.#lookAround(node, own)
    }
    this.#arm(node, own)
  }

  #arm(node: number, own: Own): void {
    const { calendar, places } = this.#p
    const wakeMs = own.agenda?.wakeMs(calendar.nowMs) ?? Number.POSITIVE_INFINITY
    const atMs = Math.max(calendar.nowMs + 1, Math.min(own.tickMs, wakeMs))
    calendar.set(places.length + node, Math.ceil(atMs))
  }

  #tick(node: number, own: Own): void {
    const { tables, refreshes, calendar } = this.#p
    const { nowMs } = calendar
    const beforeMs = nowMs - upkeep.silentMs
    for (const other of own.silent(tables.entries(node), beforeMs, upkeep.pingsPerTick)) {
      if (!this.#probe(node, other, kind['ping, silent'])) this.#doubt(node, other)
    }
    this.#seek(node, own, lost.perTick)
    const flooded = this.#p.pings?.sent(node) ?? 0
    this.#errands.sent(node, kind['ping, candidate'], flooded, flooded)
    const stale = own.stale(tables.depth(node), nowMs - upkeep.staleMs)
    const bucket = stale ?? refreshes.unmeasured(node)
    if (bucket !== undefined) {
      const what = stale === undefined ? 'find-node, measure' : 'find-node, refresh'
      this.#errands.lookedUp(node, kind[what], refreshes.refresh(node, bucket))
      own.touchedMs[bucket] = nowMs
    }
    this.#warm(node, own)
  }

  /** Whether its coming and going is noticed at once. */
  #isNear(owner: number, node: number): boolean {
    const { places, reach, scenario } = this.#p
    const [hi, lo] = [places.hi(owner), places.lo(owner)]
    return places.isAmong(node, hi, lo, nearTimes * scenario.parameters.replicas, reach.of(owner))
  }

  /** @returns whether it answered. */
  #ping(owner: number, node: number): boolean {
    const tookMs = this.#p.walker.trips.timeMs(owner, node)
    if (tookMs === undefined) return false
    this.answered(owner, node, tookMs)
    return true
  }

  /** As {@link #ping}, for this reason. */
  #probe(owner: number, node: number, what: number): boolean {
    this.#errands.sent(owner, what, 1, this.#p.walker.trips.reaches(owner, node) ? 0 : 1)
    return this.#ping(owner, node)
  }

  /** It has not answered once, and is asked again before it leaves. */
  #doubt(owner: number, node: number): void {
    if (!this.#probe(owner, node, kind['ping, failed'])) this.#gone(owner, node)
  }

  #gone(owner: number, node: number): void {
    const { tables, calendar, replace } = this.#p
    const own = this.#owns.get(owner)!
    tables.remove(owner, node)
    own.lost.add(contactOf(node), calendar.nowMs)
    own.seenMs.delete(node)
    this.#changed(owner, node)
    replace(owner, node)
  }

  /** Up to so many of those that are due; one of them that is back sends for all others. */
  #seek(owner: number, own: Own, count: number): void {
    const { calendar, reach, tables } = this.#p
    for (const contact of own.lost.due(calendar.nowMs, count)) {
      const node = nodeOf(contact)
      if (!this.#probe(owner, node, kind['ping, lost'])) continue
      if (reach.isSeed(node) && tables.answered(owner, node)) this.#changed(owner, node)
    }
  }

  #changed(owner: number, node: number): void {
    const own = this.#owns.get(owner)!
    own.agenda?.changed(this.#moment())
    own.isChanged ||= this.#isNear(owner, node)
    this.#arm(owner, own)
  }

  /** Looks up its own place. */
  #lookAround(node: number, own: Own): void {
    const { places, walker, scenario, tables } = this.#p
    walker.find(node, places.hi(node), places.lo(node), scenario.parameters.k)
    this.#errands.lookedUp(node, kind['find-node, repair'], walker)
    own.touchedMs[tables.depth(node)] = this.nowMs
  }

  /** The lookup of its own place, and those of the first buckets; whom it asks learns of it. @param only whom it asks first, if not its table. */
  #join(node: number, own: Own, only?: Uint32Array): void {
    const { places, walker, tables, refreshes, scenario } = this.#p
    const met = new Set<number>()
    const what = kind['find-node, join']
    const deadlineMs = upkeep.joinTimeoutMs
    const { k, alpha } = scenario.parameters
    const [hi, lo] = [places.hi(node), places.lo(node)]
    walker.walk(node, hi, lo, {
      want: k,
      named: k,
      burst: k,
      alpha,
      deadlineMs,
      ...(only && { only })
    })
    const { tookMs } = walker
    this.#errands.lookedUp(node, what, walker)
    this.#meetAll(node, met)
    own.touchedMs[tables.depth(node)] = this.nowMs
    // Nobody answers the pings of those who were never there.
    const leftMs = deadlineMs - tookMs - (this.#p.pings?.isBusy(node) ? upkeep.settleMs : 0)
    refreshes.begin(node)
    const buckets = Math.min(tables.depth(node), upkeep.bucketsAtJoin)
    for (let bucket = 0; bucket < buckets && leftMs > 0; bucket++) {
      this.#errands.lookedUp(node, what, refreshes.refresh(node, bucket, leftMs))
      this.#meetAll(node, met)
      own.touchedMs[bucket] = this.nowMs
    }
    this.#errands.sent(node, kind['ping, candidate'], met.size)
    this.#warm(node, own)
  }

  /** Who was asked learns of it. @param met gets those whom others named and for whom its table has room. */
  #meetAll(node: number, met: Set<number>): void {
    const { walker, tables, reach, places } = this.#p
    const asked = new Set(walker.seen('asked'))
    for (const other of walker.seen('there')) {
      if (other >= places.length || reach.of(node)[other] !== 1) continue
      if (!asked.has(other)) {
        if (tables.has(node, other)) met.add(other)
      } else {
        met.delete(other)
        if (reach.isSeed(node)) this.meet(other, node)
      }
    }
  }

  /** Connections that are kept, where all fit. */
  #warm(node: number, own: Own): void {
    if (!this.#allFit) return
    const { tables, scenario } = this.#p
    for (const other of warmOf(tables, node, scenario.parameters.k)) this.#connect(own, node, other)
  }

  #connect(own: Own, from: number, to: number): void {
    if (!this.#allFit || this.#p.reach.of(from)[to] !== 1) return
    own.lines.add(to)
    this.#owns.get(to)?.lines.add(from)
  }

  /** Those it knew who are away when it begins. */
  #loseAway(node: number, own: Own): void {
    const { places, tables, reach, scenario, dice, calendar, lives } = this.#p
    const drawn = drawKnown({ places, tables, dice, k: scenario.parameters.k }, node)
    for (const other of drawn)
      if (reach.isSeed(other) && reach.there[other] === 0 && lives(other))
        own.lost.add(contactOf(other), calendar.nowMs - dice.next() * awayMs)
  }

  /** Sides have changed: of those near to it some are cut off, and others are back. */
  parted(node: number): void {
    if (!this.#owns.has(node)) return // it was minted
    const { tables, reach } = this.#p
    const [from, to] = tables.nearRange(node)
    for (let other = from; other < to; other++) {
      if (other === node) continue
      if (reach.of(node)[other] === 1) this.meet(node, other)
      else if (tables.has(node, other)) this.#cutOff(node, other)
    }
  }

  #moment = () => ({ nowMs: this.#p.calendar.nowMs, dice: this.#p.dice.next() })
}
