import { resolve } from 'node:path'
import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { SimShow, SimShown } from '../../cli/simulator.ts'
import { writeFileAtomic } from '../../config/home.ts'
import type { Finding, FindingColumn, FindingPlot } from '../../sim/finding.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { Grid, Json } from '../../sim/sweep.ts'
import type { Code } from '../runs/code.ts'
import { describeCode } from '../runs/code.ts'
import type { Folder } from '../runs/folder.ts'
import { readFolder } from '../runs/folder.ts'
import type { PointParameters } from '../runs/plan.ts'
import type { Plot, PlotPoint } from './plots.ts'
import { drawPlot } from './plots.ts'
import { columnsOf, countedIn, figuresIn } from './quantity.ts'
import { labelOf, pointOf, seriesOf, shownOf } from './series.ts'
import { boundsOf, cutAt, estimate } from './statistics.ts'
import type { DoneRun } from './summary.ts'
import { readRuns } from './summary.ts'

/** What was in a recorded trace or a variant is said by its hash: the folder has the text, and so has the scenario's file. */
export const withoutTexts = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value), (_, inner) =>
    typeof inner === 'string' && inner.length > textCharsMax
      ? `SHA-256 ${toHex(sha256(utf8(inner)))}`
      : inner
  )
const textCharsMax = 600

interface Quantity {
  unit: string
  mean: number
  /** 95 %, by Student's t over the seeds. */
  ci95: [low: number, high: number] | null
  /** In the order of the seeds. */
  values: number[]
}

interface Quantities {
  parameters: PointParameters
  quantities: Record<string, Quantity>
}

/** Rows of a table, the mean over seeds: one list for each point of the grid. */
interface Series {
  unit: string
  points: { line: string; rows: [x: number, y: number, low: number, high: number][] }[]
}

/** What a sweep found, without its runs: small enough to be kept beside the page that tells it, and all that its tables and plots need. */
export interface Extract {
  format: 1
  code: Code
  scenario: Scenario
  grid: Grid
  seeds: readonly number[]
  points: Quantities[]
  /** By `x y`. */
  series: Record<string, Series>
}

/** @throws {MuttrError} `USAGE` when it asks for what no run has; `OUTPUT_DAMAGED` when runs are missing. */
export function extractOf(folder: Folder, runs: readonly DoneRun[], finding: Finding): Extract {
  const { plan, code, path } = folder
  if (runs.length < plan.runs.length)
    throw new MuttrError(
      'OUTPUT_DAMAGED',
      `${path} has ${runs.length} of ${plan.runs.length} runs`,
      { hint: 'Go on with `muttr sim sweep` and the same --out; a part of a sweep finds nothing.' }
    )
  const wanted = wantedBy(finding).filter(name => !(name in plan.grid))
  const pairs = seriesIn(finding)
  const single = wanted.filter(name => !pairs.flat().includes(name))
  const names = [...new Set([...figuresIn(runs), ...single])]
  const points = plan.points.map((parameters, i) => {
    const own = runs.filter(({ point }) => point === i)
    const counted = names.flatMap(name => {
      const found = countedIn(name, own)
      return found ? [[name, quantityOf(found)] as const] : []
    })
    return { parameters, quantities: Object.fromEntries(counted) }
  })
  for (const name of single)
    if (!points.some(({ quantities }) => name in quantities))
      throw new MuttrError('USAGE', `'${name}' is nothing that these runs counted`, {
        hint: `Name a path of the grid, a figure (${figuresIn(runs).join(', ')}), TABLE.COLUMN@HOUR, or mean(TABLE.COLUMN).`
      })
  const series = pairs.map(([x, y]) => [`${x} ${y}`, seriesOf(columnsOf(x, y)!, runs)] as const)
  const { base, grid, seeds } = plan
  const scenario = withoutTexts(base)
  return { format: 1, code, scenario, grid, seeds, points, series: Object.fromEntries(series) }
}

function quantityOf({ unit, values }: Pick<Quantity, 'unit' | 'values'>): Quantity {
  const { mean, ci95 } = estimate(values)
  return { unit, mean, ci95, values }
}

