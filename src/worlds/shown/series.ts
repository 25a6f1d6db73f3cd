import { MuttrError } from '../../base/errors.ts'
import { formatFigure } from '../../cli/units.ts'
import type { Table } from '../../sim/result.ts'
import type { PointParameters } from '../runs/plan.ts'
import type { Plot, PlotPoint } from './plots.ts'
import { boundsOf, estimate } from './statistics.ts'
import type { DoneRun, Summary } from './summary.ts'

/** More lines in one plot cannot be told apart, more points in one line cannot be seen. */
const linesMax = 10
const pointsMax = 400

/** Rows of a series that is kept: as many as a plot shows. */
const rowsMax = 200

/** A point of a grid in words; empty where there is no grid. */
export const labelOf = (parameters: PointParameters): string =>
  Object.entries(parameters)
    .map(([path, value]) => `${path.split('.').at(-1)} ${shownOf(value)}`)
    .join(', ')

/** A distribution as `exponential 8`, other groups of fields as `work per hour 100,000, stamps fresh`, nothing as `none`. */
export function shownOf(value: PointParameters[string]): string {
  if (typeof value === 'number') return formatFigure(value)
  if (value === null) return 'none'
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return value.map(shownOf).join(' and ')
  if ('type' in value) return Object.values(value).map(shownOf).join(' ')
  return Object.entries(value)
    .map(([name, inner]) => `${inWords(name)} ${shownOf(inner)}`)
    .join(', ')
}

const inWords = (name: string) => name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)

/** The table `time`: each column over the hours, a line for each point, the mean over seeds with its interval. */
export function timePlots(runs: readonly DoneRun[]): Plot[] {
  const having = runs.filter(({ result }) => result.tables.time)
  const shape = having[0]?.result.tables.time
  if (!shape) return []
  const points = [...new Set(having.map(({ point }) => point))].slice(0, linesMax)
  return shape.columns.flatMap((column, i) => {
    if (column === 'atHours') return []
    const drawn = points.flatMap(point => {
      const tables = having.filter(run => run.point === point).map(run => run.result.tables.time!)
      const line = labelOf(having.find(run => run.point === point)!.parameters)
      return lineOf(tables, { x: 'atHours', column: i, line, rowsMax: pointsMax })
    })
    const y = shape.units[i] ? `${column} (${shape.units[i]})` : column
    const bounds = boundsOf(
      shape.units[i]!,
      drawn.map(({ y }) => y)
    )
    return drawn.length > 1
      ? [{ title: column, x: 'hours', y, points: drawn, bounds, logX: false }]
      : []
  })
}

/** One column of a table over another, for each point of a grid. @throws {MuttrError} `USAGE` */
export function seriesOf(
  of: { table: string; x: string; y: string },
  runs: readonly DoneRun[]
): { unit: string; points: { line: string; rows: [number, number, number, number][] }[] } {
  const having = runs.filter(({ result }) => result.tables[of.table])
  const shape = having[0]?.result.tables[of.table]
  const column = shape?.columns.indexOf(of.y) ?? -1
  if (!shape || column < 0 || !shape.columns.includes(of.x))
    throw new MuttrError('USAGE', `the table '${of.table}' has no ${of.x} and ${of.y}`)
  const points = [...new Set(having.map(({ point }) => point))].map(point => {
    const own = having.filter(run => run.point === point)
    const tables = own.map(({ result }) => result.tables[of.table]!)
    const line = labelOf(own[0]!.parameters)
    const drawn = lineOf(tables, { x: of.x, column, line, rowsMax })
    const rows = drawn.map(({ x, y, low, high }) => [x, y, low, high].map(sixDigits))
    return { line, rows: rows as [number, number, number, number][] }
  })
  return { unit: shape.units[column]!, points }
}

const sixDigits = (value: number) => Number(value.toPrecision(6))

function lineOf(
  tables: readonly Table[],
  { x, column, line, rowsMax }: { x: string; column: number; line: string; rowsMax: number }
): PlotPoint[] {
  const at = tables[0]!.columns.indexOf(x)
  const count = Math.min(...tables.map(({ rows }) => rows.length))
  const step = Math.max(1, Math.ceil(count / rowsMax))
  const picked = Array.from({ length: count }, (_, i) => i).filter(
    i => i % step === 0 || i === count - 1
  )
  return picked.flatMap(i => {
    const values = tables.map(({ rows }) => rows[i]![column]!)
    if (!values.every(value => typeof value === 'number')) return []
    return [pointOf(line, Number(tables[0]!.rows[i]![at]), values)]
  })
}

export function pointOf(line: string, x: number, values: readonly number[]): PlotPoint {
  const { mean, ci95 } = estimate(values)
  const [low, high] = ci95 ?? [mean, mean]
  return { line, x, y: mean, low, high }
}

/** Each figure over the first parameter of the grid that is a number; the others make the lines. */
export function figurePlots({ points }: Summary): Plot[] {
  const paths = Object.keys(points[0]?.parameters ?? {})
  const path = paths.find(path => {
    const values = new Set(points.map(({ parameters }) => parameters[path]))
    return values.size > 1 && [...values].every(value => typeof value === 'number')
  })
  if (path === undefined) return []
  const names = [...new Set(points.flatMap(({ figures }) => Object.keys(figures)))]
  return names.flatMap(name => {
    const drawn = points.flatMap(({ parameters, figures }) => {
      const { [path]: x, ...others } = parameters
      const figure = figures[name]
      return figure ? [pointOf(labelOf(others), x as number, figure.values)] : []
    })
    const lines = [...new Set(drawn.map(({ line }) => line))].slice(0, linesMax)
    const shown = drawn.filter(({ line }) => lines.includes(line)).sort((a, b) => a.x - b.x)
    const unit = points.find(({ figures }) => figures[name])!.figures[name]!.unit
    const xs = shown.map(({ x }) => x)
    const logX = xs[0]! > 0 && xs.at(-1)! / xs[0]! >= 50
    const bounds = boundsOf(
      unit,
      points.flatMap(({ figures }) => figures[name]?.values ?? [])
    )
    const y = unit ? `${name} (${unit})` : name
    return [{ title: name, x: path, y, points: shown, bounds, logX }]
  })
}
