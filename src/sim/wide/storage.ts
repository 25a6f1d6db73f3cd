import type { Millis } from '../../base/ports.ts'
import { waitsMax } from '../../replicas/repair-agenda.ts'
import { usualRepair } from '../../replicas/repair-parameters.ts'
import type { Dice } from '../dice.ts'
import type { Scenario } from '../scenario.ts'
import type { Calendar } from './calendar.ts'
import { Copies, holdersMaxOf } from './copies.ts'
import type { WideWhy } from './duty.ts'
import { isOurs } from './duty.ts'
import type { Foes } from './foes.ts'
import type { Life } from './life.ts'
import { Nearest } from './nearest.ts'
import type { Places } from './places.ts'
import { Questions } from './questions.ts'
import type { Reach } from './reach.ts'
import { Regions } from './regions.ts'
import type { Requests } from './requests.ts'
import { kind } from './requests.ts'
import type { WideTables } from './tables.ts'

const hourMs: Millis = 3_600_000
const minuteMs: Millis = 60_000
/** What expires sooner is not worth a push. */
const worthMs: Millis = 10 * minuteMs
/** Nodes in the part of the space that is looked through for the blobs of one, as a multiple of R. */
const regionTimes = 16
/** A node with so many times R nearer ones in the mean is not looked at: by chance fewer than R of 32 are nearer once in 10^7. */
const nearerTimes = 4

export interface StorageParts {
  scenario: Scenario
  places: Places
  tables: WideTables
  reach: Reach
  foes: Foes
  calendar: Calendar
  requests: Requests
  /** Of repair. */
  dice: Dice
  /** Blobs there is room for, and the first of their timers; two a blob: repair and expiry. */
  capacity: number
  firstTimer: number
  /** Sweeps of nodes: timer of the first. */
  firstSweep: number
  /** The least part of all places of which nodes are there at a time. */
  thereShare: number
  onLost(blob: number): void
}

/**
 * Who holds which blob, and how copies come back to where they belong. Modelled, not shipped: holders know their neighbourhood as it is,
 * copies arrive at once, there is no budget of bytes, nobody lies, and every change of a neighbourhood is seen within the time of
 * quiet that starts anew with each. What is decided (whose turn, who is settled, turns, sweeps, lots, grace) is as shipped.
 */
export class Storage {
  readonly hi: Uint32Array
  readonly lo: Uint32Array
  readonly expiryMs: Float64Array
  /** Blobs that have not expired, one behind the other; those that were lost or swallowed among them. */
  readonly living: Uint32Array
  livingCount = 0
  lost = 0
  /** Blobs that only hostile ones ever said to have, and of each put how many copies went to them. */
  swallowed = 0
  readonly hostileCopies: number[] = []
  pushedBytes = 0
  /** Bytes on nodes that went for good. */
  diedBytes = 0
  /** Who holds what. */
  readonly held: Copies
  readonly #p: StorageParts
  readonly #bytes: Float64Array
  readonly #at: Uint32Array
  readonly #changedMs: Float64Array
  readonly #isSecond: Uint8Array
  readonly #questions: Questions
  readonly #regions: Regions
  readonly #free: number[] = []
  readonly #near: Nearest
  /** By node: its next sweep is the first after an absence. */
  readonly #returned: Uint8Array
  #used = 0
  /** By node: 1 for seeds of before the first hour. */
  #stores: Uint8Array | undefined
  #life!: Life

