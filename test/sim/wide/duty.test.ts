import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Why } from '../../../src/replicas/duty.ts'
import { dutyOf, holdersAmong } from '../../../src/replicas/duty.ts'
import type { WideWhy } from '../../../src/sim/wide/duty.ts'
import { isOurs } from '../../../src/sim/wide/duty.ts'

const whys: Record<WideWhy, Why> = {
  first: { type: 'change', turn: 0 },
  second: { type: 'change', turn: 1 },
  sweep: { type: 'sweep' },
  all: { type: 'all' }
}

describe('the compact duty of a holder', () => {
  it('is the one that ships, where nobody has an address', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }),
        fc.nat(),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom<WideWhy>('first', 'second', 'sweep', 'all'),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (settled, lotOfSelf, replicas, why, share, lot) => {
          const near = settled.map((settled, i) => ({
            contact: { peer: `node-${i}`, addresses: [] },
            subnets: [],
            settled
          }))
          const rank = lotOfSelf % near.length
          near[rank]!.settled = true
          const self = near[rank]!
          const ships = dutyOf({ near, self, replicas, why: whys[why], share, lot })
          const settledBefore = near.slice(0, rank).filter(n => n.settled).length
          assert.equal(isOurs({ why, rank, settledBefore, replicas, share, lot }), Boolean(ships))
          const nearest = near.slice(0, replicas)
          assert.deepEqual(holdersAmong(near, replicas), nearest)
          if (!ships) return
          assert.equal(ships.inside, rank < replicas)
          const circle = nearest.filter(n => n !== self).map(n => n.contact)
          assert.deepEqual(ships.circle, circle)
        }
      ),
      { numRuns: 500 }
    )
  })
})
