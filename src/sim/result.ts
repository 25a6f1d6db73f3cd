import type { Look } from './look.ts'
import type { Scale, Scenario } from './scenario.ts'
import type { TraceSink } from './trace.ts'

/** One CSV file. A column holds numbers or texts, never a wall time. */
export interface Table {
  columns: string[]
  /** As many as columns; empty for what has none. */
  units: string[]
  rows: (number | string)[][]
}

/** One number that sums up a run. */
export interface Figure {
  value: number
  unit: string
}

/** A promise that was broken, and the notes that led there, oldest first. */
export interface Violation {
  /** From hour zero, as a replay counts. */
  atMs: number
  what: string
  /** `MILLISECONDS: what happened`, counted likewise: below zero while the network is made. */
  chain: string[]
}

/**
 * What a run found; a function of scenario, seed, commit and version of Node alone, but at the scale real, where that is so of the plan and
 * of nothing else. Tables and figures that more than one engine gives have
 * the same names in all: `time`, `lookups`, `found`, `lookup hops p50` and so on. Source: docs/guides/research.md
 */
export interface RunResult {
  scenario: Scenario
  scale: Scale
  seed: number
  /** Hex. At the scale real it is the plan's. */
  traceHash: string
  events: number
  tables: Record<string, Table>
  figures: Record<string, Figure>
  violations: Violation[]
}

/** What a run took on this machine: reported beside its result, never compared. */
export interface RunCost {
  wallMs: number
  /** Resident, at most. */
  memoryBytes: number
  eventsPerSecond: number
}

/** Beside the scenario. */
export interface EngineOptions {
  seed: number
  /** When it aborts, the run ends with `CANCELLED`. */
  signal: AbortSignal
  /** `atHours` goes from -1 to 0 while an engine makes the network, where that takes long. */
  onProgress(done: { atHours: number; events: number }): void
  /** Its note `begin` stands at hour zero; what is before it made the network. */
  trace?: TraceSink
  /** At one moment of it. Not at the scale real. */
  look?: Look
}

/** Something that can run a scenario. */
export interface Engine {
  /**
   * @throws {MuttrError} `SCENARIO_INVALID` before it begins, where the scenario asks for what this engine does not model; `CANCELLED`
   */
  run(scenario: Scenario, options: EngineOptions): Promise<RunResult>
}
