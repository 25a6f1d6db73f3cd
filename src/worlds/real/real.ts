import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MuttrError } from '../../base/errors.ts'
import { systemClock as clock } from '../../net/clock.ts'
import { placeOf } from '../../net/place.ts'
import { systemRandom as random } from '../../net/random.ts'
import { freePorts } from '../../nodes/free-ports.ts'
import { Dice } from '../../sim/dice.ts'
import type { Engine } from '../../sim/result.ts'
import type { Scenario } from '../../sim/scenario.ts'
import { readScenario } from '../../sim/scenario.ts'
import { planReal } from './plan.ts'
import { RealRun } from './run.ts'

/** Real time: nobody means to wait for longer. */
const hoursMax = 6
/** Of one way between two processes of a machine. */
const loopbackMs = 1

/**
 * The same scenario with seeds in processes of their own, that talk over loopback and keep what they hold on disk; an hour takes an hour.
 * What is to happen is a function of the seed, and so is the trace hash; what comes of it is not. Source: docs/decisions/032-calibration.md
 */
export const realEngine: Engine = {
  async run(scenario, options) {
    checkReal(scenario)
    const plan = await planReal(scenario, options.seed)
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'muttr-real-'))
    stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
    const ports = await freePorts(plan.nodes, random)
    const dice = new Dice(options.seed, 'pick')
    const fleet = { folder, ports, scenario, clock, dice }
    const run = stack.use(new RealRun({ scenario, plan, options, clock, placeOf, fleet }))
    return await run.run()
  }
}

/** What is done as a scenario says. Of everything else only the usual is there, or what loopback gives. */
const done = [
  ...['name', 'question', 'nodes', 'hours', 'seed', 'scale', 'measure'],
  ...['network.latency', 'network.deaths', 'faults', 'parameters'],
  ...[
    'population.begins',
    'population.sessionHours',
    'population.awayHours',
    'population.lifetimeHours'
  ],
  ...['population.daily', 'workload.blobs', 'workload.putsPerHour', 'workload.getsPerHour'],
  ...['workload.sizeBytes', 'workload.lifeHours', 'workload.lookups']
]

/** @throws {MuttrError} `SCENARIO_INVALID`, naming each field that asks for what real processes on one machine do not give. */
export function checkReal(scenario: Scenario): void {
  const { hours, network, faults } = scenario
  const usual = readScenario({ name: 'usual', question: '?', nodes: 2, hours: 1 })
  const isNear = network.latency.type === 'constant' && network.latency.ms <= loopbackMs
  const what = [
    ...unusual(scenario, usual, ''),
    ...(isNear ? [] : [`network.latency (loopback has at most ${loopbackMs} ms)`]),
    ...faults.flatMap((f, i) => (f.type === 'die' ? [] : [`faults.${i} (${f.type})`]))
  ]
  if (what.length > 0)
    throw new MuttrError('SCENARIO_INVALID', `the scale real does not have ${what.join(', ')}`, {
      hint: "Leave these out, write network.latency as { type: 'constant', ms: 1 }, or run it at the scale full."
    })
  if (hours > hoursMax)
    throw new MuttrError(
      'SCENARIO_INVALID',
      `hours: at the scale real ${hours} hours take ${hours} hours; ${hoursMax} are the most`
    )
}

/** Paths of what differs and is not done. */
function unusual(said: object, usual: object, before: string): string[] {
  return Object.entries(said).flatMap(([name, value]) => {
    const path = `${before}${name}`
    if (done.includes(path)) return []
    const other = (usual as Record<string, unknown>)[name]
    if (JSON.stringify(value) === JSON.stringify(other)) return []
    const isGroup = [value, other].every(v => typeof v === 'object' && v && !Array.isArray(v))
    return isGroup ? unusual(value as object, other as object, `${path}.`) : [path]
  })
}