const wantedBy = ({ tables, plots }: Finding): string[] => [
  ...Object.values(tables).flatMap(columns => columns.flatMap(named)),
  ...Object.values(plots).flatMap(({ x, y }) => [x, ...y.flatMap(named)])
]

const named = (shown: FindingPlot['y'][number] | FindingColumn): string[] => {
  const of = typeof shown === 'string' ? shown : shown.of
  return typeof of === 'string' ? [of] : []
}

const seriesIn = ({ plots }: Finding): [x: string, y: string][] =>
  Object.values(plots).flatMap(({ x, y }) =>
    y.flatMap(named).flatMap(y => (columnsOf(x, y) ? [[x, y] satisfies [string, string]] : []))
  )

/** Which runs, in a line. */
export function sayRuns({ code, scenario, seeds, points }: Extract): string {
  const all =
    seeds.length === 1
      ? `seed ${seeds[0]}`
      : seeds.every((seed, i) => seed === seeds[0]! + i)
        ? `seeds ${seeds[0]} to ${seeds.at(-1)}`
        : `seeds ${seeds.join(', ')}`
  const runs = points.length * seeds.length
  return `Scale ${scenario.scale}, ${all}, ${runs} runs; Muttr ${describeCode(code)}.`
}

/** In Markdown; intervals are 95 % over the seeds. @throws {MuttrError} `USAGE` */
export function tableOf({ points }: Extract, columns: readonly FindingColumn[]): string {
  let cut: string[] = []
  const rows = points.map(point =>
    columns.map(column => {
      const { text, at } = cellFor(column, point, points)
      cut = [...cut, ...at]
      return text
    })
  )
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const lines = [line(columns.map(({ head }) => head)), `|${'---|'.repeat(columns.length)}`]
  const notes = [...new Set(cut)].sort()
  const all = new Intl.ListFormat('en-GB').format(notes)
  const note = notes.length > 0 ? ['', `Intervals are cut at ${all}.`] : []
  return [...lines, ...rows.map(line), ...note].join('\n')
}

function cellFor(
  { of, show = 'interval', percent = false, digits = 3 }: FindingColumn,
  { parameters, quantities }: Quantities,
  points: readonly Quantities[]
): { text: string; at: string[] } {
  const write = (value: number) => (percent ? `${amount(value * 100)} %` : amount(value))
  const amount = (value: number) => writeAmount(value, digits)
  const plain = (text: string) => ({ text, at: [] })
  if (typeof of !== 'string') {
    const said = of(parameters)
    return plain(said === undefined ? '' : write(said))
  }
  const counted = quantities[of]
  if (!counted) return plain(of in parameters ? cellText(parameters[of]!, write) : '')
  const { values, unit, mean, ci95 } = counted
  if (show === 'values') return plain(values.map(write).join(', '))
  if (show === 'least') return plain(write(Math.min(...values)))
  if (show === 'most') return plain(write(Math.max(...values)))
  if (show === 'mean' || ci95 === null || ci95[0] === ci95[1]) return plain(write(mean))
  const bounds = boundsOf(unit, allOf(of, points))
  const { low, high, at } = cutAt(ci95, bounds)
  return { text: `${write(mean)} (${write(low)} to ${write(high)})`, at: at.map(write) }
}

const cellText = (value: Json, write: (value: number) => string) =>
  typeof value === 'number' ? write(value) : shownOf(value).replaceAll('|', '\\|')

const allOf = (name: string, points: readonly Quantities[]): number[] =>
  points.flatMap(({ quantities }) => quantities[name]?.values ?? [])

/** `1,234`, `35.0`, `0.00123`. */
function writeAmount(value: number, digits: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en')
  const size = Math.floor(Math.log10(Math.abs(value))) + 1
  if (size >= digits) return Math.round(value).toLocaleString('en')
  return value.toPrecision(digits)
}