  constructor(parts: StorageParts) {
    const { capacity, scenario, places, thereShare } = parts
    const { replicas } = scenario.parameters
    this.#p = parts
    this.hi = new Uint32Array(capacity)
    this.lo = new Uint32Array(capacity)
    this.living = new Uint32Array(capacity)
    this.#bytes = new Float64Array(capacity)
    this.expiryMs = new Float64Array(capacity)
    this.#at = new Uint32Array(capacity)
    this.held = new Copies(places, { blobs: capacity, most: holdersMaxOf(scenario) })
    this.#changedMs = new Float64Array(capacity)
    this.#isSecond = new Uint8Array(capacity)
    const regions = (places.length * thereShare) / (regionTimes * replicas)
    const bits = Math.max(0, Math.min(places.indexBits, Math.floor(Math.log2(regions))))
    this.#regions = new Regions({ bits, capacity })
    this.#near = new Nearest({ ...parts, replicas, isYoung: scenario.adversaries !== null })
    this.#returned = new Uint8Array(places.length)
    this.#questions = new Questions((scenario.parameters.debounceMinutes * minuteMs) / 2)
  }

  static bytesPerBlob = (scenario: Scenario): number =>
    56 + Copies.bytesPerBlob(holdersMaxOf(scenario))

  begin(life: Life): void {
    this.#life = life
  }

