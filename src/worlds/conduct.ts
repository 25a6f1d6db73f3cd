import { availableParallelism } from 'node:os'
import { MuttrError } from '../base/errors.ts'
import type { Clock, Millis } from '../base/ports.ts'
import type { SimDone, SimProgress } from '../cli/simulator.ts'
import type { RunCost, RunResult } from '../sim/result.ts'
import { thisCode } from './code.ts'
import { toCsv } from './csv.ts'
import type { Engines } from './engines.ts'
import type { Folder } from './folder.ts'
import { openFolder } from './folder.ts'
import type { Plan, PlannedRun } from './plan.ts'
import { makeReport } from './report.ts'
import type { DoneRun, Summary } from './summary.ts'
import { mergeTables, readRuns, summarize, violationsOf } from './summary.ts'
import { runAll } from './workers.ts'

export interface ConductOptions {
  clock: Clock
  /** Module that exports what {@link Engines} says; each thread loads it. */
  enginesUrl: string
  out: string | null
  shard: { index: number; count: number } | undefined
  threads: number | undefined
  onProgress(progress: SimProgress): void
  signal: AbortSignal
}

/**
 * Does what of a plan is not done yet, or this shard's part of it. With a folder, runs that are done stay when it is stopped or killed.
 * @throws {MuttrError} as `Simulator.run`
 */
export async function conduct(plan: Plan, o: ConductOptions): Promise<SimDone> {
  const { out, shard } = o
  const code = await thisCode()
  if (out === null) {
    const runs: DoneRun[] = []
    await perform(plan, plan.runs, o, async ({ id, point }, result, cost) => {
      runs.push({ id, point, parameters: plan.points[point]!, result, cost })
    })
    const places = new Map(plan.runs.map(({ id }, i) => [id, i]))
    runs.sort((a, b) => places.get(a.id)! - places.get(b.id)!)
    return doneOf(summarize({ plan, code }, runs), runs, null)
  }
  await using folder = await openFolder(out, plan, code, shard)
  const done = await folder.done()
  const mine = plan.runs.filter((_, i) => !shard || i % shard.count === shard.index - 1)
  const left = mine.filter(({ id }) => !done.has(id))
  await perform(plan, left, o, ({ id }, result, cost) => folder.write(id, result, cost))
  return await writeUp(folder)
}

/** Makes summary, tables and report of the runs that are there. @throws {MuttrError} `OUTPUT_DAMAGED`, `DISK_FULL`, `DISK_FAILED` */
export async function writeUp(folder: Folder): Promise<SimDone> {
  const runs = await readRuns(folder)
  const summary = summarize(folder, runs)
  await folder.writeFile('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
  for (const [name, table] of Object.entries(mergeTables(runs)))
    await folder.writeFile(`${name}.csv`, toCsv(table))
  await folder.writeFile('report.html', await makeReport(summary, runs))
  return doneOf(summary, runs, folder.path)
}

async function perform(
  plan: Plan,
  runs: readonly PlannedRun[],
  o: ConductOptions,
  onDone: (run: PlannedRun, result: RunResult, cost: RunCost) => Promise<void>
): Promise<void> {
  if (runs.length === 0) return
  const threads = Math.min(o.threads ?? availableParallelism(), runs.length)
  await checkMemory(runs, threads, await import(o.enginesUrl))
  const meter = new Meter(runs, o.clock, plan.runs.length - runs.length)
  await runAll(runs, {
    enginesUrl: o.enginesUrl,
    threads,
    signal: o.signal,
    onProgress: (run, atHours) => o.onProgress(meter.at(run, atHours)),
    async onDone(run, result, cost) {
      await onDone(run, result, cost)
      o.onProgress(meter.ended(run))
    }
  })
}

/** How far all of it is, by what each run has to do: hours of nodes. */
class Meter {
  readonly #clock: Clock
  readonly #startMs: Millis
  readonly #all: number
  readonly #runs: number
  readonly #under = new Map<string, number>()
  #doneWork = 0
  #done: number

  constructor(runs: readonly PlannedRun[], clock: Clock, before: number) {
    this.#clock = clock
    this.#startMs = clock.now()
    this.#all = runs.reduce((sum, run) => sum + workOf(run), 0)
    this.#runs = runs.length + before
    this.#done = before
  }

  at(run: PlannedRun, atHours: number): SimProgress {
    this.#under.set(run.id, run.scenario.nodes * Math.min(atHours, run.scenario.hours))
    return this.#progress()
  }

  ended(run: PlannedRun): SimProgress {
    this.#under.delete(run.id)
    this.#doneWork += workOf(run)
    this.#done++
    return this.#progress()
  }

  #progress(): SimProgress {
    const under = [...this.#under.values()].reduce((sum, work) => sum + work, 0)
    const share = (this.#doneWork + under) / this.#all
    const passedMs = this.#clock.now() - this.#startMs
    return {
      done: this.#done,
      runs: this.#runs,
      share,
      remainingMs: share > 0 ? Math.round((passedMs * (1 - share)) / share) : undefined
    }
  }
}

const workOf = ({ scenario }: PlannedRun): number => scenario.nodes * scenario.hours

/** What does not fit is refused before it has run for an hour. */
async function checkMemory(
  runs: readonly PlannedRun[],
  threads: number,
  engines: Engines
): Promise<void> {
  const needs = runs.map(({ scenario }) => engines.memoryOf(scenario))
  // The largest at the same time.
  const atOnce = needs.sort((a, b) => b - a).slice(0, threads)
  const neededBytes = atOnce.reduce((sum, need) => sum + need, 0)
  const thereBytes = process.availableMemory()
  if (neededBytes <= thereBytes) return
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
  throw new MuttrError(
    'MEMORY_SHORT',
    `${atOnce.length === 1 ? 'a run takes' : `${atOnce.length} runs at a time take`} about ${mib(neededBytes)} of memory, and ${mib(thereBytes)} are free`
  )
}

function doneOf(summary: Summary, runs: readonly DoneRun[], out: string | null): SimDone {
  const { name, question } = summary
  return {
    name,
    question,
    runs: summary.runs,
    points: summary.points.map(({ parameters, figures, runs }) => ({
      parameters,
      seeds: runs.map(({ seed }) => seed),
      figures: Object.entries(figures).map(([name, { unit, mean, ci95 }]) => ({
        name,
        unit,
        mean,
        ci95
      }))
    })),
    violations: violationsOf(runs).map(({ what, seed, id, atMs }) => ({
      what,
      seed,
      run: id,
      atMs
    })),
    out
  }
}
