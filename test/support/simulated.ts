import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SimSweepOptions } from '../../src/cli/simulator.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { temporaryFolder } from './store-folder.ts'

/** With the engines of `sim-engines.ts`, that can be checked by hand. */
export const simulator = createSimulator(new URL('./sim-engines.ts', import.meta.url).href)

export const third: ScenarioInput = {
  name: 'third',
  question: 'What is lost when a third is gone at once?',
  nodes: 30,
  hours: 4,
  workload: { blobs: 40 },
  faults: [{ type: 'die', atHours: 2, share: 1 / 3 }],
  parameters: { replicas: 2, quorum: 1 }
}

export const options = (what: string, changes: Partial<SimSweepOptions> = {}): SimSweepOptions => ({
  what,
  changes: {},
  seeds: undefined,
  out: null,
  threads: 2,
  shard: undefined,
  queue: undefined,
  onProgress() {},
  signal: new AbortController().signal,
  ...changes
})

export async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder()
  await work(folder.path)
}

export const jsonFile = async (folder: string, name: string, value: unknown): Promise<string> => {
  const file = join(folder, name)
  await writeFile(file, JSON.stringify(value))
  return file
}

export const scenarioFile = (folder: string, changes: object = {}) =>
  jsonFile(folder, 'third.json', { ...third, ...changes })

export const sweepFile = (folder: string, changes: object = {}) =>
  jsonFile(folder, 'sweep.json', {
    scenario: third,
    grid: { 'parameters.replicas': [1, 2, 4], nodes: [20, 30] },
    seeds: '1..3',
    ...changes
  })

export const read = (...path: string[]) => readFile(join(...path), 'utf8')

/** Of a folder that was written: all that must be the same on every machine. */
export async function filesOf(folder: string): Promise<Record<string, string>> {
  const tables = (await readdir(folder)).filter(name => name.endsWith('.csv'))
  const runs = (await readdir(join(folder, 'runs'))).map(name => join('runs', name))
  const names = ['plan.json', 'summary.json', ...tables, ...runs].sort()
  const texts = names.map(async name => [name, await read(folder, name)] as const)
  return Object.fromEntries(await Promise.all(texts))
}
