import { MuttrError } from '../../base/errors.ts'
import type { Table } from '../../sim/result.ts'
import type { DoneRun } from './summary.ts'

interface Counted {
  unit: string
  /** One a run, in the order of the runs; runs that did not see it are left out. */
  values: number[]
}

const sums: Record<string, (sorted: readonly number[]) => number> = {
  mean: values => values.reduce((sum, value) => sum + value, 0) / values.length,
  min: values => values[0]!,
  max: values => values.at(-1)!,
  p50: values => nearestRank(values, 0.5),
  p95: values => nearestRank(values, 0.95)
}
const nearestRank = (sorted: readonly number[], share: number) =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!

const Cell = /^([\w-]+)\.([\w-]+)@(\d+(?:\.\d+)?)$/
const Sum = /^(mean|min|max|p50|p95)\(([\w-]+)\.([\w-]+)\)$/

/**
 * What runs have of a quantity; src/sim/finding.ts says how it is written. Undefined where none of them saw it.
 * @throws {MuttrError} `USAGE` when no run could have it.
 */
export function countedIn(of: string, runs: readonly DoneRun[]): Counted | undefined {
  const figures = runs.flatMap(({ result }) => result.figures[of] ?? [])
  if (figures.length > 0)
    return { unit: figures[0]!.unit, values: figures.map(({ value }) => value) }
  const [, summed, ...inSum] = Sum.exec(of) ?? []
  if (summed !== undefined)
    return columnIn(of, inSum, runs, (table, at) => {
      const values = table.rows.flatMap(row => numberIn(row[at]))
      return values.length === 0 ? [] : [sums[summed]!(values.sort((a, b) => a - b))]
    })
  const [, table, column, hour] = Cell.exec(of) ?? []
  if (hour === undefined) return undefined
  return columnIn(of, [table!, column!], runs, ({ columns, rows }, at) => {
    const hours = columns.indexOf('atHours')
    return numberIn(rows.find(row => Math.abs(Number(row[hours]) - Number(hour)) < 1e-9)?.[at])
  })
}

const numberIn = (cell: number | string | undefined): number[] =>
  typeof cell === 'number' ? [cell] : []

function columnIn(
  of: string,
  [name, column]: readonly (string | undefined)[],
  runs: readonly DoneRun[],
  take: (table: Table, at: number) => number[]
): Counted | undefined {
  const tables = runs.flatMap(({ result }) => result.tables[name!] ?? [])
  const at = tables[0]?.columns.indexOf(column!) ?? -1
  if (at < 0) throw new MuttrError('USAGE', `'${of}': there is no such table or column`)
  const values = tables.flatMap(table => take(table, at))
  return values.length === 0 ? undefined : { unit: tables[0]!.units[at]!, values }
}

/** All that runs name, for who asked for something else. */
export const figuresIn = (runs: readonly DoneRun[]): string[] => [
  ...new Set(runs.flatMap(({ result }) => Object.keys(result.figures)))
]

const Column = /^([\w-]+)\.([\w-]+)$/

/** Two columns of one table, when that is what both say. */
export function columnsOf(
  x: string,
  y: string
): { table: string; x: string; y: string } | undefined {
  const [, table, xColumn] = Column.exec(x) ?? []
  const [, other, yColumn] = Column.exec(y) ?? []
  if (table === undefined || table !== other) return undefined
  return { table, x: xColumn!, y: yColumn! }
}
