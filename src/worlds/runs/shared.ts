import { hostname } from 'node:os'
import { join } from 'node:path'
import { MuttrError } from '../../base/errors.ts'
import type { Clock, Millis } from '../../base/ports.ts'
import type { SimDone, SimQueue } from '../../cli/simulator.ts'
import type { Database } from '../../net/postgres/database.ts'
import { openDatabase } from '../../net/postgres/database.ts'
import type { RunCost } from '../../sim/result.ts'
import type { DoneRun } from '../shown/summary.ts'
import type { Code } from './code.ts'
import { thisCode } from './code.ts'
import type { ConductOptions, Crew } from './conduct.ts'
import { checkPlan, crewFor, sumUp, writeUp } from './conduct.ts'
import type { Folder } from './folder.ts'
import { openFolder, otherThan, parsePlan, parseRun, planText, runTexts } from './folder.ts'
import { Meter } from './meter.ts'
import type { Plan, PlannedRun } from './plan.ts'
import type { Queue } from './queue.ts'
import { doneIn, enterSweep, listSweeps, openQueue, triesMax } from './queue.ts'
import { runAll } from './workers.ts'

interface SharedOptions extends Omit<ConductOptions, 'shard'> {
  queue: SimQueue
}

/** How often a worker that has nothing to do looks whether somebody has fallen silent. */
const lookEveryMsMax: Millis = 5_000

/**
 * Takes runs of a plan from a queue until all have a result, whoever made it; then all of them are fetched.
 * @throws {MuttrError} as `Simulator.sweep`
 */
export async function conductShared(plan: Plan, o: SharedOptions): Promise<SimDone> {
  const code = await thisCode()
  await checkPlan(plan, o.enginesUrl)
  await using folder = o.out === null ? null : await openFolder(o.out, plan, code)
  await using database = await openDatabase(o.queue.url, o.signal)
  const sweep = plan.base.name
  const there = new Set(await doneIn(database, sweep))
  // What has no cost is not brought, and somebody computes it.
  for (const id of (await folder?.done()) ?? []) if (await folder!.cost(id)) there.add(id)
  const crew = await crewFor(
    plan.runs.filter(({ id }) => !there.has(id)),
    o
  )
  await enter(database, plan, code)
  await folder?.begin()
  const queue = await openQueue(database, { sweep, host: hostname(), leaseMs: o.queue.leaseMs })
  if (folder) await bring(folder, queue)
  await work({ plan, code, queue, crew }, o)
  if (folder) {
    await fetchInto(folder, queue)
    return await writeUp(folder)
  }
  const runs = plan.runs.map(run => fetchRun(run, { plan, code }, queue))
  return sumUp({ plan, code }, (await Promise.all(runs)).flat())
}

/** A name in a queue belongs to one plan and one state of the code, as a folder does. */
async function enter(database: Database, plan: Plan, code: Code): Promise<void> {
  const text = planText(plan, code)
  const first = await enterSweep(database, plan, text)
  if (first === text) return
  const { name } = plan.base
  const where = `${database.name}: ${name}`
  const wrong = otherThan(parsePlan(first, where), { plan, code }) ?? 'is written otherwise'
  throw new MuttrError('OUTPUT_EXISTS', `${where} ${wrong}`, {
    hint: `Give the scenario another name, or remove what is there: psql URL -c "DELETE FROM muttr_sim.sweeps WHERE name = '${name}'".`
  })
}

/** What a folder has already is not computed again by anybody. */
async function bring(folder: Folder, queue: Queue): Promise<void> {
  const known = new Set((await queue.state()).done)
  for (const id of await folder.done()) {
    if (known.has(id)) continue
    const cost = await folder.cost(id)
    const result = await folder.read(id)
    if (cost) await queue.finish(id, runTexts(result, cost, folder.code))
  }
}

interface Work {
  plan: Plan
  code: Code
  queue: Queue
  crew: Crew
}

