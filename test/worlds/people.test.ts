import assert from 'node:assert/strict'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { defineScenario } from '../../src/sim/scenario.ts'
import { wideEngine } from '../../src/sim/wide/engine.ts'
import { fullEngine } from '../../src/worlds/full/full.ts'

const constant = (value: number) => ({ type: 'constant', value }) as const
const options = { seed: 1, signal: new AbortController().signal, onProgress() {} }

/** Six people at two pods who write a lot. */
const base = {
  name: 'letters',
  question: 'Do letters arrive?',
  nodes: 8,
  hours: 1,
  people: { count: 6, pods: { count: 2 }, letters: { perDay: 60 } }
} satisfies ScenarioInput

type People = NonNullable<ScenarioInput['people']>
const run = async (given: Partial<ScenarioInput> = {}, people: Partial<People> = {}) => {
  const scenario = defineScenario({ ...base, ...given, people: { ...base.people, ...people } })
  const result = await fullEngine.run(scenario, options)
  const figure = (name: string) => result.figures[name]!.value
  return { ...result, figure }
}

describe('people in a full world', () => {
  it('get all letters at once while nothing is wrong, and a run is repeatable', async () => {
    const [one, same] = [await run(), await run()]
    assert.deepEqual(one.violations, [])
    assert(one.figure('letters sent') > 8)
    assert.equal(one.figure('letters delivered'), 1)
    assert.equal(one.figure('letters accepted'), 1)
    assert.equal(one.figure('letters waiting'), 0)
    assert.equal(one.figure('notices kept'), 0)
    assert(one.figure('letter ms max') < 1_000)
    assert(one.figure('addresses taken') > 0)
    assert.equal(one.figure('pushes'), one.figure('letters sent') + one.figure('addresses taken'))
    assert(one.figure('crypto CPU ms per letter') > 5)
    assert.equal(one.tables.letters!.rows.length, 1)
    assert.equal(one.tables.delays!.rows.length, one.figure('letters sent'))
    assert.equal(one.traceHash, same.traceHash)
    assert.deepEqual(one.tables, same.tables)
  })

  it('who switch off by the hour read what waited, and write when they are back', async () => {
    const daily = { share: 1, fromHour: 2, toHour: 7, jitterHours: 0, zones: 6 }
    const letters = { perDay: 48, to: { type: 'friends', count: 2 } } as const
    const { figure, violations } = await run({ hours: 12, population: { daily } }, { letters })
    assert.deepEqual(violations, [])
    assert(figure('playbacks') > 0)
    assert(figure('letters delivered') > 0.3)
    assert(figure('letter ms max') > 1_800_000)
  })

  it('whose pod is down for an hour lose nothing', async () => {
    const faults = [{ type: 'pod-outage', atHours: 0.5, hours: 1 }] as const
    const { figure, violations, tables } = await run({ faults: [...faults], hours: 3 })
    assert.deepEqual(violations, [])
    assert.equal(figure('letters delivered'), 1)
    assert(figure('outbox retries') > 0)
    assert(figure('letters to a pod that was down') > 0)
    assert.equal(figure('letters to a pod that was down, delivered'), 1)
    assert(figure('catch-up ms max') < figure('letter ms max'))
    const { columns, rows } = tables.letters!
    assert(Number(rows[0]![columns.indexOf('waiting')]) > 0, 'some waited for the pod')
  })

  it('whose pods lie are told of no letter as accepted that was not read', async () => {
    for (const [behaviour, isWhole] of [
      ['drop', false],
      ['misdeliver', false],
      ['replay', true]
    ] as const) {
      const pods = { count: 2, lying: { share: 0.5, behaviour } }
      const { figure, violations } = await run({}, { pods })
      assert.deepEqual(violations, [])
      assert.equal(figure('letters accepted'), figure('letters delivered'))
      assert.equal(figure('letters delivered') === 1, isWhole, behaviour)
    }
  })

  it('who call letters back get some of them', async () => {
    const daily = { share: 1, fromHour: 2, toHour: 7, jitterHours: 0, zones: 6 }
    const letters = { perDay: 24, retractShare: 1 }
    const { figure, violations } = await run({ hours: 12, population: { daily } }, { letters })
    assert.deepEqual(violations, [])
    assert(figure('letters called back') > 0)
    assert(figure('letters accepted') > 0)
  })

  it('are refused where they cannot be', async () => {
    const bad = (people: People, nodes = 8) =>
      assert.throws(() => defineScenario({ ...base, nodes, people }), { code: 'SCENARIO_INVALID' })
    bad({ count: 9 })
    bad({ count: 3, letters: { to: { type: 'friends', count: 3 } } })
    bad({ count: 3, letters: { sizeBytes: constant(100_000) } })
    bad({ count: 3, letters: { lifeHours: constant(3_000) } })
    await assert.rejects(wideEngine.run(defineScenario(base), options), {
      code: 'SCENARIO_INVALID',
      message: /people/
    })
  })
})
