import { equalBytes, sha256, toHex } from '../base/bytes.ts'
import { codeOf } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import { compareDistance } from '../routing/distance.ts'
import type { Dice } from '../sim/dice.ts'
import type { Violation } from '../sim/result.ts'
import type { Scenario } from '../sim/scenario.ts'
import type { World } from '../sim/world.ts'
import { expiryAt, makeBlob } from '../wire/blob.ts'
import { atRandom, drawBlob, evenly } from './arrivals.ts'
import type { Held, Holdings } from './holdings.ts'
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

interface Parts {
  world: World
  scenario: Scenario
  population: Population
  holdings: Holdings
}

/** What people do: they put, get and look up, each from a random node that is online. */
export class Workload {
  readonly violations: Violation[] = []
  /** Virtual times of those that succeeded. */
  readonly putMs: Millis[] = []
  readonly getMs: Millis[] = []
  readonly looked: Looked[] = []
  putsFailed = 0
  /** Of blobs that were acknowledged and have not expired. */
  gets = 0
  found = 0
  readonly #p: Parts
  readonly #dice: Dice

  constructor(parts: Parts) {
    this.#p = parts
    this.#dice = parts.world.dice('workload')
  }

  /** Stores what is there from the start. */
  async start(): Promise<void> {
    let left = this.#p.scenario.workload.blobs
    const worker = async () => {
      while (left > 0) {
        left -= 1
        for (let tries = 0; tries < triesMax; tries++) if (await this.#put()) break
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  }

  begin(): void {
    const { scenario, world } = this.#p
    const { putsPerHour, getsPerHour, lookups } = scenario.workload
    atRandom(world, putsPerHour, 'puts', () => void this.#put())
    atRandom(world, getsPerHour, 'gets', () => void this.get())
    evenly(world, lookups, scenario.hours, () => void this.#lookUp())
  }

  #blob() {
    const { scenario, world } = this.#p
    const dice = this.#dice
    const { sizeBytes, lifeMs } = drawBlob(scenario.workload, dice)
    return makeBlob(dice.bytes(sizeBytes), {
      expiryMs: expiryAt(world.nowMs + lifeMs),
      retract: dice.bytes(32),
      accept: null
    })
  }

  /** @returns whether it was acknowledged. */
  async #put(): Promise<boolean> {
    const { world, population, holdings } = this.#p
    const member = population.any(this.#dice)
    // As its node ships: nobody is served before it has looked around.
    if (!member?.joined) return false
    const blob = this.#blob()
    const held = holdings.expect(blob)
    const startMs = world.nowMs
    try {
      await member.seed!.dht.put(blob)
    } catch (err) {
      holdings.giveUp(held)
      if (codeOf(err) !== 'CANCELLED') this.putsFailed += 1
      world.note('put failed', member.index, codeOf(err) ?? String(err))
      return false
    }
    this.putMs.push(world.nowMs - startMs)
    world.note('put', member.index, toHex(blob.key.subarray(0, 8)))
    holdings.acknowledge(held, member.index)
    return true
  }

  /** Of a random blob that should be there. */
  async get(): Promise<void> {
    const { world, population, holdings } = this.#p
    const living = holdings.living
    const held = living[this.#dice.below(living.length)]
    const member = population.any(this.#dice)
    if (!held || !member?.joined) return
    const startMs = world.nowMs
    let isFound = false
    try {
      const { blob } = await member.seed!.dht.get(held.key)
      isFound = true
      this.#compare(held, member, blob.sealed)
    } catch (err) {
      if (codeOf(err) === 'CANCELLED' || held.expiryMs <= world.nowMs) return // its asker left, or it ended
    }
    const { index } = member
    this.gets += 1
    if (isFound) {
      this.found += 1
      this.getMs.push(world.nowMs - startMs)
    }
    world.note(isFound ? 'got' : 'not found', index, toHex(held.key.subarray(0, 8)))
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
      world.note('looked up', member.index, cost.requests, cost.hops, Number(exact))
    } catch {
      world.note('lookup ended', member.index)
    }
  }

  /** By brute force over all that can be found now. */
  #nearest(place: Uint8Array, count: number, without: Member): Member[] {
    const { placeOf, online } = this.#p.population
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
