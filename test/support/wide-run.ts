import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { Look } from '../../src/sim/look.ts'
import type { RunResult } from '../../src/sim/result.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { readScenario } from '../../src/sim/scenario.ts'
import type { Note } from '../../src/sim/trace.ts'
import { wideEngine } from '../../src/sim/wide/engine.ts'

const usual = {
  name: 'test',
  question: 'Does it hold?',
  nodes: 500,
  hours: 5,
  scale: 'wide'
} as const

/** A scenario for the scale wide: 500 nodes and five hours unless told. */
export const scenario = (o: Partial<ScenarioInput> = {}) => readScenario({ ...usual, ...o })

/** @param o.notes get all that are made. */
export const run = (
  of: Partial<ScenarioInput>,
  { seed = 1, notes, look }: { seed?: number; notes?: Note[]; look?: Look } = {}
): Promise<RunResult> =>
  wideEngine.run(scenario(of), {
    seed,
    signal: new AbortController().signal,
    onProgress() {},
    ...(notes && { trace: { take: note => notes.push(note) } }),
    ...(look && { look })
  })

export const refusal = async (work: Promise<unknown>): Promise<MuttrError> => {
  const err = await work.then(
    () => undefined,
    err => err
  )
  assert(err instanceof MuttrError)
  return err
}

/** Of a column of the table `time`, row by row. */
export function column(result: RunResult, name: string): number[] {
  const { columns, rows } = result.tables.time!
  const at = columns.indexOf(name)
  assert(at >= 0)
  return rows.map(row => Number(row[at]))
}
