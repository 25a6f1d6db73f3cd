import type { Millis } from '../base/ports.ts'
import type { VirtualNetwork } from '../sim/network.ts'
import type { Figure, RunResult, Table } from '../sim/result.ts'
import type { Scenario } from '../sim/scenario.ts'
import type { World } from '../sim/world.ts'
import type { Holdings } from './holdings.ts'
import type { Population } from './population.ts'
import type { Workload } from './workload.ts'

/** Blobs got for each row, beside what the workload gets by itself. */
const sampled = 20

interface Parts {
  world: World
  scenario: Scenario
  net: VirtualNetwork
  population: Population
  workload: Workload
  holdings: Holdings
}

/** What only grows, as it stood at a moment. */
interface Counts {
  messages: number
  repairBytes: number
  gets: number
  found: number
  diedBytes: number
  onlineHours: number
}

/** Counts what happens, row by row, and sums it up. Everything before hour zero is left out. */
export class Measure {
  readonly #p: Parts
  readonly #start: Counts
  readonly #startTraffic: Map<string, { requests: number; bytes: number }>
  readonly #putsBefore: number
  #last: Counts
  readonly #rows: (number | string)[][] = []

  constructor(parts: Parts) {
    this.#p = parts
    this.#start = this.#last = this.#counts()
    this.#startTraffic = this.#traffic()
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

  #traffic() {
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
    const now = this.#counts()
    const gets = now.gets - this.#last.gets
    const [mean, least] = copies.length === 0 ? ['', ''] : [average(copies), Math.min(...copies)]
    const row = [
      ...[atHours, online, mean, least],
      gets === 0 ? '' : (now.found - this.#last.found) / gets,
      ...[lost, now.repairBytes - this.#last.repairBytes, now.messages - this.#last.messages]
    ]
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

  tables(): RunResult['tables'] {
    return { time: this.#time(), lookups: this.#lookups(), traffic: this.#byMethod() }
  }

  #time(): Table {
    return {
      columns: 'atHours online copiesMean copiesMin found lost repairBytes messages'.split(' '),
      units: ['h', 'nodes', 'copies', 'copies', 'share', 'blobs', 'B since the row before', '1'],
      rows: this.#rows
    }
  }

  #lookups(): Table {
    return {
      columns: ['n', 'hops', 'requests', 'ms', 'exact'],
      units: ['', 'hops', 'requests', 'ms', ''],
      rows: this.#p.workload.looked.map(({ hops, requests, ms, exact }, i) => [
        ...[i + 1, hops, requests, ms, Number(exact)]
      ])
    }
  }

  #byMethod(): Table {
    const rows = [...this.#traffic()].map(([method, { requests, bytes }]) => {
      const before = this.#startTraffic.get(method) ?? { requests: 0, bytes: 0 }
      return [method, requests - before.requests, bytes - before.bytes]
    })
    return { columns: ['method', 'requests', 'bytes'], units: ['', 'requests', 'B'], rows }
  }

  figures(): Record<string, Figure> {
    const { workload, holdings } = this.#p
    const { start, now } = { start: this.#start, now: this.#counts() }
    const nodeHours = now.onlineHours - start.onlineHours
    const figures: Record<string, Figure> = { lost: { value: holdings.lost, unit: 'blobs' } }
    const add = (name: string, unit: string, of: number | undefined) => {
      if (of !== undefined && Number.isFinite(of)) figures[name] = { value: of, unit }
    }
    add('found', 'share', (now.found - start.found) / (now.gets - start.gets))
    add('copies mean', 'copies', this.#meanOf('copiesMean'))
    add('get ms p50', 'ms', quantile(workload.getMs, 0.5))
    add('put ms p50', 'ms', quantile(workload.putMs, 0.5))
    const puts = workload.putMs.length - this.#putsBefore
    add('puts failed', 'share', workload.putsFailed / (puts + workload.putsFailed))
    this.#addLookups(add)
    add('messages per node-hour', 'requests', (now.messages - start.messages) / nodeHours)
    const repaired = now.repairBytes - start.repairBytes
    add('repair bytes per node-hour', 'B', repaired / nodeHours)
    // Blake and Rodrigues, HotOS 2003: what a node held that leaves for good is made anew, and whoever takes its place takes as much.
    const bound = 2 * (now.diedBytes - start.diedBytes)
    add('bound of repair bytes per node-hour', 'B', bound / nodeHours)
    return figures
  }

  #addLookups(add: (name: string, unit: string, of: number | undefined) => void): void {
    const { looked } = this.#p.workload
    const hops = looked.map(({ hops }) => hops)
    add('lookup hops p50', 'hops', quantile(hops, 0.5))
    add('lookup hops p95', 'hops', quantile(hops, 0.95))
    add('lookup requests mean', 'requests', average(looked.map(({ requests }) => requests)))
    add('lookup exact', 'share', average(looked.map(({ exact }) => Number(exact))))
  }

  #meanOf(column: string): number {
    const at = this.#time().columns.indexOf(column)
    return average(this.#rows.map(row => row[at]!).filter(value => typeof value === 'number'))
  }
}

const average = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** By nearest rank. */
const quantile = (values: readonly Millis[], share: number): number | undefined =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)]
