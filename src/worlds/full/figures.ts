import type { Millis } from '../../base/ports.ts'
import type { AskedStatus } from '../../seed/asked.ts'
import type { Figure, RunResult, Table } from '../../sim/result.ts'
import type { Looked } from './workload.ts'

/** Blobs got for each row, beside what the workload gets by itself. */
export const sampled = 20

/** What only grows, as it stood at a moment. */
export interface Counts {
  messages: number
  repairBytes: number
  gets: number
  found: number
  diedBytes: number
  onlineHours: number
}

/** By method. Bytes are those of requests and answers, without what carries them. */
export type Traffic = ReadonlyMap<string, { requests: number; bytes: number }>

/** Lookups and pings by reason and forwarded requests by method, each named by what it was. */
export type Errands = ReadonlyMap<string, number>

const errandNames: Record<keyof AskedStatus, (name: string) => string> = {
  lookups: reason => `find-node, ${reason}`,
  pings: reason => `ping, ${reason}`,
  unanswered: reason => `ping, ${reason}, unanswered`,
  forwards: method => `forward, ${method}`,
  astray: method => `forward, ${method}, astray`
}

/** Adds what one seed asked to `sum`. */
export function addErrands(sum: Map<string, number>, asked: AskedStatus): void {
  for (const [kind, nameOf] of Object.entries(errandNames))
    for (const [what, count] of Object.entries(asked[kind as keyof AskedStatus])) {
      const name = nameOf(what)
      sum.set(name, (sum.get(name) ?? 0) + count)
    }
}

/** All that a run of seeds saw, virtual or real; everything before hour zero is left out of what is counted. */
export interface Seen {
  /** As {@link rowOf} makes them. */
  rows: (number | string)[][]
  /** Blobs that were acknowledged and have no copy left. */
  lost: number
  /** `ms` of all that succeeded, also before hour zero; `done` since then. */
  puts: { ms: readonly Millis[]; done: number; failed: number }
  getMs: readonly Millis[]
  /** How long connections took that were needed, where that was seen. */
  dialMs?: readonly Millis[]
  looked: readonly Looked[]
  counts: { start: Counts; end: Counts }
  traffic: { start: Traffic; end: Traffic }
  errands: { start: Errands; end: Errands }
}

/** @param copies of each blob, among the online. */
export function rowOf(
  o: { atHours: number; online: number; copies: readonly number[]; lost: number },
  last: Counts,
  now: Counts
): (number | string)[] {
  const { atHours, online, copies, lost } = o
  const gets = now.gets - last.gets
  const [mean, least] = copies.length === 0 ? ['', ''] : [average(copies), Math.min(...copies)]
  return [
    ...[atHours, online, mean, least],
    gets === 0 ? '' : (now.found - last.found) / gets,
    ...[lost, now.repairBytes - last.repairBytes, now.messages - last.messages]
  ]
}

export const tablesOf = (seen: Seen): RunResult['tables'] => ({
  time: {
    columns: timeColumns,
    units: ['h', 'nodes', 'copies', 'copies', 'share', 'blobs', 'B since the row before', '1'],
    rows: seen.rows
  },
  lookups: lookupsOf(seen),
  traffic: trafficOf(seen),
  errands: errandsOf(seen)
})

const timeColumns = 'atHours online copiesMean copiesMin found lost repairBytes messages'.split(' ')

const lookupsOf = ({ looked }: Seen): Table => ({
  columns: ['n', 'hops', 'requests', 'ms', 'exact'],
  units: ['', 'hops', 'requests', 'ms', ''],
  rows: looked.map(({ hops, requests, ms, exact }, i) => [
    ...[i + 1, hops, requests, ms, Number(exact)]
  ])
})

function trafficOf({ traffic: { start, end } }: Seen): Table {
  const rows = [...end].map(([method, { requests, bytes }]) => {
    const before = start.get(method) ?? { requests: 0, bytes: 0 }
    return [method, requests - before.requests, bytes - before.bytes]
  })
  return { columns: ['method', 'requests', 'bytes'], units: ['', 'requests', 'B'], rows }
}

function errandsOf({ errands: { start, end } }: Seen): Table {
  const rows = [...end].map(([what, count]) => [what, count - (start.get(what) ?? 0)])
  return { columns: ['errand', 'requests'], units: ['', 'requests'], rows }
}

type Add = (name: string, unit: string, of: number | undefined) => void

export function figuresOf(seen: Seen): Record<string, Figure> {
  const { rows, lost, puts, getMs, dialMs = [], looked } = seen
  const { start, end } = seen.counts
  const nodeHours = end.onlineHours - start.onlineHours
  const figures: Record<string, Figure> = { lost: { value: lost, unit: 'blobs' } }
  const add: Add = (name, unit, of) => {
    if (of !== undefined && Number.isFinite(of)) figures[name] = { value: of, unit }
  }
  add('found', 'share', (end.found - start.found) / (end.gets - start.gets))
  add('copies mean', 'copies', meanOf(rows, 'copiesMean'))
  add('get ms p50', 'ms', quantile(getMs, 0.5))
  add('put ms p50', 'ms', quantile(puts.ms, 0.5))
  add('dial ms p50', 'ms', quantile(dialMs, 0.5))
  add('dial ms p95', 'ms', quantile(dialMs, 0.95))
  add('puts failed', 'share', puts.failed / (puts.done + puts.failed))
  addLookups(looked, add)
  add('messages per node-hour', 'requests', (end.messages - start.messages) / nodeHours)
  const repaired = end.repairBytes - start.repairBytes
  add('repair bytes per node-hour', 'B', repaired / nodeHours)
  // Blake and Rodrigues, HotOS 2003: what a node held that leaves for good is made anew, and whoever takes its place takes as much.
  const bound = 2 * (end.diedBytes - start.diedBytes)
  add('bound of repair bytes per node-hour', 'B', bound / nodeHours)
  return figures
}

function addLookups(looked: readonly Looked[], add: Add): void {
  const hops = looked.map(({ hops }) => hops)
  add('lookup hops p50', 'hops', quantile(hops, 0.5))
  add('lookup hops p95', 'hops', quantile(hops, 0.95))
  add('lookup requests mean', 'requests', average(looked.map(({ requests }) => requests)))
  add('lookup exact', 'share', average(looked.map(({ exact }) => Number(exact))))
}

function meanOf(rows: Seen['rows'], column: string): number {
  const at = timeColumns.indexOf(column)
  return average(rows.map(row => row[at]!).filter(value => typeof value === 'number'))
}

export const average = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** By nearest rank. */
export const quantile = (values: readonly Millis[], share: number): number | undefined =>
  [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(share * values.length) - 1)]