async function work({ plan, code, queue, crew }: Work, o: SharedOptions): Promise<void> {
  const { done } = await queue.state()
  const left = new Map(plan.runs.map(run => [run.id, run]))
  for (const id of done) left.delete(id)
  if (left.size === 0) return
  const meter = new Meter([...left.values()], o.clock, done.length)
  const mine = new Set<string>()
  const ended = (id: string) => {
    const run = left.get(id)
    if (!run) return
    left.delete(id)
    o.onProgress(meter.ended(run))
  }
  const next = async (stop: AbortSignal): Promise<PlannedRun | undefined> => {
    while (left.size > 0) {
      const id = await queue.take()
      if (id !== undefined) {
        mine.add(id)
        return plan.runs.find(run => run.id === id)
      }
      const { done, stuck } = await queue.state()
      for (const id of done) ended(id)
      if (left.size > 0 && stuck.length === left.size) throw stuckAt(stuck)
      if (left.size > 0) await passes(Math.min(o.queue.leaseMs / 4, lookEveryMsMax), o.clock, stop)
    }
    return undefined
  }
  const beat = keepEvery(o.queue.leaseMs / 3, o.clock, () => queue.keep([...mine]))
  let failed = true
  try {
    await runAll({
      next,
      ...crew,
      onProgress: (run, atHours) => o.onProgress(meter.at(run, atHours)),
      async onDone(run, result, cost) {
        await queue.finish(run.id, runTexts(result, cost, code))
        mine.delete(run.id)
        ended(run.id)
      }
    })
    failed = false
  } finally {
    beat[Symbol.dispose]()
    // Whoever is stopped has only not ended; a run that ends its worker counts.
    if (failed) await queue.release([...mine], !o.signal.aborted).catch(() => {})
  }
}

const stuckAt = (ids: readonly string[]): MuttrError =>
  new MuttrError(
    'RUN_STUCK',
    `${ids.length === 1 ? `run ${ids[0]} was` : `${ids.length} runs were`} begun ${triesMax} times, and never ended`
  )

/** When the queue does not answer, the next time will do: what is lost is only that somebody else begins the same run. */
function keepEvery(everyMs: Millis, clock: Clock, keep: () => Promise<void>): Disposable {
  let timer: Disposable
  let over = false
  const arm = () => {
    timer = clock.after(everyMs, () =>
      keep()
        .catch(() => {})
        .finally(() => over || arm())
    )
  }
  arm()
  return {
    [Symbol.dispose]() {
      over = true
      timer[Symbol.dispose]()
    }
  }
}

function passes(ms: Millis, clock: Clock, stop: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      timer[Symbol.dispose]()
      reject(stop.reason)
    }
    const timer = clock.after(ms, () => {
      stop.removeEventListener('abort', end)
      resolve()
    })
    stop.addEventListener('abort', end, { once: true })
    if (stop.aborted) end()
  })
}

async function fetchInto(folder: Folder, queue: Queue): Promise<void> {
  const there = await folder.done()
  for (const { id } of folder.plan.runs.filter(({ id }) => !there.has(id))) {
    const texts = await queue.read(id)
    if (texts) await folder.write(id, texts)
  }
}

async function fetchRun(
  { id, point }: PlannedRun,
  { plan, code }: { plan: Plan; code: Code },
  queue: Queue
): Promise<DoneRun[]> {
  const texts = await queue.read(id)
  if (!texts) return []
  const result = parseRun(texts.result, { id, file: `run ${id} in the queue`, code })
  const cost = JSON.parse(texts.cost) as RunCost
  return [{ id, point, parameters: plan.points[point]!, result, cost }]
}

/**
 * Copies what a queue has of a sweep into a folder, which is made where there is none.
 * @param name of the scenario; needed when the queue has several.
 * @throws {MuttrError} `QUEUE_FAILED`, `USAGE`, and as `Simulator.run` for the folder.
 */
export async function fetchFolder(
  path: string,
  { url, name, signal }: { url: string; name: string | undefined; signal: AbortSignal }
): Promise<void> {
  await using database = await openDatabase(url, signal)
  const sweeps = await listSweeps(database)
  const fitting = sweeps.filter(sweep => name === undefined || sweep.name === name)
  if (fitting.length !== 1)
    throw new MuttrError('USAGE', name === undefined ? 'which sweep?' : `no sweep is '${name}'`, {
      hint:
        sweeps.length === 0
          ? 'The queue is empty.'
          : `Name one with --sweep: ${sweeps.map(({ name }) => name).join(', ')}.`
    })
  const [{ name: sweep, plan: text }] = fitting as [{ name: string; plan: string }]
  const { plan, code } = parsePlan(text, join(database.name, sweep))
  await using folder = await openFolder(path, plan, code)
  await folder.begin()
  await fetchInto(folder, await openQueue(database, { sweep, host: hostname(), leaseMs: 0 }))
}
