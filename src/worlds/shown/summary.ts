import type { RunCost, RunResult, Table, Violation } from '../../sim/result.ts'
import type { Scale } from '../../sim/scenario.ts'
import type { Code } from '../runs/code.ts'
import type { Folder } from '../runs/folder.ts'
import { folderFormat } from '../runs/folder.ts'
import type { PointParameters } from '../runs/plan.ts'
import type { Estimate } from './statistics.ts'
import { boundsOf, cutAt, estimate } from './statistics.ts'

interface SummaryFigure extends Estimate {
  unit: string
  /** In the order of the seeds. */
  values: number[]
}

export interface SummaryPoint {
  parameters: PointParameters
  figures: Record<string, SummaryFigure>
  runs: { id: string; seed: number; traceHash: string; events: number; violations: number }[]
}

/** `summary.json`: a function of the runs alone, whichever machine made them in whatever order. */
export interface Summary {
  format: number
  name: string
  question: string
  scale: Scale
  code: Code
  /** Planned, and there. */
  runs: { planned: number; done: number }
  points: SummaryPoint[]
}

export interface DoneRun {
  id: string
  point: number
  parameters: PointParameters
  result: RunResult
  cost: RunCost | undefined
}

/** All that is there, in the order of the plan. @throws {MuttrError} `OUTPUT_DAMAGED` */
export async function readRuns(folder: Folder): Promise<DoneRun[]> {
  const { plan } = folder
  const done = await folder.done()
  const runs: DoneRun[] = []
  for (const { id, point } of plan.runs.filter(({ id }) => done.has(id))) {
    const [result, cost] = await Promise.all([folder.read(id), folder.cost(id)])
    runs.push({ id, point, parameters: plan.points[point]!, result, cost })
  }
  return runs
}

export function summarize(
  { plan, code }: Pick<Folder, 'plan' | 'code'>,
  runs: readonly DoneRun[]
): Summary {
  const { base, points } = plan
  const groups = points.map((parameters, i) => ({
    parameters,
    runs: runs.filter(({ point }) => point === i)
  }))
  return {
    format: folderFormat,
    name: base.name,
    question: base.question,
    scale: base.scale,
    code,
    runs: { planned: plan.runs.length, done: runs.length },
    points: groups.filter(({ runs }) => runs.length > 0).map(summarizePoint)
  }
}

const summarizePoint = ({
  parameters,
  runs
}: {
  parameters: PointParameters
  runs: DoneRun[]
}): SummaryPoint => {
  const results = runs.map(({ result }) => result)
  const names = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))]
  return {
    parameters,
    figures: Object.fromEntries(names.map(name => [name, summarizeFigure(name, results)])),
    runs: runs.map(({ id, result: { seed, traceHash, events, violations } }) => ({
      id,
      seed,
      traceHash,
      events,
      violations: violations.length
    }))
  }
}

/** Of the seeds that have it: who made no get has no time of a get. */
function summarizeFigure(name: string, results: readonly RunResult[]): SummaryFigure {
  const having = results.flatMap(({ figures }) => figures[name] ?? [])
  const values = having.map(({ value }) => value)
  return { unit: having[0]!.unit, ...estimate(values), values }
}

/** As people are shown it: an interval that passes what its quantity cannot is cut there. `summary.json` has it as computed. */
export function intervalOf({ unit, values, ci95 }: SummaryFigure): [number, number] | null {
  if (!ci95) return null
  const { low, high } = cutAt(ci95, boundsOf(unit, values))
  return [low, high]
}

/** Everything of one name, each row with its point and seed in front. */
export function mergeTables(runs: readonly DoneRun[]): Record<string, Table> {
  const names = [...new Set(runs.flatMap(({ result }) => Object.keys(result.tables)))]
  return Object.fromEntries(names.map(name => [name, mergeTable(name, runs)]))
}

function mergeTable(name: string, runs: readonly DoneRun[]): Table {
  const having = runs.filter(({ result }) => result.tables[name])
  const { columns, units } = having[0]!.result.tables[name]!
  const paths = Object.keys(having[0]!.parameters)
  return {
    columns: [...paths, 'seed', ...columns],
    units: [...paths.map(() => ''), '', ...units],
    rows: having.flatMap(({ parameters, result }) =>
      result.tables[name]!.rows.map(row => [
        ...paths.map(path => cellOf(parameters[path])),
        result.seed,
        ...row
      ])
    )
  }
}

/** A value of a grid as it stands in a table. */
const cellOf = (value: unknown): number | string =>
  typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value)

export const violationsOf = (
  runs: readonly DoneRun[]
): (Violation & { id: string; seed: number })[] =>
  runs.flatMap(({ id, result }) =>
    result.violations.map(violation => ({ id, seed: result.seed, ...violation }))
  )