  /** Those who are there are somewhere between two of their sweeps. */
  start(): void {
    const { calendar, firstSweep, dice, reach } = this.#p
    const { nodes, count } = this.#life.online
    for (let i = 0; i < count; i++)
      if (reach.isSeed(nodes[i]!))
        calendar.set(firstSweep + nodes[i]!, Math.ceil(this.#sweepMs() * dice.next()))
  }

  /** A blob that nobody holds yet. @returns its number, or -1 when there is no room. */
  make(hi: number, lo: number, bytes: number, expiryMs: Millis): number {
    const { capacity, calendar, firstTimer } = this.#p
    const blob = this.#free.pop() ?? this.#used++
    if (blob >= capacity) return -1
    this.hi[blob] = hi
    this.lo[blob] = lo
    this.#bytes[blob] = bytes
    this.expiryMs[blob] = expiryMs
    this.held.clear(blob)
    this.#changedMs[blob] = 0
    this.#isSecond[blob] = 0
    this.#regions.add(blob, hi)
    this.#at[blob] = this.livingCount
    this.living[this.livingCount++] = blob
    calendar.set(firstTimer + capacity + blob, expiryMs)
    return blob
  }

  /** Hostile ones take it and keep nothing. */
  give(blob: number, node: number): void {
    if (this.#p.foes.isHostile(node)) return
    this.held.give(blob, this.hi[blob]!, node)
  }

  /** To the R nearest that live: it was stored before the first hour, when all were there. Where some are away by then the others have repaired it. */
  store(blob: number): void {
    const { reach, scenario } = this.#p
    const { replicas } = scenario.parameters
    const [hi, lo] = [this.hi[blob]!, this.lo[blob]!]
    const { lives } = this.#life
    this.#stores ??= lives.map((is, node) => (reach.isSeed(node) ? is : 0))
    this.#near.look(hi, lo, this.#stores, replicas)
    for (let i = 0; i < this.#near.size; i++) this.give(blob, this.#near.nodes[i]!)
    this.acknowledged(blob, this.#near.size - this.copiesInAll(blob))
    if (this.copies(blob) === 0) return
    this.#near.look(hi, lo, reach.seeds, replicas)
    for (let i = 0; i < this.#near.size; i++) this.give(blob, this.#near.nodes[i]!)
  }

  /** A put is over, of which so many copies went to hostile ones. Where all did nobody has it. */
  acknowledged(blob: number, hostile: number): void {
    this.hostileCopies.push(hostile)
    if (this.copiesInAll(blob) > 0 || hostile === 0) return
    this.swallowed += 1
  }

  holds(blob: number, node: number): boolean {
    return this.held.holds(blob, node)
  }

  /** Copies with those who are there. */
  copies(blob: number): number {
    const { there } = this.#p.reach
    let copies = 0
    for (let i = this.held.count(blob) - 1; i >= 0; i--) copies += there[this.held.holder(blob, i)]!
    return copies
  }

  /** Copies with those who are there or away. */
  copiesInAll(blob: number): number {
    return this.held.count(blob)
  }

  /** It is over with a blob: expired, or given up. */
  forget(blob: number): void {
    const { calendar, firstTimer, capacity } = this.#p
    calendar.clear(firstTimer + blob)
    calendar.clear(firstTimer + capacity + blob)
    const last = this.living[--this.livingCount]!
    this.living[this.#at[blob]!] = last
    this.#at[last] = this.#at[blob]!
    this.#regions.remove(blob, this.hi[blob]!)
    this.#free.push(blob)
  }

  came(node: number, isNew: boolean): void {
    const { calendar, scenario, dice } = this.#p
    const debounceMs = scenario.parameters.debounceMinutes * minuteMs
    const soonMs = Math.ceil(debounceMs * (1 + dice.next()))
    const sweepMs = calendar.nowMs + (isNew ? this.#sweepMs() : soonMs)
    calendar.set(this.#p.firstSweep + node, sweepMs)
    this.#returned[node] = isNew ? 0 : 1
    this.#changed(node)
  }

  left(node: number): void {
    this.#p.calendar.clear(this.#p.firstSweep + node)
    this.#near.left(node)
    this.#changed(node)
  }

  died(node: number): void {
    this.#forgetAll(node, blob => {
      this.diedBytes += this.#bytes[blob]!
      if (this.copiesInAll(blob) > 0) return
      this.lost += 1
      this.#p.onLost(blob)
    })
  }

  /** It turns hostile, and what it held goes as if it had always been. */
  turned(node: number): void {
    this.#forgetAll(node, blob => {
      if (this.copiesInAll(blob) === 0) this.swallowed += 1
    })
  }

  #forgetAll(node: number, onGone: (blob: number) => void): void {
    for (let blob = this.#first(node); blob >= 0; ) {
      const next = this.#regions.next(blob)
      const at = this.held.find(blob, node)
      if (at >= 0) {
        this.held.dropAt(blob, at)
        onGone(blob)
      }
      blob = next
    }
  }

  /** The neighbourhood of a blob has been quiet for a while. */
  repair(blob: number): void {
    const { calendar, firstTimer, dice } = this.#p
    const isSecond = this.#isSecond[blob] === 1
    this.#isSecond[blob] = isSecond ? 0 : 1
    this.#changedMs[blob] = 0
    if (!isSecond) {
      const waitMs = usualRepair.standInMs * (1 + dice.next() / 2)
      calendar.set(firstTimer + blob, calendar.nowMs + Math.ceil(waitMs))
    }
    for (const view of this.#p.reach.views())
      this.#actTurn(blob, view, isSecond ? 'second' : 'first')
  }

  /** Those of these whose turn it is, each as it sees it. */
  #actTurn(blob: number, among: Uint8Array, turn: WideWhy): void {
    const near = this.#near
    near.look(this.hi[blob]!, this.lo[blob]!, among)
    const holders: number[] = []
    for (let rank = 0; rank < near.size; rank++)
      if (this.holds(blob, near.nodes[rank]!)) holders.push(near.nodes[rank]!)
    // Farther ones have a turn where all who are nearer are new to them.
    for (let i = this.held.count(blob) - 1; i >= 0; i--) {
      const node = this.held.holder(blob, i)
      if (among[node] === 1 && near.rankOf(node) === near.size) holders.push(node)
    }
    for (const node of holders) this.#take(blob, node, turn)
  }

  #take(blob: number, node: number, why: WideWhy): void {
    const near = this.#near
    near.seeAs(node)
    const rank = near.rankOf(node)
    if (this.#acts(why, rank, near.settledBefore(rank, node, this.#life.sinceMs)))
      this.#act(blob, node, rank)
  }

  /** A node goes through what it holds. */
  sweep(node: number): void {
    const { calendar, firstSweep } = this.#p
    const why = this.#returned[node] === 1 ? 'all' : 'sweep'
    const among = this.#p.reach.of(node)
    this.#returned[node] = 0
    calendar.set(firstSweep + node, calendar.nowMs + this.#sweepMs())
    for (let blob = this.#first(node); blob >= 0; blob = this.#regions.next(blob)) {
      if (!this.holds(blob, node)) continue
      this.#near.look(this.hi[blob]!, this.lo[blob]!, among)
      this.#take(blob, node, why)
    }
  }

  #sweepMs(): Millis {
    const { scenario, dice } = this.#p
    return Math.ceil(scenario.parameters.sweepHours * hourMs * (0.8 + 0.4 * dice.next()))
  }

  #acts(why: WideWhy, rank: number, settledBefore: number): boolean {
    const { replicas } = this.#p.scenario.parameters
    const lot = why === 'sweep' ? this.#p.dice.next() : 0
    return isOurs({ why, rank, settledBefore, replicas, share: usualRepair.share, lot })
  }

  /** Asks the circle who has the blob, and gives it to those who have not; a stray copy is given up when all have had theirs for a while. */
  #act(blob: number, node: number, rank: number): void {
    const { scenario, calendar, requests } = this.#p
    const { replicas, graceHours } = scenario.parameters
    if (this.expiryMs[blob]! <= calendar.nowMs + worthMs) return
    const circle = Math.min(replicas, this.#near.size)
    let lacking = 0
    for (let i = 0; i < circle; i++) {
      const other = this.#near.nodes[i]!
      if (other === node) continue
      requests.add(kind.have, this.#questions.ask(node, other, calendar.nowMs))
      this.#life.followed.asked(node, other)
      if (this.holds(blob, other)) continue
      this.#near.missed(node, blob, other)
      lacking += 1
      this.give(blob, other)
      if (!this.holds(blob, other)) this.#near.gave(node, blob, other)
      requests.add(kind.put, 1)
      this.pushedBytes += this.#bytes[blob]!
    }
    const at = this.held.find(blob, node)
    if (rank < replicas || lacking > 0 || circle < replicas) {
      this.held.provedMs[at] = 0
      return
    }
    const firstMs = this.held.provedMs[at]!
    // What was proved is not kept over a restart.
    if (firstMs === 0 || firstMs < this.#life.sinceMs[node]!)
      this.held.provedMs[at] = calendar.nowMs
    else if (calendar.nowMs >= firstMs + graceHours * hourMs) {
      this.held.dropAt(blob, at)
    }
  }

  /** Blobs of which `node` holds a copy or would: their holders act when it has been quiet for a while. */
  #changed(node: number): void {
    const { places, reach, scenario } = this.#p
    const { replicas } = scenario.parameters
    // With so many others nearer in the mean, it is hardly ever among the R nearest.
    const others = reach.seedCount / (nearerTimes * replicas)
    const bitsLeast = others > 1 ? Math.floor(Math.log2(others)) : 0
    const high = places.hi(node)
    const reached = reach.of(node)
    for (let blob = this.#first(node); blob >= 0; blob = this.#regions.next(blob)) {
      const hi = this.hi[blob]!
      if (Math.clz32(high ^ hi) < bitsLeast) continue
      if (places.isAmong(node, hi, this.lo[blob]!, replicas, reached)) this.unrest(blob)
    }
  }

  /** Sides have changed, and with them who is near to anything. */
  parted(): void {
    for (let i = 0; i < this.livingCount; i++) this.unrest(this.living[i]!)
  }

  /** Those near to a blob have changed. */
  unrest(blob: number): void {
    const { calendar, scenario, dice, firstTimer } = this.#p
    const debounceMs = scenario.parameters.debounceMinutes * minuteMs
    const { nowMs } = calendar
    if (this.#changedMs[blob] === 0) this.#changedMs[blob] = Math.max(nowMs, 1)
    this.#isSecond[blob] = 0
    const quietMs = nowMs + debounceMs * (1 + dice.next() / 2)
    const latestMs = this.#changedMs[blob]! + waitsMax * debounceMs
    calendar.set(firstTimer + blob, Math.ceil(Math.min(quietMs, latestMs)))
  }

  /** The first blob of the region in which `node` stands. */
  #first(node: number): number {
    return this.#regions.first(this.#p.places.hi(node))
  }
}
