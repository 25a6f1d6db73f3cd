import assert from 'node:assert/strict'
import { lost } from '../../../src/routing/upkeep.ts'
import { WideLost } from '../../../src/sim/wide/lost.ts'

describe('who was lost at the scale wide', () => {
  it('is asked for a sign of life when another of them is back, and not again within a minute', () => {
    const table = new WideLost(2)
    for (let i = 0; i < 5; i++) table.add(1)
    assert.equal(table.found(0, 0), 0, 'who lost nobody asks nobody')
    assert.equal(table.found(1, 1_000), 4)
    assert.equal(table.found(1, 1_000 + lost.firstMs - 1), 0)
    assert.equal(table.found(1, 1_000 + lost.firstMs), 2)
  })

  it('is so many at most, and nobody after a start', () => {
    const table = new WideLost(1)
    for (let i = 0; i < 300; i++) table.add(0)
    assert.equal(table.found(0, 0), lost.most - 1)
    table.begin(0)
    assert.equal(table.found(0, 10 * lost.firstMs), 0)
  })
})
