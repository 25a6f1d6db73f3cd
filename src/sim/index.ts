/** What the package offers as `muttr/sim`: for scenarios, and for engines of one's own. Source: docs/guides/research.md */
export { Dice } from './dice.ts'
export { Distribution, draw, fits, meanOf } from './distributions.ts'
export type {
  Engine,
  EngineOptions,
  Figure,
  RunCost,
  RunResult,
  Table,
  Violation
} from './result.ts'
export type { Scale, Scenario, ScenarioInput } from './scenario.ts'
export { defineScenario, readScenario } from './scenario.ts'
export type { SweepInput } from './sweep.ts'
export type { Note, TraceSink } from './trace.ts'
export type { PassOptions, WorldOptions } from './world.ts'
export { World } from './world.ts'
