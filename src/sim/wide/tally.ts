import type { Millis } from '../../base/ports.ts'
import type { Figure, RunResult } from '../result.ts'
import type { Life } from './life.ts'
import type { Requests } from './requests.ts'
import type { Storage } from './storage.ts'

/** What a fault took, beside what chance alone lets one expect. */
export interface DeathRow {
  atHours: number
  died: number
  lost: number
  expected: number
}

/** What only grows, as it stood at a moment. */
interface Counts {
  messages: number
  repairBytes: number
  gets: number
  found: number
}

export interface TallyParts {
  life: Life
  storage: Storage
  requests: Requests
  /** Whether some mean harm. */
  isHostile: boolean
}

/** Counts what happens, row by row, and sums it up. */
export class Tally {
  gets = 0
  found = 0
  putsFailed = 0
  /** Gets of keys around which ids were minted. */
  eclipsedGets = 0
  eclipsedFound = 0
  readonly getMs: Millis[] = []
  readonly putMs: Millis[] = []
  readonly deaths: DeathRow[] = []
  readonly #looked: number[][] = []
  /** Of the same lookups: what hostile ones made of them. */
  readonly #among: { share: number; isMisled: boolean }[] = []
  readonly #rows: (number | string)[][] = []
  readonly #p: TallyParts
  #last: Counts = { messages: 0, repairBytes: 0, gets: 0, found: 0 }

  constructor(parts: TallyParts) {
    this.#p = parts
  }

  /** What was before the first hour is left out. */
  begin(): void {
    this.#p.requests.clear()
  }

  looked(
    o: { hops: number; requests: number; ms: Millis; exact: boolean },
    among: { share: number; isMisled: boolean }
  ): void {
    this.#among.push(among)
    this.#looked.push([this.#looked.length + 1, o.hops, o.requests, o.ms, Number(o.exact)])
  }

  #counts(): Counts {
    const { requests, storage } = this.#p
    const messages = Math.round(requests.all)
    return { messages, repairBytes: storage.pushedBytes, gets: this.gets, found: this.found }
  }

  /** @returns the row, to be noted. */
  row(atHours: number): (number | string)[] {
    const { life, storage } = this.#p
    const now = this.#counts()
    let [sum, least] = [0, Number.POSITIVE_INFINITY]
    for (let i = 0; i < storage.livingCount; i++) {
      const copies = storage.copies(storage.living[i]!)
      sum += copies
      least = Math.min(least, copies)
    }
    const gets = now.gets - this.#last.gets
    const row = [
      ...[atHours, life.online.count],
      ...(storage.livingCount === 0 ? ['', ''] : [sum / storage.livingCount, least]),
      gets === 0 ? '' : (now.found - this.#last.found) / gets,
      ...[
        storage.lost,
        now.repairBytes - this.#last.repairBytes,
        now.messages - this.#last.messages
      ]
    ]
    this.#last = now
    this.#rows.push(row)
    return row
  }

  tables(): RunResult['tables'] {
    return {
      time: {
        columns: 'atHours online copiesMean copiesMin found lost repairBytes messages'.split(' '),
        units: ['h', 'nodes', 'copies', 'copies', 'share', 'blobs', 'B since the row before', '1'],
        rows: this.#rows
      },
      lookups: {
        columns: ['n', 'hops', 'requests', 'ms', 'exact'],
        units: ['', 'hops', 'requests', 'ms', ''],
        rows: this.#looked
      },
      ...this.#p.requests.tables(),
      ...(this.deaths.length === 0 ? {} : { deaths: this.#deathTable() })
    }
  }

  #deathTable() {
    return {
      columns: ['atHours', 'died', 'lost', 'expected'],
      units: ['h', 'nodes', 'blobs', 'blobs'],
      rows: this.deaths.map(({ atHours, died, lost, expected }) => [atHours, died, lost, expected])
    }
  }

  figures(nowMs: Millis): Figures {
    const { life, storage } = this.#p
    const now = this.#counts()
    const nodeHours = life.online.hours(nowMs).all
    const figures: Figures = { lost: { value: storage.lost, unit: 'blobs' } }
    const add: Add = (name, unit, of) => {
      if (of !== undefined && Number.isFinite(of)) figures[name] = { value: of, unit }
    }
    const column = (at: number) => this.#looked.map(row => row[at]!)
    const copies = this.#rows.map(row => row[2]).filter(value => typeof value === 'number')
    add('found', 'share', now.found / now.gets)
    add('copies mean', 'copies', average(copies))
    add('get ms p50', 'ms', quantile(this.getMs, 0.5))
    add('put ms p50', 'ms', quantile(this.putMs, 0.5))
    add('puts failed', 'share', this.putsFailed / (this.putMs.length + this.putsFailed))
    add('lookup hops p50', 'hops', quantile(column(1), 0.5))
    add('lookup hops p95', 'hops', quantile(column(1), 0.95))
    add('lookup requests mean', 'requests', average(column(2)))
    add('lookup exact', 'share', average(column(4)))
    add('messages per node-hour', 'requests', now.messages / nodeHours)
    add('repair bytes per node-hour', 'B', now.repairBytes / nodeHours)
    // Blake and Rodrigues, HotOS 2003: what a node held that leaves for good is made anew, and whoever takes its place takes as much.
    add('bound of repair bytes per node-hour', 'B', (2 * storage.diedBytes) / nodeHours)
    if (storage.held.overflow > 0) add('copies not kept count of', 'copies', storage.held.overflow)
    if (this.#p.isHostile) this.#addFoes(add, nowMs, now.messages)
    if (this.deaths.length > 0)
      add('expected to be lost', 'blobs', sumOf(this.deaths.map(({ expected }) => expected)))
    return figures
  }

  /** What hostile nodes did to the others. */
  #addFoes(add: Add, nowMs: Millis, messages: number): void {
    const { life, storage, requests } = this.#p
    const sent = messages - requests.hostile
    const { all, hostile } = life.online.hours(nowMs)
    add('copies with hostile mean', 'copies', average(storage.hostileCopies))
    add('swallowed', 'blobs', storage.swallowed)
    add('messages per honest node-hour', 'requests', sent / (all - hostile))
    add('lookup honest found', 'share', average(this.#among.map(({ share }) => share)))
    const misled = this.#among.map(({ isMisled }) => Number(isMisled))
    add('lookup hostile only', 'share', average(misled))
    add('eclipsed found', 'share', this.eclipsedFound / this.eclipsedGets)
  }
}

type Add = (name: string, unit: string, of: number | undefined) => void
type Figures = Record<string, Figure>

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
const average = (values: readonly number[]): number => sumOf(values) / values.length

/** By nearest rank. */
const quantile = (values: readonly number[], share: number): number | undefined =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)]

/** Chance that all of `copies` nodes are among `dying` of `nodes`, drawn without putting back. */
export function allAmong(copies: number, dying: number, nodes: number): number {
  let chance = 1
  for (let i = 0; i < copies; i++) chance *= Math.max(0, (dying - i) / (nodes - i))
  return chance
}
