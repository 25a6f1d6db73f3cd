import assert from 'node:assert/strict'
import type { Clock, Millis } from '../../base/ports.ts'
import type { Look } from '../../sim/look.ts'
import type { Engine, RunCost, RunResult } from '../../sim/result.ts'
import type { Scenario } from '../../sim/scenario.ts'
import type { TraceSink } from '../../sim/trace.ts'

export interface RunOptions {
  engine: Engine
  /** The machine's: for what the run costs. */
  clock: Clock
  signal: AbortSignal
  onProgress(atHours: number): void
  trace?: TraceSink
  look?: Look
}

/** How often progress is told. */
const tellEveryMs: Millis = 250

/** @throws {MuttrError} as {@link Engine.run} */
export async function runOnce(
  scenario: Scenario,
  { engine, clock, signal, onProgress, trace, look }: RunOptions
): Promise<{ result: RunResult; cost: RunCost }> {
  const startMs = clock.now()
  let toldMs = startMs
  let memoryBytes = 0
  const weigh = () => {
    memoryBytes = Math.max(memoryBytes, process.memoryUsage.rss())
  }
  const result = await engine.run(scenario, {
    seed: scenario.seed,
    signal,
    ...(trace && { trace }),
    ...(look && { look }),
    onProgress({ atHours }) {
      const nowMs = clock.now()
      if (nowMs < toldMs + tellEveryMs) return
      toldMs = nowMs
      weigh()
      onProgress(atHours)
    }
  })
  weigh()
  checkResult(result)
  const wallMs = clock.now() - startMs
  const eventsPerSecond = Math.round(result.events / (Math.max(wallMs, 1) / 1_000))
  return { result, cost: { wallMs, memoryBytes, eventsPerSecond } }
}

/** A figure that is no number, or a table with a column too few, is a mistake of the engine and never written. */
function checkResult({ figures, tables }: RunResult): void {
  for (const [name, { value }] of Object.entries(figures))
    assert(Number.isFinite(value), `the figure '${name}' is ${value}`)
  for (const [name, { columns, units, rows }] of Object.entries(tables)) {
    assert.equal(units.length, columns.length, `units of the table '${name}'`)
    for (const row of rows) {
      assert.equal(row.length, columns.length, `a row of the table '${name}'`)
      assert(
        row.every(cell => typeof cell === 'string' || Number.isFinite(cell)),
        `a cell of the table '${name}' is no number: ${row.join(', ')}`
      )
    }
  }
}
