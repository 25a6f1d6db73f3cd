import assert from 'node:assert/strict'
import home from '../../simulations/letters-home-and-away.ts'
import outage from '../../simulations/pod-outage.ts'
import type { Scenario } from '../../src/sim/scenario.ts'
import { readScenario } from '../../src/sim/scenario.ts'
import { fullEngine } from '../../src/worlds/full/full.ts'

/** A small version of a question. */
async function run(scenario: Scenario, nodes: number, hours: number, letters: object = {}) {
  const { people } = scenario
  const few = { ...people, count: 8, letters: { ...people!.letters, ...letters } }
  const small = readScenario({ ...scenario, nodes, hours, people: few })
  const signal = new AbortController().signal
  const result = await fullEngine.run(small, { seed: 1, signal, onProgress() {} })
  return { ...result, figure: (name: string) => result.figures[name]!.value }
}

describe('simulations of letters', () => {
  it('pod-outage: nothing is lost, and what waited comes within hours', async () => {
    const { violations, figure } = await run(outage, 8, 4)
    assert.deepEqual(violations, [])
    assert.equal(figure('letters delivered'), 1)
    assert(figure('letters to a pod that was down') > 0)
    assert(figure('catch-up ms max') < 2 * 3_600_000)
  })

  it('letters-home-and-away: a letter that lives for hours is missed by many', async () => {
    const { violations, figure } = await run(home, 10, 14, {
      lifeHours: { type: 'constant', value: 3 }
    })
    assert.deepEqual(violations, [])
    assert(figure('letters expired') > 0)
    assert(figure('letters delivered') < 0.7)
  })
})
