import assert from 'node:assert/strict'
import type { RunResult } from '../../src/sim/result.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { defineScenario } from '../../src/sim/scenario.ts'
import { figureOf, runFull } from '../support/full-run.ts'

const constant = (value: number) => ({ type: 'constant', value }) as const

const small = {
  name: 'foes',
  question: 'Who wins?',
  nodes: 30,
  hours: 0.05,
  workload: { blobs: 20, sizeBytes: constant(500), lookups: 5 },
  measure: { everyHours: 0.05 }
} satisfies ScenarioInput

const run = (scenario: Partial<ScenarioInput>, seed = 1): Promise<RunResult> =>
  runFull({ ...small, ...scenario }, seed)

describe('adversaries in a full world', () => {
  it('take copies and keep none, and only what an honest node had can be lost by us', async () => {
    const result = await run({ adversaries: { behaviour: 'steer', share: 0.9 } })
    assert(figureOf(result, 'copies with hostile mean')! > 4)
    assert(figureOf(result, 'copies mean')! < 4, 'hostile copies are none')
    const swallowed = figureOf(result, 'swallowed')!
    assert(swallowed > 0, 'three of thirty nodes are honest')
    assert.equal(figureOf(result, 'lost'), 0)
    assert.deepEqual(result.violations, [], 'nobody honest broke a promise')
  })

  it('are asked for nothing, and figures of honest nodes leave them out', async () => {
    const among = await run({ adversaries: { behaviour: 'drop', share: 0.5 } })
    const peace = await run({})
    assert.equal(figureOf(peace, 'messages per honest node-hour'), undefined)
    assert.equal(figureOf(peace, 'swallowed'), undefined)
    assert(figureOf(among, 'messages per honest node-hour')! > 0)
    assert.equal(figureOf(among, 'lookup honest found'), 1, 'who drops still answers a lookup')
    assert.equal(figureOf(among, 'lookup hostile only'), 0)
  })

  it('keep to the rules until their hour has come', async () => {
    const turning = { behaviour: 'steer', share: 0.5, fromHour: 0.03 } as const
    const result = await run({ adversaries: turning, measure: { everyHours: 0.025 } })
    const { columns, rows } = result.tables.time!
    const copies = rows.map(row => Number(row[columns.indexOf('copiesMean')]))
    assert(copies[0]! >= 8, `${copies}`)
    assert(copies[1]! < 6, `${copies}`)
    assert.deepEqual(result.violations, [])
  })

  it('flood without defences costs many times the requests', async () => {
    const adversaries = { behaviour: 'flood', share: 0.3 } as const
    const all = await run({ adversaries })
    const none = await run({ adversaries, parameters: { defences: 'none' } })
    const [few, many] = [all, none].map(result => figureOf(result, 'lookup requests mean')!)
    assert(many! > 1.3 * few!, `${few} ${many}`)
  })

  it('own a key around which they minted ids before its blob was put, unless there are defences', async () => {
    const scenario = {
      nodes: 50,
      workload: { blobs: 2 },
      adversaries: { behaviour: 'eclipse', minted: 30, keys: 2 } as const
    }
    const all = await run(scenario)
    const none = await run({ ...scenario, parameters: { defences: 'none' } })
    assert.equal(figureOf(all, 'eclipsed found'), 1)
    assert(figureOf(all, 'copies with hostile mean')! >= 8, 'they are the nearest')
    assert(figureOf(none, 'eclipsed found')! < 0.8)
    assert.deepEqual([...all.violations, ...none.violations], [])
  })

  it('do not take a key whose blob was there before them', async () => {
    const adversaries = { behaviour: 'eclipse', keys: 2, fromHour: 0.01 } as const
    const result = await run({ adversaries, workload: { blobs: 2 } })
    assert.equal(figureOf(result, 'eclipsed found'), 1)
    assert.equal(figureOf(result, 'copies with hostile mean'), 0)
    assert.deepEqual(result.violations, [])
  })

  it('are refused where nothing could be found out', async () => {
    const refused = (scenario: Partial<ScenarioInput>, message: RegExp) =>
      assert.throws(() => defineScenario({ ...small, ...scenario }), {
        code: 'SCENARIO_INVALID',
        message
      })
    refused({ adversaries: { behaviour: 'drop', share: 1 } }, /nobody honest/)
    refused({ adversaries: { behaviour: 'drop', share: 0.1, fromHour: 1 } }, /fromHour/)
    refused({ adversaries: { behaviour: 'eclipse', keys: 31 } }, /adversaries\.keys/)
    const stray: object = { behaviour: 'drop', share: 0.1, minted: 3 }
    refused({ adversaries: stray as never }, /no field adversaries\.minted/)
  })
})
