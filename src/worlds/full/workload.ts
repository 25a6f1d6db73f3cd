import { equalBytes, sha256, toHex } from '../../base/bytes.ts'
import { codeOf } from '../../base/errors.ts'
import type { Contact, Millis, PlaceOf } from '../../base/ports.ts'
import { compareDistance } from '../../routing/distance.ts'
import type { Acknowledgement, GetResult } from '../../seed/dht.ts'
import type { Dice } from '../../sim/dice.ts'
import type { Violation } from '../../sim/result.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'
import { expiryAt, makeBlob } from '../../wire/blob.ts'
import { atRandom, drawBlob, evenly } from './arrivals.ts'
import type { Foes } from './foes.ts'
import type { Held, Holdings } from './holdings.ts'
import type { Observers } from './observers.ts'
import type { Member, Population } from './population.ts'

/** Puts under way at a time before the first hour. */
const atOnce = 16
/** For a blob that has to be there at the start. */
const triesMax = 5

/** One lookup of a random key. */
export interface Looked {
  hops: number
  requests: number
  ms: Millis
  /** It found all of the true nearest and nobody else. */
  exact: boolean
}

/** The same lookup, where some are hostile. */
export interface LookedAmongFoes {
  /** Of the honest among the true nearest, how many it found. */
  honestShare: number
  /** It found nobody but hostile ones. */
  misled: boolean
}

interface Parts {
  world: World
  scenario: Scenario
  population: Population
  holdings: Holdings
  foes: Foes
  observers: Observers
  placeOf: PlaceOf
}

/** A get, of a blob that should be there. */
export interface Asked {
  readonly ms: Millis
  /** undefined: it was not found. */
  readonly from: GetResult['from'] | undefined
}

/** What people do: they put, get and look up, each from a random node that is online. */
export class Workload {
  readonly violations: Violation[] = []
  /** Virtual times of those that succeeded. */
  readonly putMs: Millis[] = []
  readonly getMs: Millis[] = []
  readonly looked: Looked[] = []
  readonly lookedAmongFoes: LookedAmongFoes[] = []
  putsFailed = 0
  /** Of blobs that were acknowledged and have not expired. */
  gets = 0
  found = 0
  /** Blobs around whose keys ids were minted. */
  readonly eclipsed: Held[] = []
  /** Of each put that is over: how many of its copies were given to hostile nodes. */
  readonly hostileCopies: number[] = []
  /** Of each put that is over: the highest price that a seed asked for, in floor prices. */
  readonly asked: number[] = []
  readonly #p: Parts
  readonly #dice: Dice

  constructor(parts: Parts) {
    this.#p = parts
    this.#dice = parts.world.dice('workload')
  }

