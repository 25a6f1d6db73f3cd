import assert from 'node:assert/strict'
import { on } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { MuttrError } from '../../base/errors.ts'
import type { Failure } from '../../base/ports.ts'
import type { RunCost, RunResult } from '../../sim/result.ts'
import type { PlannedRun } from './plan.ts'

const workerUrl = new URL(`./run-worker${extname(import.meta.filename)}`, import.meta.url)

type Said = { atHours: number } | { result: RunResult; cost: RunCost } | { failure: Failure }

export interface WorkersOptions {
  /** What a thread that is free does next; undefined: nothing is left. */
  next(stop: AbortSignal): Promise<PlannedRun | undefined>
  /** Module that exports what `Engines` says. */
  enginesUrl: string
  threads: number
  signal: AbortSignal
  onProgress(run: PlannedRun, atHours: number): void
  onDone(run: PlannedRun, result: RunResult, cost: RunCost): Promise<void>
}

/**
 * Runs one after the other in each of so many threads. Ends at the first failure; what was done stays done.
 * @throws {MuttrError} `CANCELLED`, `MEMORY_SHORT`, and what an engine throws.
 */
export async function runAll({
  next,
  enginesUrl,
  threads,
  signal,
  onProgress,
  onDone
}: WorkersOptions): Promise<void> {
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  async function work(): Promise<void> {
    const worker = new Worker(workerUrl, {
      name: 'muttr-sim',
      execArgv: [],
      workerData: { enginesUrl }
    })
    try {
      const heard = on(worker, 'message', { signal: stop, close: ['exit'] })
      for (let run = await next(stop); run; run = await next(stop)) {
        const planned = run
        worker.postMessage({ scenario: run.scenario })
        const done = await hear(heard, run, atHours => onProgress(planned, atHours))
        await onDone(run, done.result, done.cost)
      }
    } catch (err) {
      if (!stop.aborted) failed.abort(asRefusal(err))
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: threads }, work))
  if (failed.signal.aborted) throw failed.signal.reason
  if (signal.aborted)
    throw new MuttrError('CANCELLED', 'stopped before all runs were done', {
      hint: 'The same command goes on where this one stopped, when it has --out or --queue.'
    })
}

async function hear(
  heard: AsyncIterator<Said[], undefined>,
  run: PlannedRun,
  onProgress: (atHours: number) => void
): Promise<{ result: RunResult; cost: RunCost }> {
  for (;;) {
    const { value } = await heard.next()
    const said = value?.[0]
    assert(said, 'a thread ended by itself')
    if ('failure' in said) throw failureOfRun(said.failure, run)
    if ('result' in said) return said
    onProgress(said.atHours)
  }
}

const asRefusal = (err: unknown): unknown =>
  (err as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? new MuttrError('MEMORY_SHORT', 'a run took more memory than there is', { cause: err })
    : err

const failureOfRun = ({ code, message, hint }: Failure, { scenario }: PlannedRun): MuttrError =>
  new MuttrError(code, `${scenario.name}, seed ${scenario.seed}: ${message}`, { hint })
