import assert from 'node:assert/strict'
import { Reach } from '../../../src/sim/wide/reach.ts'

/** Ten nodes that are there. */
function ten(o: { hides?: boolean; parts?: boolean }): Reach {
  const reach = new Reach(10, o)
  for (let node = 0; node < 10; node++) {
    reach.born(node, o.hides === true && node >= 6)
    reach.come(node)
  }
  return reach
}

/** Whom a node reaches. */
const reached = (reach: Reach, node: number): number[] =>
  [...reach.of(node).keys()].filter(other => reach.of(node)[other] === 1)

describe('who reaches whom at the scale wide', () => {
  it('is all seeds, and nobody behind a router', () => {
    const reach = ten({ hides: true })
    assert.deepEqual(reached(reach, 9), [0, 1, 2, 3, 4, 5])
    assert.equal(reach.seedCount, 6)
    assert.equal(reach.there[9], 1)
    reach.leave(2)
    reach.leave(9)
    assert.deepEqual(reached(reach, 0), [0, 1, 3, 4, 5])
    assert.deepEqual([reach.seedCount, reach.there[9]], [5, 0])
  })

  it('is what a partition leaves of them, and two parts make up to four sides', () => {
    const reach = ten({ parts: true })
    const first = reach.part([0, 1, 2, 3], 100)
    assert.deepEqual(reached(reach, 1), [0, 1, 2, 3])
    assert.deepEqual(reached(reach, 9), [4, 5, 6, 7, 8, 9])
    const second = reach.part([2, 3, 4], 200)
    assert.equal([...reach.views()].length, 4)
    assert.deepEqual(
      [0, 2, 4, 9].map(node => reached(reach, node)),
      [[0, 1], [2, 3], [4], [5, 6, 7, 8, 9]]
    )
    reach.heal(first, 300)
    assert.deepEqual(reached(reach, 2), [2, 3, 4])
    assert.deepEqual(reached(reach, 0), [0, 1, 5, 6, 7, 8, 9])
    reach.heal(second, 400)
    assert.equal(reached(reach, 0).length, 10)
    assert.equal([...reach.views()].length, 1)
    assert.equal(reach.apart(0, 9), false)
  })

  it('follows those who come and go meanwhile, and cuts no newcomer off', () => {
    const reach = ten({ parts: true })
    const part = reach.part([0, 1, 2], 100)
    reach.leave(1)
    reach.leave(8)
    assert.deepEqual(reached(reach, 0), [0, 2])
    reach.come(1)
    reach.leave(2)
    reach.born(2, false)
    reach.come(2)
    assert.deepEqual(reached(reach, 0), [0, 1])
    assert.deepEqual(reached(reach, 9), [2, 3, 4, 5, 6, 7, 9])
    reach.heal(part, 200)
    assert.deepEqual(reached(reach, 0), [0, 1, 2, 3, 4, 5, 6, 7, 9])
  })

  it('says when two of former sides met', () => {
    const reach = ten({ parts: true })
    assert.equal(reach.metMs(0, 9), Number.NEGATIVE_INFINITY)
    const part = reach.part([0, 1], 100)
    reach.heal(part, 200)
    assert.equal(reach.metMs(0, 9), 200)
    assert.equal(reach.metMs(0, 1), Number.NEGATIVE_INFINITY)
  })
})