/** @throws {MuttrError} `USAGE` */
export function plotOf(extract: Extract, plot: FindingPlot): Plot {
  const { title, x, y } = plot
  const drawn = y.map(each => {
    const { line, of } = typeof each === 'string' ? { line: each, of: each } : each
    const isColumn = typeof of === 'string' && columnsOf(x, of)
    return { line, ...(isColumn ? seriesPoints(extract, x, of) : gridPoints(extract, plot, of)) }
  })
  const several = y.length > 1
  const points = drawn.flatMap(({ line, points }) =>
    points.map(point => ({
      ...point,
      line: several ? [line, point.line].filter(Boolean).join(', ') : point.line
    }))
  )
  if (points.length === 0) throw new MuttrError('USAGE', `${title}: there is nothing to draw`)
  const xs = points.map(({ x }) => x)
  const [least, most] = [Math.min(...xs), Math.max(...xs)]
  const units = new Set(drawn.map(({ unit }) => unit).filter(Boolean))
  const said = several ? title : drawn[0]!.line
  return {
    title,
    x: plot.xTitle ?? x,
    y: plot.yTitle ?? (units.size === 1 ? `${said} (${[...units][0]})` : said),
    points,
    bounds: widest(drawn.map(({ bounds }) => bounds)),
    logX: least > 0 && most / least >= 50
  }
}

type Bounds = [low: number, high: number]
const widest = (all: readonly Bounds[]): Bounds => [
  Math.min(...all.map(([low]) => low)),
  Math.max(...all.map(([, high]) => high))
]

interface Drawn {
  unit: string
  points: PlotPoint[]
  /** Theory has no interval to cut. */
  bounds: Bounds
}

function seriesPoints({ series }: Extract, x: string, y: string): Drawn {
  const { unit, points } = series[`${x} ${y}`]!
  const drawn = points.flatMap(({ line, rows }) =>
    rows.map(([x, y, low, high]) => ({ line, x, y, low, high }))
  )
  const bounds = boundsOf(
    unit,
    drawn.map(({ y }) => y)
  )
  return { unit, points: drawn, bounds }
}

function gridPoints(
  { points, grid }: Extract,
  { x, line }: FindingPlot,
  of: FindingColumn['of']
): Drawn {
  const others = Object.keys(grid).filter(path => path !== x && grid[path]!.length > 1)
  // Over something that was counted, the points of the grid make one line unless it is said what parts them.
  const paths = line !== undefined ? [line] : x in grid ? others : []
  const drawn = points.flatMap(({ parameters, quantities }) => {
    const at = x in grid ? parameters[x] : quantities[x]?.mean
    const values = typeof of === 'string' ? quantities[of]?.values : theory(of(parameters))
    if (at === undefined || values === undefined) return []
    if (typeof at !== 'number') throw new MuttrError('USAGE', `${x}: ${shownOf(at)} is no number`)
    const named = paths.filter(path => path in parameters).map(path => [path, parameters[path]!])
    return [pointOf(labelOf(Object.fromEntries(named)), at, values)]
  })
  drawn.sort((a, b) => a.x - b.x)
  if (typeof of !== 'string') return { unit: '', points: drawn, bounds: [0, 0] }
  const unit = points.flatMap(({ quantities }) => quantities[of] ?? [])[0]?.unit ?? ''
  const bounds = boundsOf(
    unit,
    drawn.map(({ y }) => y)
  )
  return { unit, points: drawn, bounds }
}

/** The table as Markdown, the plot as a file. @throws {MuttrError} as `Simulator.show` */
export async function showFolder(path: string, { table, plot }: SimShow): Promise<SimShown> {
  const folder = await readFolder(path)
  const columns = table?.map(of => ({ head: of, of }))
  const drawn = plot && {
    title: plot.y,
    x: plot.x,
    y: [plot.y],
    ...(plot.line && { line: plot.line })
  }
  const finding = {
    tables: columns ? { table: columns } : {},
    plots: drawn ? { plot: drawn } : {}
  }
  const extract = extractOf(folder, await readRuns(folder), finding)
  const svg = plot?.svg
  if (svg !== undefined && drawn)
    await writeFileAtomic(resolve(svg), `${await drawPlot(plotOf(extract, drawn))}\n`, {
      mode: 0o644
    })
  return { table: columns && tableOf(extract, columns), svg }
}

const theory = (value: number | undefined) => (value === undefined ? undefined : [value])
