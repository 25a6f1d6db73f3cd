import { appendFile, readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { Distribution } from '../../src/sim/distributions.ts'
import type { RunResult } from '../../src/sim/result.ts'
import type { Scenario } from '../../src/sim/scenario.ts'
import { readScenario } from '../../src/sim/scenario.ts'
import { average } from '../../src/worlds/full/figures.ts'
import { engineFor } from '../../src/worlds/runs/engines.ts'

/**
 * `npm run bench:sim -- calibrate [--nodes N] [--hours H] [--seeds 1,2,3] [--connections C] [--deaths silent|refused]
 * [--quiet MINUTES] [--out FILE] [--from FILE]`: the same scenario with real processes and with virtual seeds; these once as they are, and once with dials that take as long
 * as those of the real ones took. It takes as long as its hours say, and some minutes to start; `--from` takes the real ones from what `--out`
 * wrote before. Repair waits until all has been `--quiet` for so long: with the minute that ships a run of minutes ends in the middle of it, and what is
 * counted then is when it ended. Other times are not compared: a busy machine decides them.
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
    quiet: { type: 'string', default: '0.2' },
    out: { type: 'string' },
    from: { type: 'string' }
  }
})

const hours = Number(values.hours)
/** A fifth dies, a few at a time: newcomers shake hands with everybody, and processes share cores that virtual seeds do not have. */
const deaths = 5
const scenarioOf = (scale: Scenario['scale'], seed: number, dialMs?: Distribution): Scenario =>
  readScenario({
    name: 'calibrate',
    question: 'Do virtual seeds do what real ones do?',
    nodes: Number(values.nodes),
    hours,
    seed,
    scale,
    network: {
      ...{ latency: { type: 'constant', ms: 1 }, deaths: values.deaths },
      ...(dialMs && { dialMs })
    },
    population: { begins: 'joining' },
    workload: {
      blobs: 4 * Number(values.nodes),
      putsPerHour: 400,
      getsPerHour: 1_000,
      lookups: Math.round(1_000 * hours)
    },
    faults: Array.from({ length: deaths }, (_, i) => ({
      ...{ type: 'die', atHours: ((i + 1) * hours) / (deaths + 3) },
      ...{ share: 0.2 / deaths, replaced: true }
    })),
    parameters: {
      connections: Number(values.connections),
      reach: 'forward',
      debounceMinutes: Number(values.quiet)
    },
    measure: { everyHours: hours / 6 }
  })

async function run(scenario: Scenario): Promise<RunResult> {
  const engine = await engineFor(scenario.scale)
  const { signal } = new AbortController()
  const { seed } = scenario
  const result = await engine.run(scenario, { seed, signal, onProgress() {} })
  if (values.out !== undefined) await appendFile(values.out, `${JSON.stringify(result)}\n`)
  return result
}

const before: RunResult[] =
  values.from === undefined
    ? []
    : (await readFile(values.from, 'utf8'))
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line))

const realRun = async (seed: number): Promise<RunResult> =>
  before.find(result => result.scale === 'real' && result.seed === seed) ??
  (await run(scenarioOf('real', seed)))

/** Of how many standard deviations above the mean the 95th percentile of a normal distribution is. */
const sigmas95 = 1.645

/** A lognormal one through the two percentiles that a run tells. */
function dialsOf({ figures }: RunResult): Distribution {
  const [p50, p95] = [figures['dial ms p50']!.value, figures['dial ms p95']!.value]
  return { type: 'lognormal', mu: Math.log(p50), sigma: Math.log(p95 / p50) / sigmas95 }
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
  console.log(
    `\n| ${what} | real | full | full / real | slow | slow / real |\n|---|---|---|---|---|---|`
  )
  const [real, full, slow] = kinds.map(kind => gathered(results[kind].map(of)))
  for (const name of new Set([...real!.keys(), ...full!.keys(), ...slow!.keys()])) {
    const [a, b, c] = [real, full, slow].map(values => values!.get(name) ?? [0])
    const cells = [name, shown(a!), shown(b!), ratio(a!, b!), shown(c!), ratio(a!, c!)]
    console.log(`| ${cells.join(' | ')} |`)
  }
}

function ratio(real: readonly number[], other: readonly number[]): string {
  const [a, b] = [average(real), average(other)]
  const value = a === b ? 1 : b / a
  if (!Number.isFinite(value)) return ''
  return `${value.toFixed(2)}${Math.abs(value - 1) <= within ? '' : ' *'}`
}

/** Mean, and the least and the most where runs differ. */
function shown(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)].map(short)
  return `${short(average(values))}${least === most ? '' : ` (${least} to ${most})`}`
}

const short = (value: number) => Number(value.toPrecision(4))

const kinds = ['real', 'full', 'slow'] as const
const results: Record<(typeof kinds)[number], RunResult[]> = { real: [], full: [], slow: [] }
for (const seed of values.seeds.split(',').map(Number)) {
  const real = await realRun(seed)
  results.real.push(real)
  console.error(`seed ${seed}, real: done`)
  results.full.push(await run(scenarioOf('full', seed)))
  results.slow.push(await run(scenarioOf('full', seed, dialsOf(real))))
  console.error(`seed ${seed}, full: done`)
}
print('figure', ({ figures }) => {
  const named = Object.entries(figures).filter(([name]) => !/ ms /.test(name))
  const of = new Map(named.map(([name, { value }]) => [name, value]))
  // Who dies holds more or less: ids are not drawn from the seed.
  const part =
    of.get('repair bytes per node-hour')! / of.get('bound of repair bytes per node-hour')!
  return of.set('repair bytes / their bound', part)
})
print('requests of a node and hour', result => perHour(result, 'traffic'))
print('pings and forwarded requests of a node and hour', result => perHour(result, 'errands'))
