import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Region, shells } from '../../../src/routing/region.ts'
import { Dice } from '../../../src/sim/dice.ts'
import { WideRegion } from '../../../src/sim/wide/region.ts'
import { placeAt, TwinWorld } from './twin-world.ts'

const world = new TwinWorld(2_000, 1)

describe('the compact region', () => {
  it('takes in, looks at and draws the same as the one that ships', () => {
    const heard = fc.array(fc.nat({ max: 1_999 }), { maxLength: 900 })
    const nodes = fc.oneof(fc.constant(2_000), fc.integer({ min: 0, max: 2 ** 32 }))
    const share = fc.constantFrom(1, 3, 16)
    fc.assert(
      fc.property(
        fc.nat(),
        heard,
        nodes,
        share,
        fc.nat({ max: 300 }),
        (seed, all, n, share, most) => {
          const dice = new Dice(seed, 'targets')
          const [hi, lo] = [dice.below(2 ** 32), dice.below(2 ** 32)]
          const { placeOf, contact } = world
          const ships = new Region({ target: placeAt(hi, lo), nodes: n, share, placeOf })
          const wide = new WideRegion(world.places)
          wide.begin(hi, { nodes: n, share })
          if (ships.bits > 29) return
          assert.equal(wide.bits, ships.bits)
          ships.hear(all.map(contact))
          for (const node of all) wide.hear(node)
          const members = ships.members.map(({ peer }) => world.nodeOf(peer))
          assert.deepEqual([...wide.nodes.subarray(0, wide.size)], members)
          const one = new Dice(seed, 'rolls')
          const same = new Dice(seed, 'rolls')
          const roll = () => placeAt(one.below(2 ** 32), one.below(2 ** 32))
          const looked = ships.places(roll)
          for (let shell = 0; shell < shells; shell++) {
            wide.look(shell, same)
            assert.deepEqual(placeAt(wide.hi, wide.lo), looked[shell])
          }
          const drawn = ships.draw(most, roll).map(({ peer }) => world.nodeOf(peer))
          const out = new Uint32Array(300)
          assert.deepEqual([...out.subarray(0, wide.draw(most, same, out))], drawn)
        }
      ),
      { numRuns: 300 }
    )
  })
})
