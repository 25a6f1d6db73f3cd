import type { VirtualNetwork } from '../../sim/network.ts'
import type { Figure, RunResult } from '../../sim/result.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { World } from '../../sim/world.ts'
import type { Counts, Errands, Seen, Traffic } from './figures.ts'
import { figuresOf, rowOf, sampled, tablesOf } from './figures.ts'
import { FoeFigures } from './foe-figures.ts'
import type { Holdings } from './holdings.ts'
import type { Population } from './population.ts'
import type { Workload } from './workload.ts'

interface Parts {
  world: World
  scenario: Scenario
  net: VirtualNetwork
  population: Population
  workload: Workload
  holdings: Holdings
}

/** Counts what happens, row by row, and sums it up. Everything before hour zero is left out. */
export class Measure {
  readonly #p: Parts
  readonly #start: Counts
  readonly #startTraffic: Traffic
  readonly #startErrands: Errands
  readonly #putsBefore: number
  #last: Counts
  readonly #rows: (number | string)[][] = []
  readonly #foes: FoeFigures

  constructor(parts: Parts) {
    this.#p = parts
    this.#foes = new FoeFigures(parts)
    this.#start = this.#last = this.#counts()
    this.#startTraffic = this.#traffic()
    this.#startErrands = parts.population.errands()
    this.#putsBefore = parts.workload.putMs.length
  }

  #counts(): Counts {
    const { net, population, workload } = this.#p
    return {
      messages: net.totals.requests,
      repairBytes: population.pushedBytes,
      gets: workload.gets,
      found: workload.found,
      diedBytes: population.diedBytes,
      onlineHours: population.onlineHours
    }
  }

  #traffic(): Traffic {
    const { byMethod, bytesByMethod } = this.#p.net
    return new Map(
      [...byMethod].map(([method, requests]) => [
        method,
        { requests, bytes: bytesByMethod.get(method) ?? 0 }
      ])
    )
  }

  async row(atHours: number): Promise<void> {
    const { population, workload, holdings, world } = this.#p
    holdings.expire()
    const copies = this.#copies()
    const online = population.online.length
    const { lost } = holdings
    for (let i = 0; i < sampled; i++) await workload.get()
    await this.#foes.row()
    const now = this.#counts()
    const row = rowOf({ atHours, online, copies, lost }, this.#last, now)
    this.#rows.push(row)
    world.note('row', ...row)
    this.#last = now
  }

  /** Of each blob among the online. */
  #copies(): number[] {
    const { population, holdings } = this.#p
    const online = new Set(population.online.map(({ index }) => index))
    return holdings.living.map(({ holders }) => {
      let copies = 0
      for (const holder of holders) if (online.has(holder)) copies += 1
      return copies
    })
  }

  get #seen(): Seen {
    const { workload, holdings, population } = this.#p
    const { putMs, getMs, putsFailed, looked } = workload
    const puts = { ms: putMs, failed: putsFailed, done: putMs.length - this.#putsBefore }
    const counts = { start: this.#start, end: this.#counts() }
    const traffic = { start: this.#startTraffic, end: this.#traffic() }
    const errands = { start: this.#startErrands, end: population.errands() }
    const { lost } = holdings
    return { rows: this.#rows, lost, puts, getMs, looked, counts, traffic, errands }
  }

  tables(): RunResult['tables'] {
    return tablesOf(this.#seen)
  }

  figures(): Record<string, Figure> {
    return { ...figuresOf(this.#seen), ...this.#foes.figures() }
  }
}
