import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Dice } from '../dice.ts'
import { draw } from '../distributions.ts'
import type { Scenario } from '../scenario.ts'
import type { Calendar } from './calendar.ts'
import type { Foes } from './foes.ts'
import type { Life } from './life.ts'
import { nobody } from './places.ts'
import type { Reach } from './reach.ts'
import type { Storage } from './storage.ts'
import type { Tally } from './tally.ts'
import type { Walker } from './walk.ts'

const hourMs: Millis = 3_600_000

interface Parts {
  scenario: Scenario
  reach: Reach
  foes: Foes
  life: Life
  storage: Storage
  walker: Walker
  tally: Tally
  calendar: Calendar
  dice: Dice
  lookupDice: Dice
}

/** What people do: they put, get and look up, each from a random node that is there. */
export class Workload {
  readonly #p: Parts

  constructor(parts: Parts) {
    this.#p = parts
  }

  /** Stores what is there from the start. */
  start(): void {
    const { scenario, storage } = this.#p
    for (let i = 0; i < scenario.workload.blobs; i++) {
      const blob = this.#make()
      if (blob >= 0) storage.store(blob)
    }
  }

  /** A blob that nobody holds yet, or -1. */
  #make(): number {
    const { scenario, dice, calendar, storage } = this.#p
    const { sizeBytes, lifeHours } = scenario.workload
    const bytes = Math.min(limits.blobBytesMax, Math.max(1, Math.round(draw(sizeBytes, dice))))
    const lifeMs = Math.min(limits.blobLifeMsMax, draw(lifeHours, dice) * hourMs)
    const { expiryStepMs } = limits
    const expiryMs = Math.ceil((calendar.nowMs + lifeMs) / expiryStepMs) * expiryStepMs
    return storage.make(dice.below(2 ** 32), dice.below(2 ** 32), bytes, expiryMs)
  }

  /** A lookup where the table does not cover the place, and a copy to each of the R nearest, all at once. */
  put(): void {
    const { scenario, storage, life, walker, tally, reach, foes, dice } = this.#p
    const { replicas, quorum } = scenario.parameters
    const from = life.online.any(dice)
    const blob = from === nobody ? -1 : this.#make()
    if (blob < 0) return
    const [hi, lo] = [storage.hi[blob]!, storage.lo[blob]!]
    const isCovered = walker.covers(from, hi, lo, reach.seedCount)
    if (!isCovered) walker.find(from, hi, lo, replicas)
    tally.messages += walker.requests + walker.foundCount
    const tookMs: Millis[] = []
    let hostile = 0
    for (let i = 0; i < walker.foundCount; i++) {
      const holder = walker.found[i]!
      // Who answered the lookup is connected by then.
      const answerMs = walker.roundTripMs(from, holder, isCovered ? undefined : true)
      if (answerMs === undefined) continue
      storage.give(blob, holder)
      if (foes.isHostile(holder)) hostile += 1
      tookMs.push(answerMs)
    }
    const enough = Math.min(quorum, walker.foundCount)
    if (tookMs.length < enough || enough === 0) {
      tally.putsFailed += 1
      storage.forget(blob)
      return
    }
    tookMs.sort((a, b) => a - b)
    tally.putMs.push(walker.tookMs + tookMs[enough - 1]!)
    storage.acknowledged(blob, hostile)
  }

  /** Of a random blob that should be there. */
  get(): void {
    const { storage, life, walker, tally, reach, dice } = this.#p
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
    const holds = (node: number) => storage.holds(blob, node)
    const [hi, lo] = [storage.hi[blob]!, storage.lo[blob]!]
    const isFound = walker.get(from, hi, lo, reach.seedCount, holds)
    tally.messages += walker.requests
    if (!isFound) return
    tally.found += 1
    tally.getMs.push(walker.tookMs)
  }

  lookUp(): void {
    const { scenario, life, walker, tally, foes, lookupDice: dice } = this.#p
    const [hi, lo] = [dice.below(2 ** 32), dice.below(2 ** 32)]
    const from = life.online.any(dice)
    if (from === nobody) return
    const { k } = scenario.parameters
    walker.find(from, hi, lo, k)
    tally.messages += walker.requests
    const { hops, requests, tookMs: ms } = walker
    const isHonest = (node: number) => !foes.has(node)
    const exact = walker.isExact(from, hi, lo, k)
    tally.looked({ hops, requests, ms, exact }, walker.honestFound(isHonest))
  }
}
