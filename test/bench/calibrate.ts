import { appendFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { RunResult } from '../../src/sim/result.ts'
import type { Scenario } from '../../src/sim/scenario.ts'
import { readScenario } from '../../src/sim/scenario.ts'
import { average } from '../../src/worlds/full/figures.ts'
import { engineFor } from '../../src/worlds/runs/engines.ts'

/**
 * `npm run bench:sim -- calibrate [--nodes N] [--hours H] [--seeds 1,2,3] [--connections C] [--deaths silent|refused] [--out FILE]`: the
 * same scenario with real processes and with virtual seeds. It takes as long as its hours say, and some minutes to start. Times are not
 * compared: a busy machine decides them.
 */
const within = 0.1

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    nodes: { type: 'string', default: '50' },
    hours: { type: 'string', default: '0.2' },
    seeds: { type: 'string', default: '1,2,3' },
    connections: { type: 'string', default: '100' },
    deaths: { type: 'string', default: 'refused' },
    out: { type: 'string' }
  }
})

const hours = Number(values.hours)
const scenarioOf = (scale: Scenario['scale'], seed: number): Scenario =>
  readScenario({
    name: 'calibrate',
    question: 'Do virtual seeds do what real ones do?',
    nodes: Number(values.nodes),
    hours,
    seed,
    scale,
    network: { latency: { type: 'constant', ms: 1 }, deaths: values.deaths },
    population: { begins: 'joining' },
    workload: {
      blobs: 4 * Number(values.nodes),
      putsPerHour: 400,
      getsPerHour: 1_000,
      lookups: Math.round(1_000 * hours)
    },
    faults: [{ type: 'die', atHours: hours / 3, share: 0.2, replaced: true }],
    parameters: { connections: Number(values.connections), reach: 'forward' },
    measure: { everyHours: hours / 6 }
  })

async function run(scale: Scenario['scale'], seed: number): Promise<RunResult> {
  const scenario = scenarioOf(scale, seed)
  const engine = await engineFor(scale)
  const { signal } = new AbortController()
  const result = await engine.run(scenario, { seed, signal, onProgress() {} })
  if (values.out !== undefined) await appendFile(values.out, `${JSON.stringify(result)}\n`)
  return result
}

/** Per node-hour, what a table counts by name. */
function perHour({ tables, figures }: RunResult, table: string): Map<string, number> {
  const messages = tables.traffic!.rows.reduce((sum, [, requests]) => sum + Number(requests), 0)
  const nodeHours = messages / figures['messages per node-hour']!.value
  return new Map(tables[table]!.rows.map(([name, count]) => [`${name}`, Number(count) / nodeHours]))
}

/** Of each name the value in each run. */
function gathered(runs: readonly Map<string, number>[]): Map<string, number[]> {
  const names = [...new Set(runs.flatMap(run => [...run.keys()]))].sort()
  return new Map(names.map(name => [name, runs.map(run => run.get(name) ?? 0)]))
}

function print(what: string, of: (result: RunResult) => Map<string, number>): void {
  console.log(`\n| ${what} | real | full | full / real |\n|---|---|---|---|`)
  const [real, full] = [gathered(results.real.map(of)), gathered(results.full.map(of))]
  for (const name of new Set([...real.keys(), ...full.keys()])) {
    const [a, b] = [real.get(name) ?? [0], full.get(name) ?? [0]]
    const ratio = average(a) === average(b) ? 1 : average(b) / average(a)
    const mark = Math.abs(ratio - 1) <= within ? '' : ' *'
    const ratioText = Number.isFinite(ratio) ? `${ratio.toFixed(2)}${mark}` : ''
    console.log(`| ${name} | ${shown(a)} | ${shown(b)} | ${ratioText} |`)
  }
}

/** Mean, and the least and the most where runs differ. */
function shown(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(short)
  return `${short(average(values))}${least === most ? '' : ` (${least} to ${most})`}`
}

const short = (value: number) => Number(value.toPrecision(4))

const results: Record<'real' | 'full', RunResult[]> = { real: [], full: [] }
for (const seed of values.seeds.split(',').map(Number))
  for (const scale of ['real', 'full'] as const) {
    results[scale].push(await run(scale, seed))
    console.error(`seed ${seed}, ${scale}: done`)
  }
print('figure', ({ figures }) => {
  const named = Object.entries(figures).filter(([name]) => !/ ms /.test(name))
  return new Map(named.map(([name, { value }]) => [name, value]))
})
print('requests of a node and hour', result => perHour(result, 'traffic'))
print('pings and forwarded requests of a node and hour', result => perHour(result, 'errands'))
