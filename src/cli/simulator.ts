import type { Millis } from '../base/ports.ts'

/**
 * What `muttr sim` asks of the simulator. `src/worlds/simulator.ts` implements it. Every method throws MuttrError only; `signal` is Ctrl-C.
 */
export interface Simulator {
  /** What comes with the package. */
  list(): Promise<SimListed[]>
  /** One scenario, by name or file, with one seed or several. @throws {MuttrError} `SCENARIO_INVALID`, `OUTPUT_*`, `HOME_IN_USE`, `MEMORY_SHORT`, `CANCELLED` */
  run(options: SimRunOptions): Promise<SimDone>
  /** Every point of a scenario's grid. @throws {MuttrError} as {@link run}; with a queue `QUEUE_FAILED`, `RUN_STUCK` */
  sweep(options: SimSweepOptions): Promise<SimDone>
  /** Figure by figure, points with the same parameters beside each other. @throws {MuttrError} `OUTPUT_DAMAGED` */
  compare(a: string, b: string): Promise<SimCompared[]>
  /** Makes summary, tables and report anew of the runs that are there. @throws {MuttrError} `OUTPUT_DAMAGED` */
  report(folder: string): Promise<SimDone>
  /**
   * Copies what a queue has of a sweep into a folder.
   * @param name of the scenario; needed when there are several.
   * @throws {MuttrError} `QUEUE_FAILED`, `USAGE`, `OUTPUT_*`, `HOME_IN_USE`
   */
  fetch(
    folder: string,
    from: { url: string; name: string | undefined; signal: AbortSignal }
  ): Promise<void>
  /** For a page of one's own, from the runs of a whole sweep. @throws {MuttrError} `OUTPUT_DAMAGED`, `USAGE`, `DISK_FULL`, `DISK_FAILED` */
  show(folder: string, what: SimShow): Promise<SimShown>
  /** @throws {MuttrError} `OUTPUT_DAMAGED`, `USAGE` when the folder has several runs and none is named, or the scale has not what is asked; `RUN_DIFFERS`, `OUTPUT_EXISTS`, `DISK_FULL`, `DISK_FAILED`, `CANCELLED` */
  replay(options: SimReplayOptions): Promise<SimReplayed>
}

export interface SimListed {
  name: string
  question: string
  scale: string
  nodes: number
  hours: number
}

export interface SimRunOptions {
  /** Name of a scenario that comes with the package, or a file. */
  what: string
  /** Said otherwise than the scenario does. */
  changes: { nodes?: number; hours?: number; scale?: string }
  /** `1..5`; the scenario's own seed when undefined. */
  seeds: string | undefined
  /** Where plan, runs, summary, tables and report are written; nothing is when null. */
  out: string | null
  /** Runs at a time; as many as there are cores when undefined. */
  threads: number | undefined
  onProgress(progress: SimProgress): void
  signal: AbortSignal
}

export interface SimSweepOptions extends SimRunOptions {
  /** `2/8`: the second of eight parts, on this machine. */
  shard: string | undefined
  /** Runs are taken from there, where others take theirs. */
  queue: SimQueue | undefined
}

/** A PostgreSQL. */
export interface SimQueue {
  /** `postgres://user@host/database` */
  url: string
  /** A worker that was silent for so long has lost its runs. */
  leaseMs: Millis
}

export interface SimProgress {
  /** Of the runs of this process's part: with a shard those of the shard. */
  done: number
  runs: number
  /** Of all runs of this process, 0 to 1. */
  share: number
  /** Undefined until it can be told. */
  remainingMs: number | undefined
}

interface SimFigure {
  name: string
  unit: string
  mean: number
  /** 95 %, over seeds, cut where the quantity ends: a share at 0 and 1, an amount at 0. Null with fewer than two. */
  ci95: [low: number, high: number] | null
}

export interface SimPoint {
  parameters: Record<string, unknown>
  seeds: number[]
  figures: SimFigure[]
}

export interface SimDone {
  name: string
  question: string
  runs: { planned: number; done: number }
  points: SimPoint[]
  violations: { what: string; seed: number; run: string; atMs: number }[]
  /** Where it was written. */
  out: string | null
}

/** Quantities are written as src/sim/finding.ts says. */
export interface SimShow {
  plot: { x: string; y: string; line: string | undefined; svg: string } | undefined
  /** One a column. */
  table: string[] | undefined
}

export interface SimShown {
  /** Markdown. */
  table: string | undefined
  /** The file. */
  svg: string | undefined
}

export interface SimCompared {
  parameters: Record<string, unknown>
  figure: string
  unit: string
  a: { mean: number; ci95: [number, number] | null }
  b: { mean: number; ci95: [number, number] | null }
  /** b minus a, with 95 % by Welch's test. */
  difference: { mean: number; ci95: [number, number] | null }
  /** Null when one of them has fewer than two seeds. */
  differs: boolean | null
}

export interface SimReplayOptions {
  folder: string
  /** Needed when the folder has several. */
  run: string | undefined
  /** The file of the variant that was run, where one was: only code that is named is run. */
  variant: string | undefined
  /** Virtual, from hour zero of the run; or so many events, with those that made the network. */
  until: { atMs: Millis } | { events: number }
  /**
   * Told each note up to then, `[milliseconds from hour zero, type, ...fields]`; they are below zero while the network is made. One after the
   * other, and not before the run is known to be the same.
   */
  print(note: [number, string, ...(string | number)[]]): Promise<void>
  /** Told before it begins that the folder was made by other code. */
  warn(text: string): void
  onProgress(progress: SimProgress): void
  /** Prints each request of seeds too, from hour zero on. At the scale full. */
  requests: boolean
  /** A file, which must not be there: how each node stands then, a line of JSON each. Not at the scale real. */
  dump: string | null
  signal: AbortSignal
}

export interface SimReplayed {
  run: string
  notes: number
  /** As the folder has it for this run. */
  traceHash: string
  /** What is proven to be as it was then: all of it; at the scale real who does what when, and processes do it anew. */
  same: 'run' | 'plan'
  /** Events up to then, with those that made the network; null at the scale real. */
  events: number | null
  /** Where the nodes were written. */
  dump: string | null
}
