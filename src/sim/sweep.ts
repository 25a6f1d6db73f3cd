import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'
import { firstProblem } from './problem.ts'

const seedsMax = 100_000
const seedMax = 2 ** 32 - 1

const Json = z.json()
export type Json = z.infer<typeof Json>
const Grid = z.record(z.string().min(1), z.array(Json).min(1))
const Seeds = z.union([z.string(), z.array(z.int().min(0).max(seedMax)).min(1)])
/** Beside the default export of a module, or in a JSON file with `scenario`. */
const SweepShape = z.strictObject({ grid: Grid, seeds: Seeds.optional() })

/** Paths into a scenario with the values that each shall take: `{ nodes: [100, 1000], 'parameters.replicas': [4, 8] }`. */
export type Grid = z.infer<typeof Grid>
/** A grid, and the seeds of each point: a list, or text as in `1..5`; the scenario's own when left out. */
export type SweepInput = z.input<typeof SweepShape>

/** @throws {MuttrError} `SCENARIO_INVALID` */
export function readSweep(value: unknown): { grid: Grid; seeds: number[] | undefined } {
  const parsed = SweepShape.safeParse(value)
  if (!parsed.success)
    throw new MuttrError('SCENARIO_INVALID', `sweep: ${firstProblem(parsed.error, value)}`)
  const { grid, seeds } = parsed.data
  return { grid, seeds: typeof seeds === 'string' ? parseSeeds(seeds) : seeds }
}

/** `7` or `1..5`. @throws {MuttrError} `SCENARIO_INVALID` */
export function parseSeeds(text: string): number[] {
  const [, from, to = from] = /^(\d{1,10})(?:\.\.(\d{1,10}))?$/.exec(text) ?? []
  const [first, last] = [Number(from), Number(to)]
  if (from === undefined || first > last || last > seedMax || last - first >= seedsMax)
    throw new MuttrError('SCENARIO_INVALID', `'${text}' names no seeds`, {
      hint: 'Write one as 7, several as 1..5.'
    })
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
