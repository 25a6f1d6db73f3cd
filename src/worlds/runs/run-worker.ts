import { parentPort, workerData } from 'node:worker_threads'
import { failureOf } from '../../base/failure.ts'
import { systemClock as clock } from '../../net/clock.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { Engines } from './engines.ts'
import { runOnce } from './run-once.ts'

/** Runs one scenario after the other for `Workers`, in a thread of its own. */
const { enginesUrl } = workerData as { enginesUrl: string }
const engines: Engines = await import(enginesUrl)

parentPort!.on('message', async ({ scenario }: { scenario: Scenario }) => {
  try {
    const done = await runOnce(scenario, {
      engine: await engines.engineFor(scenario.scale),
      clock,
      // The thread is ended from outside.
      signal: new AbortController().signal,
      onProgress: atHours => parentPort!.postMessage({ atHours })
    })
    parentPort!.postMessage(done)
  } catch (err) {
    parentPort!.postMessage({ failure: failureOf(err) })
  }
})
