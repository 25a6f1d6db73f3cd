// What is disposed of, for a compiler whose library does not have it.
/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `muttr/sim`: experiments with the code that ships, in code. A scenario is run by {@link runScenario}, with a grid by {@link runSweep};
 * {@link Variant} changes the protocol; {@link World} is virtual time and dice for engines of one's own. Source: docs/guides/research.md
 * @module
 */
export { Dice } from '../sim/dice.ts'
export { Distribution, draw, fits, meanOf } from '../sim/distributions.ts'
export type { Look, Seen, SeenNode } from '../sim/look.ts'
export type {
  Engine,
  EngineOptions,
  Figure,
  RunResult,
  Table,
  Violation
} from '../sim/result.ts'
export type { Scale, Scenario, ScenarioInput } from '../sim/scenario.ts'
export { defineScenario, readScenario } from '../sim/scenario.ts'
export type { SweepInput } from '../sim/sweep.ts'
export type { Note, TraceSink } from '../sim/trace.ts'
export type { PassOptions, WorldOptions } from '../sim/world.ts'
export { World } from '../sim/world.ts'
export type { RunScenarioOptions, RunSweepOptions, SweepDone } from './api.ts'
export { runScenario, runSweep } from './api.ts'
export type { Shipped, Variant } from './runs/variant.ts'
