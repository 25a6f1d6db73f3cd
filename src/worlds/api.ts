import { MuttrError } from '../base/errors.ts'
import type { SimDone } from '../cli/simulator.ts'
import { systemClock as clock } from '../net/clock.ts'
import type { RunResult } from '../sim/result.ts'
import type { ScenarioInput } from '../sim/scenario.ts'
import { readScenario } from '../sim/scenario.ts'
import { checkFilesRead } from '../sim/scenario-files.ts'
import type { SweepInput } from '../sim/sweep.ts'
import { readSweep } from '../sim/sweep.ts'
import type { TraceSink } from '../sim/trace.ts'
import { fullEngineWith } from './full/full.ts'
import { conduct } from './runs/conduct.ts'
import { engineFor, enginesUrl } from './runs/engines.ts'
import { makePlan } from './runs/plan.ts'
import { runOnce } from './runs/run-once.ts'
import type { Variant } from './runs/variant.ts'

/** For {@link runScenario}. */
export interface RunScenarioOptions {
  /** Instead of the seeds that ship, at the scale `full`; a function of this program, so no folder can name it. */
  variant?: Variant
  /** Ends the run with `CANCELLED`. */
  signal?: AbortSignal
  /** Told each note of the run. */
  trace?: TraceSink
  /** Told a few times a second. */
  onProgress?(atHours: number): void
}

/**
 * Runs one scenario in this thread. The same scenario, seed, commit and version of Node give the same result, to the bit.
 * @throws {MuttrError} `SCENARIO_INVALID` before it begins; `CANCELLED`
 */
export async function runScenario(
  input: ScenarioInput,
  { variant, signal, trace, onProgress }: RunScenarioOptions = {}
): Promise<RunResult> {
  const scenario = readScenario(input)
  checkFilesRead(scenario)
  if (variant && scenario.scale !== 'full')
    throw new MuttrError('SCENARIO_INVALID', `variant: the scale ${scenario.scale} knows none`)
  const { result } = await runOnce(scenario, {
    engine: variant ? fullEngineWith(variant) : await engineFor(scenario.scale),
    clock,
    signal: signal ?? new AbortController().signal,
    onProgress: atHours => onProgress?.(atHours),
    ...(trace && { trace })
  })
  return result
}

/** For {@link runSweep}. */
export interface RunSweepOptions {
  /** A folder for plan, runs, tables and report, as of `muttr sim sweep --out`: what is there is not run again. */
  out?: string
  /** Runs at a time; one for each core unless told. */
  threads?: number
  /** Ends the sweep with `CANCELLED`; what is done stays in the folder. */
  signal?: AbortSignal
  /** Told with each run that ends, and in between. */
  onProgress?(progress: { done: number; runs: number; share: number }): void
}

/** Figures of a sweep, point by point: means with 95 % intervals over the seeds. */
export type SweepDone = SimDone

/**
 * Runs a scenario at every point of a grid, with every seed, each in a thread of its own.
 * @throws {MuttrError} `SCENARIO_INVALID` before it begins; `OUTPUT_EXISTS`, `OUTPUT_DAMAGED`, `HOME_IN_USE`, `MEMORY_SHORT`, `DISK_FULL`,
 * `DISK_FAILED`, `CANCELLED`
 */
export async function runSweep(
  input: ScenarioInput,
  sweep: SweepInput,
  { out, threads, signal, onProgress }: RunSweepOptions = {}
): Promise<SweepDone> {
  const scenario = readScenario(input)
  const { grid, seeds } = readSweep(sweep)
  return await conduct(makePlan(scenario, grid, seeds ?? [scenario.seed]), {
    clock,
    enginesUrl,
    out: out ?? null,
    shard: undefined,
    threads,
    signal: signal ?? new AbortController().signal,
    onProgress: progress => onProgress?.(progress)
  })
}
