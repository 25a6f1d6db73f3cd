import assert from 'node:assert/strict'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { readScenario } from '../../src/sim/scenario.ts'

const least: ScenarioInput = { name: 'least', question: 'What?', nodes: 10, hours: 5 }

describe('a scenario', () => {
  it('has the defaults of what ships, and reading it again changes nothing', () => {
    const scenario = readScenario(least)
    const { replicas, quorum, k, alpha, sweepHours, debounceMinutes, graceHours } =
      scenario.parameters
    assert.deepEqual(
      [replicas, quorum, k, alpha, sweepHours, debounceMinutes, graceHours],
      [8, 5, 20, 3, 6, 1, 24]
    )
    assert.deepEqual(readScenario(JSON.parse(JSON.stringify(scenario))), scenario)
  })

  const wrong: [string, object | null, RegExp][] = [
    ['nothing', null, /^the file: null is not a group of fields$/],
    ['no nodes', { nodes: undefined }, /^nodes is missing$/],
    ['half a node', { nodes: 10.5 }, /^nodes: 10.5 is not a whole number$/],
    ['one node', { nodes: 1 }, /^nodes: 1 is below 2$/],
    ['no time', { hours: 0 }, /^hours: 0 is not above 0$/],
    ['endless time', { hours: Number.POSITIVE_INFINITY }, /^hours: Infinity is not a number$/],
    ['time as text', { hours: '24' }, /^hours: "24" is not a number$/],
    ['an unknown field', { node: 5 }, /^there is no field node$/],
    ['an unknown inner field', { network: { los: 0 } }, /^there is no field network\.los$/],
    ['more than all', { network: { loss: 1.5 } }, /^network\.loss: 1\.5 is above 1$/],
    [
      'an unknown type',
      { network: { latency: { type: 'warp' } } },
      /^network\.latency\.type: "warp" says none of the types there are$/
    ],
    [
      'a session of no shape',
      { population: { sessionHours: { type: 'weibull', shape: 0, scale: 1 } } },
      /^population\.sessionHours\.shape: 0 is not above 0$/
    ],
    [
      'a fault after the end',
      { faults: [{ type: 'die', atHours: 5, share: 0.3 }] },
      /^faults\.0\.atHours: at hour 5 the run is over, which lasts 5$/
    ],
    ['a quorum above R', { parameters: { replicas: 4 } }, /^parameters\.quorum: 5 copies/],
    [
      'too many rows',
      { hours: 10_000, measure: { everyHours: 0.001 } },
      /more than 100000 rows in 10000 hours$/
    ],
    [
      'a blob too large',
      { workload: { sizeBytes: { type: 'uniform', from: 1, to: 300_000 } } },
      /^workload\.sizeBytes: a blob holds at most 262144 bytes$/
    ],
    [
      'a blob that outlives all',
      { workload: { lifeHours: { type: 'constant', value: 2_401 } } },
      /^workload\.lifeHours: a blob lives at most 2400 hours$/
    ],
    [
      'gets of nothing',
      { workload: { getsPerHour: 5 } },
      /^workload\.getsPerHour: nothing is ever put/
    ]
  ]
  for (const [what, changes, message] of wrong)
    it(`is refused with a sentence: ${what}`, () => {
      const value = changes && { ...least, ...changes }
      assert.throws(() => readScenario(value), { code: 'SCENARIO_INVALID', message })
    })
})