  /** Stores what is there from the start. */
  async start(): Promise<void> {
    let left = this.#p.scenario.workload.blobs
    const put = async (minted = 0) => {
      left -= 1
      for (let tries = 0; tries < triesMax; tries++) if (await this.#put(minted)) break
    }
    const { minted, keys } = this.#eclipse(null)
    for (let i = 0; i < keys; i++) await put(minted)
    const worker = async () => {
      while (left > 0) await put()
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  }

  /** What is to be eclipsed at that hour; null: before the first. */
  #eclipse(atHour: number | null): { minted: number; keys: number } {
    const { adversaries } = this.#p.scenario
    const isNow = adversaries?.behaviour === 'eclipse' && adversaries.fromHour === atHour
    return isNow ? adversaries : { minted: 0, keys: 0 }
  }

  begin(): void {
    const { scenario, world, foes, population, holdings } = this.#p
    const { putsPerHour, getsPerHour, lookups } = scenario.workload
    foes.begin(fromHour => {
      const { minted, keys } = this.#eclipse(fromHour)
      for (const held of holdings.living.slice(0, keys))
        void foes.eclipse(held.key, minted, population).then(() => this.eclipsed.push(held))
    })
    atRandom(world, putsPerHour, 'puts', () => void this.#put(0))
    atRandom(world, getsPerHour, 'gets', () => void this.get())
    evenly(world, lookups, scenario.hours, () => void this.#lookUp())
  }

  #blob({ clock }: Member) {
    const { scenario } = this.#p
    const dice = this.#dice
    const { sizeBytes, lifeMs } = drawBlob(scenario.workload, dice)
    return makeBlob(dice.bytes(sizeBytes), {
      expiryMs: expiryAt(clock.now() + lifeMs),
      retract: dice.bytes(32),
      accept: null
    })
  }

  /** @param minted so many ids stand around its key before. @returns whether it was acknowledged. */
  async #put(minted: number): Promise<boolean> {
    const { world, population, holdings, foes, observers } = this.#p
    const member = population.any(this.#dice)
    // As its node ships: nobody is served before it has looked around.
    if (!member?.joined) return false
    const blob = this.#blob(member)
    if (minted > 0) await foes.eclipse(blob.key, minted, population)
    const held = holdings.expect(blob)
    const startMs = world.nowMs
    try {
      const { settled } = await member.seed!.dht.put(blob, population.viaOf(member))
      void settled.then(({ acknowledgements, asked }) => {
        this.asked.push(asked)
        this.#settle(held, acknowledgements)
      })
    } catch (err) {
      holdings.giveUp(held)
      if (codeOf(err) !== 'CANCELLED') this.putsFailed += 1
      world.note('put failed', member.index, codeOf(err) ?? String(err))
      return false
    }
    this.putMs.push(world.nowMs - startMs)
    world.note('put', member.index, toHex(blob.key.subarray(0, 8)))
    holdings.acknowledge(held, member.index)
    observers.did('put', blob.key, member)
    if (minted > 0) this.eclipsed.push(held)
    return true
  }

  #settle(held: Held, acknowledgements: readonly Acknowledgement[]): void {
    const { holdings, foes } = this.#p
    const hostile = acknowledgements.filter(({ holder }) => foes.has(holder)).length
    this.hostileCopies.push(hostile)
    holdings.settle(held, acknowledgements.length - hostile)
  }

  /** Of a random blob that should be there. */
  async get(): Promise<void> {
    const { living } = this.#p.holdings
    const held = living[this.#dice.below(living.length)]
    const asked = held && (await this.ask(held, this.#dice))
    if (!asked) return
    this.gets += 1
    if (asked.from === undefined) return
    this.found += 1
    this.getMs.push(asked.ms)
  }

  /** By anybody. @returns undefined where nobody was there to ask, its asker left, or it ended meanwhile. */
  async ask(held: Held, dice: Dice): Promise<Asked | undefined> {
    const { world, population, observers } = this.#p
    const member = population.any(dice)
    if (!member?.joined) return undefined
    const startMs = world.nowMs
    let from: Asked['from']
    try {
      const got = await member.seed!.dht.get(held.key, population.viaOf(member))
      from = got.from
      this.#compare(held, member, got.blob.sealed)
    } catch (err) {
      if (codeOf(err) === 'CANCELLED' || held.expiryMs <= world.nowMs) return undefined
    }
    const ms = world.nowMs - startMs
    if (from !== undefined && from !== member.node.self) observers.did('get', held.key, member)
    const what = from === undefined ? 'not found' : 'got'
    world.note(what, member.index, toHex(held.key.subarray(0, 8)))
    return { ms, from }
  }

  #compare({ key, hash, history }: Held, { index }: Member, sealed: Uint8Array): void {
    if (equalBytes(sha256(sealed), hash)) return
    const name = toHex(key.subarray(0, 8))
    const what = `node ${index} got other bytes for the blob ${name} than were put`
    this.violations.push({ atMs: this.#p.world.nowMs, what, chain: [...history] })
  }

  async #lookUp(): Promise<void> {
    const { world, population, scenario } = this.#p
    const member = population.any(this.#dice)
    const place = this.#dice.bytes(32)
    if (!member?.joined) return
    const expected = this.#nearest(place, scenario.parameters.k, member)
    const startMs = world.nowMs
    let cost = { requests: 0, hops: 0 }
    const onEnd = (end: typeof cost) => {
      cost = end
    }
    try {
      const contacts = await member.seed!.dht.nearest(place, { onEnd })
      const ms = world.nowMs - startMs
      const exact =
        contacts.length === expected.length &&
        contacts.every(({ peer }, i) => peer === expected[i]!.node.self)
      this.looked.push({ ...cost, ms, exact })
      this.#judge(contacts, expected)
      world.note('looked up', member.index, cost.requests, cost.hops, Number(exact))
    } catch {
      world.note('lookup ended', member.index)
    }
  }

  #judge(contacts: readonly Contact[], expected: readonly Member[]): void {
    const { foes } = this.#p
    const found = new Set(contacts.map(({ peer }) => peer))
    const honest = expected.filter(({ isHostile }) => !isHostile)
    const there = honest.filter(({ node }) => found.has(node.self)).length
    const honestShare = honest.length === 0 ? 1 : there / honest.length
    const misled = contacts.length > 0 && contacts.every(({ peer }) => foes.has(peer))
    this.lookedAmongFoes.push({ honestShare, misled })
  }

  /** By brute force over all that can be found now. */
  #nearest(place: Uint8Array, count: number, without: Member): Member[] {
    const { online } = this.#p.population
    const { placeOf } = this.#p
    const at = (member: Member) => placeOf(member.node.self)
    const best: Member[] = []
    for (const member of online) {
      if (!member.isServer || !member.joined || member === without) continue
      const last = best[count - 1]
      if (last && compareDistance(place, at(member), at(last)) >= 0) continue
      let rank = best.length
      while (rank > 0 && compareDistance(place, at(member), at(best[rank - 1]!)) < 0) rank--
      best.splice(rank, 0, member)
      if (best.length > count) best.pop()
    }
    return best
  }
}
