import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import { isRepairDue, ReadRepair } from '../../replicas/read.ts'
import { eldersOfPut, membersMax } from '../../routing/region.ts'
import { asking } from '../../routing/upkeep.ts'
import type { Dice } from '../dice.ts'
import { draw } from '../distributions.ts'
import type { Scenario } from '../scenario.ts'
import type { Calendar } from './calendar.ts'
import type { Foes } from './foes.ts'
import type { Life } from './life.ts'
import type { Places } from './places.ts'
import { nobody, Shortlist } from './places.ts'
import type { Reach } from './reach.ts'
import type { Requests } from './requests.ts'
import { kind } from './requests.ts'
import type { Storage } from './storage.ts'
import type { Tally } from './tally.ts'
import type { Walker } from './walk.ts'
import type { Wider } from './wider.ts'

const hourMs: Millis = 3_600_000
/** For a blob that has to be there at the start. */
const triesMax = 5

/** A key around which ids are minted. */
interface Eclipsed {
  readonly blob: number
  readonly hi: number
  readonly lo: number
  readonly expiryMs: Millis
}

/** What is offered to holders, and how it went. */
interface Offers {
  readonly blob: number
  readonly from: number
  /** Who answered before. */
  readonly answered: ReadonlySet<number>
  /** Taken by hostile ones. */
  hostile: number
  /** Of those that took it. */
  readonly tookMs: Millis[]
}

interface Parts {
  scenario: Scenario
  places: Places
  reach: Reach
  foes: Foes
  life: Life
  storage: Storage
  walker: Walker
  wider: Wider
  tally: Tally
  requests: Requests
  calendar: Calendar
  dice: Dice
  lookupDice: Dice
  eclipsedDice: Dice
}

/** What people do: they put, get and look up, each from a random node that is there. */
export class Workload {
  readonly #p: Parts
  /** Where a put's copies go. */
  readonly #near: Shortlist
  readonly #eclipsed: Eclipsed[] = []

  constructor(parts: Parts) {
    this.#p = parts
    this.#near = new Shortlist(parts.places, limits.putRequestsMax)
  }

  /** Stores what is there from the start; what is to be eclipsed by then is put among those who do it. */
  start(): void {
    const { scenario, storage, foes } = this.#p
    const { fromHour = null } = scenario.adversaries ?? {}
    const { targets } = foes
    if (fromHour === null) this.mint()
    for (let i = 0; i < scenario.workload.blobs; i++) {
      const at = targets[i]
      if (at && fromHour === null) {
        let isStored = false
        for (let tries = 0; tries < triesMax && !isStored; tries++) isStored = this.put(at)
        continue
      }
      const blob = this.#make(at)
      if (blob >= 0) storage.store(blob)
      if (at) this.#watch(blob)
    }
    // Those who were minted came right before the put.
    if (fromHour === null) for (const { blob } of this.#eclipsed) storage.unrest(blob)
  }

  /** Those come that were minted around keys. */
  mint(): void {
    const { foes, life } = this.#p
    for (const node of foes.minted) life.recruit(node)
  }

  #watch(blob: number): void {
    const { storage } = this.#p
    const [hi, lo] = [storage.hi[blob]!, storage.lo[blob]!]
    this.#eclipsed.push({ blob, hi, lo, expiryMs: storage.expiryMs[blob]! })
  }

