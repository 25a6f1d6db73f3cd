import { appendFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { RunResult } from '../../src/sim/result.ts'
import type { Scenario } from '../../src/sim/scenario.ts'
import { readScenario } from '../../src/sim/scenario.ts'
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

/** Per node-hour, requests by method. */
function methodsOf({ tables, figures }: RunResult): Map<string, number> {
  const rows = tables.traffic!.rows.map(([method, requests]) => [`${method}`, Number(requests)])
  const all = rows.reduce((sum, [, requests]) => sum + Number(requests), 0)
  const perHour = figures['messages per node-hour']!.value / all
  return new Map(rows.map(([method, requests]) => [`${method}`, Number(requests) * perHour]))
}

const means = (maps: Map<string, number>[]): Map<string, number> => {
  const names = new Set(maps.flatMap(map => [...map.keys()]))
  return new Map(
    [...names].map(name => [
      name,
      maps.reduce((sum, map) => sum + (map.get(name) ?? 0), 0) / maps.length
    ])
  )
}

function print(what: string, real: Map<string, number>, full: Map<string, number>): void {
  console.log(`\n| ${what} | real | full | full / real |\n|---|---|---|---|`)
  for (const [name, value] of real) {
    const other = full.get(name) ?? 0
    const ratio = value === other ? 1 : other / value
    const mark = Math.abs(ratio - 1) <= within ? '' : ' *'
    console.log(
      `| ${name} | ${shown(value)} | ${shown(other)} | ${Number.isFinite(ratio) ? ratio.toFixed(2) : ''}${mark} |`
    )
  }
}

const shown = (value: number) => Number(value.toPrecision(4))

const results: Record<'real' | 'full', RunResult[]> = { real: [], full: [] }
for (const seed of values.seeds.split(',').map(Number))
  for (const scale of ['real', 'full'] as const) {
    results[scale].push(await run(scale, seed))
    console.error(`seed ${seed}, ${scale}: done`)
  }
const figures = ({ figures }: RunResult) =>
  new Map(
    Object.entries(figures).flatMap(([name, { value }]) =>
      / ms /.test(name) ? [] : [[name, value]]
    )
  )
print('figure', means(results.real.map(figures)), means(results.full.map(figures)))
print(
  'requests of a node and hour',
  means(results.real.map(methodsOf)),
  means(results.full.map(methodsOf))
)
