import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { readScenario } from '../../sim/scenario.ts'
import { checkFilesRead } from '../../sim/scenario-files.ts'
import type { Grid } from '../../sim/sweep.ts'

/** Runs in one plan: more would be a mistake in the grid. */
const runsMax = 100_000

/** What one combination of the grid's values has of its own. */
export type PointParameters = Record<string, Grid[string][number]>

export interface PlannedRun {
  /** Of the scenario and its seed: the same run has the same id in every plan. */
  readonly id: string
  /** Index into {@link Plan.points}. */
  readonly point: number
  readonly scenario: Scenario
}

export interface Plan {
  readonly base: Scenario
  readonly grid: Grid
  readonly seeds: readonly number[]
  readonly points: readonly PointParameters[]
  /** Point by point, in the order of the seeds. */
  readonly runs: readonly PlannedRun[]
}

/**
 * All runs of a scenario, checked before the first one begins.
 * @throws {MuttrError} `SCENARIO_INVALID`
 */
export function makePlan(base: Scenario, grid: Grid, seeds: readonly number[]): Plan {
  if (new Set(seeds).size < seeds.length) throw refused('a seed stands twice')
  const count = Object.values(grid).reduce((n, values) => n * values.length, seeds.length)
  if (count > runsMax) throw refused(`${count} runs are more than ${runsMax}`)
  const points = pointsOf(grid)
  const runs = points.flatMap((parameters, point) =>
    seeds.map(seed => {
      const scenario = scenarioAt(base, parameters, seed)
      return { id: runIdOf(scenario), point, scenario }
    })
  )
  for (const { scenario } of runs) checkFilesRead(scenario)
  if (new Set(runs.map(({ id }) => id)).size < runs.length)
    throw refused('the grid has the same point twice')
  return { base, grid, seeds, points, runs }
}

const refused = (message: string) => new MuttrError('SCENARIO_INVALID', message)

const pointsOf = (grid: Grid): PointParameters[] =>
  Object.entries(grid).reduce<PointParameters[]>(
    (points, [path, values]) =>
      points.flatMap(point => values.map(value => ({ ...point, [path]: value }))),
    [{}]
  )

function scenarioAt(base: Scenario, parameters: PointParameters, seed: number): Scenario {
  const changed: unknown = structuredClone(base)
  for (const [path, value] of Object.entries(parameters)) setAt(changed, path, value)
  return readScenario({ ...(changed as object), seed })
}

function setAt(target: unknown, path: string, value: unknown): void {
  const keys = path.split('.')
  const last = keys.pop()!
  const inner = keys.reduce<unknown>((at, key) => fieldOf(at, key, path), target)
  fieldOf(inner, last, path)
  ;(inner as Record<string, unknown>)[last] = value
}

function fieldOf(target: unknown, key: string, path: string): unknown {
  if (typeof target !== 'object' || target === null || !Object.hasOwn(target, key))
    throw refused(`grid: there is no field ${path}`)
  return (target as Record<string, unknown>)[key]
}

/** 16 hex digits. */
export const runIdOf = (scenario: Scenario): string =>
  toHex(sha256(utf8(JSON.stringify(sorted(scenario))))).slice(0, 16)

/** The same value written with its keys in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}

/** `1/4`: every fourth run, from the first on. @throws {MuttrError} `SCENARIO_INVALID` */
export function parseShard(text: string): { index: number; count: number } {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []
  const shard = { index: Number(index), count: Number(count) }
  if (index === undefined || shard.index < 1 || shard.index > shard.count)
    throw new MuttrError('SCENARIO_INVALID', `'${text}' is no shard`, {
      hint: 'Write 1/4 to 4/4 for four machines.'
    })
  return shard
}
