import { availableParallelism } from 'node:os'
import { MuttrError } from '../../base/errors.ts'
import type { Clock } from '../../base/ports.ts'
import type { SimDone, SimProgress } from '../../cli/simulator.ts'
import type { RunCost, RunResult } from '../../sim/result.ts'
import { toCsv } from '../shown/csv.ts'
import { makeReport } from '../shown/report.ts'
import type { DoneRun, Summary } from '../shown/summary.ts'
import { intervalOf, mergeTables, readRuns, summarize, violationsOf } from '../shown/summary.ts'
import { thisCode } from './code.ts'
import type { Engines } from './engines.ts'
import type { Folder } from './folder.ts'
import { openFolder, runTexts } from './folder.ts'
import { Meter } from './meter.ts'
import type { Plan, PlannedRun } from './plan.ts'
import type { WorkersOptions } from './workers.ts'
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
  await checkPlan(plan, o.enginesUrl)
  if (out === null) {
    const runs: DoneRun[] = []
    await perform(plan.runs, {
      ...o,
      before: 0,
      begin: async () => {},
      async onDone({ id, point }, result, cost) {
        runs.push({ id, point, parameters: plan.points[point]!, result, cost })
      }
    })
    return sumUp({ plan, code }, runs)
  }
  await using folder = await openFolder(out, plan, code, shard)
  const done = await folder.done()
  const mine = plan.runs.filter((_, i) => !shard || i % shard.count === shard.index - 1)
  const left = mine.filter(({ id }) => !done.has(id))
  await perform(left, {
    ...o,
    before: mine.length - left.length,
    begin: folder.begin,
    onDone: ({ id }, result, cost) => folder.write(id, runTexts(result, cost, code))
  })
  return await writeUp(folder)
}

/** Every point, since a grid may lead to what its scale does not model. @throws {MuttrError} `SCENARIO_INVALID` */
export async function checkPlan({ runs, points }: Plan, enginesUrl: string): Promise<void> {
  const engines: Engines = await import(enginesUrl)
  const eachSeeds = runs.length / points.length
  for (const [i, { scenario }] of runs.entries())
    if (i % eachSeeds === 0) await engines.check(scenario)
}

/** Of runs that no folder has. */
export function sumUp(of: Pick<Folder, 'plan' | 'code'>, runs: DoneRun[]): SimDone {
  const places = new Map(of.plan.runs.map(({ id }, i) => [id, i]))
  runs.sort((a, b) => places.get(a.id)! - places.get(b.id)!)
  return doneOf(summarize(of, runs), runs, null)
}

/** Makes summary, tables and report of the runs that are there. @throws {MuttrError} `OUTPUT_DAMAGED`, `DISK_FULL`, `DISK_FAILED` */
export async function writeUp(folder: Folder): Promise<SimDone> {
  for (;;) {
    const runs = await readRuns(folder)
    const summary = summarize(folder, runs)
    await folder.writeFile('summary.json', `${JSON.stringify(summary, null, 2)}\n`)
    for (const [name, table] of Object.entries(mergeTables(runs)))
      await folder.writeFile(`${name}.csv`, toCsv(table))
    await folder.writeFile('report.html', await makeReport(summary, runs))
    // Of shards that end at the same time the slowest writes last, and may have read before the others' last runs were there.
    if ((await folder.done()).size === runs.length) return doneOf(summary, runs, folder.path)
  }
}

interface PerformOptions extends ConductOptions {
  /** Of this process's part, how many were done already. */
  before: number
  begin(): Promise<void>
  onDone(run: PlannedRun, result: RunResult, cost: RunCost): Promise<void>
}

async function perform(runs: readonly PlannedRun[], o: PerformOptions): Promise<void> {
  if (runs.length === 0) return await o.begin()
  const crew = await crewFor(runs, o)
  await o.begin()
  const waiting = [...runs]
  const meter = new Meter(runs, o.clock, o.before)
  await runAll({
    next: async () => waiting.shift(),
    ...crew,
    onProgress: (run, atHours) => o.onProgress(meter.at(run, atHours)),
    async onDone(run, result, cost) {
      await o.onDone(run, result, cost)
      o.onProgress(meter.ended(run))
    }
  })
}

/** Who runs them. */
export type Crew = Pick<WorkersOptions, 'enginesUrl' | 'threads' | 'signal'>

/** As many threads as were asked for and can have something to do. @throws {MuttrError} `MEMORY_SHORT` */
export async function crewFor(
  runs: readonly PlannedRun[],
  { enginesUrl, signal, threads: asked }: Pick<ConductOptions, 'enginesUrl' | 'signal' | 'threads'>
): Promise<Crew> {
  const threads = Math.min(asked ?? availableParallelism(), runs.length)
  await checkMemory(runs, threads, await import(enginesUrl))
  return { enginesUrl, threads, signal }
}

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
      figures: Object.entries(figures).map(([name, figure]) => {
        const { unit, mean } = figure
        return { name, unit, mean, ci95: intervalOf(figure) }
      })
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
