import type { RunResult } from '../../src/sim/result.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { defineScenario } from '../../src/sim/scenario.ts'
import { fullEngine } from '../../src/worlds/full/full.ts'

/** Runs at the scale full, to the end, unwatched. */
export const runFull = (scenario: ScenarioInput, seed = 1): Promise<RunResult> =>
  fullEngine.run(defineScenario(scenario), {
    seed,
    signal: new AbortController().signal,
    onProgress() {}
  })

export const figureOf = ({ figures }: RunResult, name: string): number | undefined =>
  figures[name]?.value
