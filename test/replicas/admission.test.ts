import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Pressure } from '../../src/replicas/admission.ts'
import { priceFactor, RecentRate } from '../../src/replicas/admission.ts'

const MiB = 2 ** 20
const calm: Pressure = {
  nearer: 0,
  replicas: 8,
  usedBytes: 0,
  capBytes: 1_024 * MiB,
  askerRate: 0,
  allRate: 0
}
const pressure = fc.record<Pressure>({
  nearer: fc.double({ min: 0, max: 1e7, noNaN: true }),
  replicas: fc.integer({ min: 1, max: 20 }),
  usedBytes: fc.nat(2 ** 31),
  capBytes: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  askerRate: fc.double({ min: 0, max: 1e9, noNaN: true }),
  allRate: fc.double({ min: 0, max: 1e9, noNaN: true })
})

describe('the price of a fresh put', () => {
  it('is the floor for a key that belongs here, while at least half is free', () => {
    for (const nearer of [0, 8, 16])
      assert.equal(priceFactor({ ...calm, nearer, usedBytes: 512 * MiB }), 1)
  })

  it('is a whole number from 1 to 1,000, and never sinks when anything gets worse', () => {
    const worse = fc.constantFrom<(p: Pressure) => Pressure>(
      p => ({ ...p, nearer: p.nearer * 2 + 1 }),
      p => ({ ...p, usedBytes: p.usedBytes * 2 + 1 }),
      p => ({ ...p, askerRate: p.askerRate * 2 + 1 }),
      p => ({ ...p, allRate: p.allRate * 2 + 1 })
    )
    fc.assert(
      fc.property(pressure, worse, (p, make) => {
        const factor = priceFactor(p)
        assert(Number.isInteger(factor) && factor >= 1 && factor <= 1_000)
        assert(priceFactor(make(p)) >= factor)
      })
    )
  })

  it('grows with distance', () => {
    assert.equal(priceFactor({ ...calm, nearer: 160 }), 10)
    assert.equal(priceFactor({ ...calm, nearer: 1e6 }), 1_000)
  })

  it('grows as the store fills, to the highest at the cap', () => {
    const at = (share: number) => priceFactor({ ...calm, usedBytes: share * calm.capBytes })
    assert.deepEqual([0.6, 0.75, 0.9, 1, 2].map(at), [4, 32, 251, 1_000, 1_000])
  })

  it('grows for who writes in haste, and less for the others', () => {
    const rate = 4 * MiB // fills the gigabyte in four minutes
    const flooder = priceFactor({ ...calm, askerRate: rate, allRate: rate })
    const other = priceFactor({ ...calm, allRate: rate })
    assert.deepEqual([flooder, other], [14, 2])
  })
})

describe('a recent rate', () => {
  it('fades within some ten minutes, and clocks that go back do not move it', () => {
    const rate = new RecentRate(0)
    rate.add(600_000, 0)
    assert.equal(rate.perSecond(0), 1_000)
    assert(Math.abs(rate.perSecond(10 * 60_000) - 368) < 1)
    const then = rate.perSecond(60 * 60_000)
    assert(then < 3)
    assert.equal(rate.perSecond(0), then)
  })
})