  /** A blob that nobody holds yet, or -1. @param at its place, where that is known. */
  #make(at?: { hi: number; lo: number }): number {
    const { scenario, dice, calendar, storage } = this.#p
    const { sizeBytes, lifeHours } = scenario.workload
    const bytes = Math.min(limits.blobBytesMax, Math.max(1, Math.round(draw(sizeBytes, dice))))
    const lifeMs = Math.min(limits.blobLifeMsMax, draw(lifeHours, dice) * hourMs)
    const { expiryStepMs } = limits
    const expiryMs = Math.ceil((calendar.nowMs + lifeMs) / expiryStepMs) * expiryStepMs
    const { hi, lo } = at ?? { hi: dice.below(2 ** 32), lo: dice.below(2 ** 32) }
    return storage.make(hi, lo, bytes, expiryMs)
  }

  /**
   * A lookup where the table does not cover the place, and a copy to each of the R nearest, all at once; whoever does not take it is replaced
   * by the next. Where these stand closer together than chance puts them, others of the region get copies as well.
   * @param at its place, around which ids were minted. @returns whether it was acknowledged.
   */
  put(at?: { hi: number; lo: number }): boolean {
    const { scenario, storage, life, walker, wider, tally, dice } = this.#p
    const { replicas, quorum } = scenario.parameters
    const from = life.online.any(dice)
    const blob = from === nobody ? -1 : this.#make(at)
    if (blob < 0) return false
    const [hi, lo] = [storage.hi[blob]!, storage.lo[blob]!]
    const isCovered = walker.covers(from, hi, lo, this.#nodes(from))
    if (!isCovered) {
      walker.find(from, hi, lo, replicas, { elders: eldersOfPut })
      life.followed.looked(from, hi)
    }
    let { tookMs } = walker
    this.#countLookup()
    const candidates = this.#near
    candidates.begin(hi, lo, limits.putRequestsMax)
    for (const node of walker.found.subarray(0, walker.foundCount)) candidates.offer(node)
    const nearest = () => candidates.nodes.subarray(0, candidates.size)
    const answered = new Set(isCovered ? [] : nearest())
    // Far apart for such a network: the lookup was led astray, or its nodes are away.
    if (!isCovered && wider.density(from, hi, lo, nearest()) === 'sparse') {
      for (const node of wider.draw(from, hi, membersMax)) candidates.offerOnce(node)
      tookMs += wider.tookMs
      this.#countWider()
    }
    const offers = { blob, from, answered, hostile: 0, tookMs: [] as Millis[] }
    const holders: number[] = []
    for (const node of nearest()) {
      if (!isCovered && holders.length === replicas) break
      if (this.#offer(offers, node)) holders.push(node)
    }
    const enough = Math.min(quorum, candidates.size)
    if (holders.length < enough || enough === 0) {
      tally.putsFailed += 1
      storage.forget(blob)
      return false
    }
    offers.tookMs.sort((a, b) => a - b)
    let putMs = tookMs + offers.tookMs[enough - 1]!
    if (wider.density(from, hi, lo, Uint32Array.from(holders)) === 'crowded')
      putMs = tookMs + this.#putWider(offers, hi, new Set(holders))
    tally.putMs.push(putMs)
    if (at) this.#watch(blob)
    storage.acknowledged(blob, offers.hostile)
    return true
  }

  /** @returns how long all of it took. */
  #putWider(offers: Offers, hi: number, holders: ReadonlySet<number>): Millis {
    const { wider, scenario } = this.#p
    const firstMs = Math.max(...offers.tookMs)
    const drawn = wider.draw(offers.from, hi, wider.share + scenario.parameters.replicas)
    this.#countWider()
    const isNew = (node: number) => !holders.has(node)
    const chosen = drawn.filter(isNew).slice(0, wider.share)
    const before = offers.tookMs.length
    const isTaken = [...chosen].map(node => this.#offer(offers, node))
    const lastMs = isTaken.every(Boolean)
      ? Math.max(0, ...offers.tookMs.slice(before))
      : asking.timeoutMs
    return firstMs + wider.tookMs + lastMs
  }

  /** @returns whether it said that it took it. */
  #offer(o: Offers, node: number): boolean {
    const { storage, walker, requests, foes, life } = this.#p
    requests.add(kind.put, 1, walker.trips.reaches(o.from, node) ? 0 : 1)
    // Who answered the lookup is connected by then.
    const isConnected = o.answered.has(node) ? true : undefined
    const tripMs = walker.trips.timeMs(o.from, node, isConnected)
    if (tripMs === undefined) return false
    const answerMs = tripMs + foes.delayMs(node)
    life.followed.answered(o.from, node, answerMs)
    storage.give(o.blob, node)
    if (foes.isHostile(node)) o.hostile += 1
    o.tookMs.push(answerMs)
    return true
  }

  /** Nodes of the network that it reaches, but for those that somebody minted: what lookups of random places tell. */
  #nodes(from: number): number {
    const { reach, foes } = this.#p
    return Math.max(0, reach.countOf(from) - foes.mintedCount)
  }

  /** Of a random blob that should be there. */
  get(): void {
    const { storage, life, tally, dice } = this.#p
    if (storage.livingCount === 0) return
    const blob = storage.living[dice.below(storage.livingCount)]!
    const from = life.online.any(dice)
    if (from === nobody) return
    tally.gets += 1
    if (storage.holds(blob, from)) {
      tally.found += 1
      tally.getMs.push(0)
      return
    }
    const tookMs = this.#read(blob, from, storage.hi[blob]!, storage.lo[blob]!)
    if (tookMs === undefined) return
    tally.found += 1
    tally.getMs.push(tookMs)
  }

  /** @param blob none where it is no more. @returns how long it took; undefined where nobody was found that has it. */
  #read(blob: number | undefined, from: number, hi: number, lo: number): Millis | undefined {
    const { storage, walker, wider, scenario, dice } = this.#p
    const holds = (node: number) => blob !== undefined && storage.holds(blob, node)
    let led: ReturnType<Walker['led']> | undefined
    const isFound = wider.get(from, hi, lo, holds, () => {
      led = walker.led(scenario.parameters.replicas)
    })
    this.#countWider()
    const { tookMs } = wider
    if (!isFound) return undefined
    const { near, lacking } = led!
    if (isRepairDue({ lacking, lot: dice.next() })) this.#repair(blob!, from, near)
    return tookMs
  }

  /** Read repair: asks the nearest that it was led to who has the blob. */
  #repair(blob: number, from: number, near: readonly number[]): void {
    const { storage, walker, requests, life } = this.#p
    const machine = new ReadRepair(near.map(String))
    for (const node of near) {
      requests.add(kind.have, 1, walker.trips.reaches(from, node) ? 0 : 1)
      const tookMs = walker.trips.timeMs(from, node)
      if (tookMs !== undefined) life.followed.answered(from, node, tookMs)
      const held = storage.holds(blob, node) ? 'blob' : 'none'
      machine.heard(String(node), tookMs === undefined ? 'failed' : held)
    }
    for (const peer of machine.pushes()) {
      requests.add(kind.put, 1)
      storage.give(blob, Number(peer))
    }
  }

  #countWider(): void {
    const { requests, wider } = this.#p
    requests.add(kind.get, wider.gets, wider.vainGets)
    requests.add(kind['find-node, asked for'], wider.lookups, wider.vainLookups)
    requests.add(kind['ping, candidate'], wider.pings, wider.pings)
  }

  /** Of each key around which ids were minted, so often, by anybody. */
  getEclipsed(times: number): void {
    const { storage, life, tally, calendar, eclipsedDice: dice } = this.#p
    for (const { blob, hi, lo, expiryMs } of this.#eclipsed) {
      if (expiryMs <= calendar.nowMs) continue
      // What is nobody's any longer may have left its number to another.
      const isThere = storage.hi[blob] === hi && storage.lo[blob] === lo
      for (let i = 0; i < times; i++) {
        const from = life.online.any(dice)
        if (from === nobody) return
        tally.eclipsedGets += 1
        const isOwn = isThere && storage.holds(blob, from)
        if (isOwn || this.#read(isThere ? blob : undefined, from, hi, lo) !== undefined)
          tally.eclipsedFound += 1
      }
    }
  }

  lookUp(): void {
    const { scenario, life, walker, tally, foes, lookupDice: dice } = this.#p
    const [hi, lo] = [dice.below(2 ** 32), dice.below(2 ** 32)]
    const from = life.online.any(dice)
    if (from === nobody) return
    const { k } = scenario.parameters
    walker.find(from, hi, lo, k)
    life.followed.looked(from, hi)
    this.#countLookup()
    const { hops, requests, tookMs: ms } = walker
    const isHonest = (node: number) => !foes.has(node)
    const exact = walker.isExact(from, hi, lo, k)
    tally.looked({ hops, requests, ms, exact }, walker.honestFound(isHonest))
  }

  #countLookup(): void {
    const { requests, walker } = this.#p
    requests.add(kind['find-node, asked for'], walker.requests, walker.vain)
    requests.add(kind['ping, candidate'], walker.pings, walker.pings)
  }
}
