import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Dice } from '../../src/sim/dice.ts'
import { Distribution, draw, drawUnderWay, fits, meanOf } from '../../src/sim/distributions.ts'

const drawn = (of: Distribution, count = 20_000) => {
  const dice = new Dice(1, 'test')
  return Array.from({ length: count }, () => draw(of, dice)).sort((a, b) => a - b)
}

describe('dice', () => {
  it('give the same for the same seed and purpose, and something else for any other', () => {
    const first = (seed: number, purpose: string) => Buffer.from(new Dice(seed, purpose).bytes(16))
    assert.deepEqual(first(1, 'a'), first(1, 'a'))
    assert.notDeepEqual(first(1, 'a'), first(2, 'a'))
    assert.notDeepEqual(first(1, 'a'), first(1, 'b'))
    assert.notDeepEqual(first(1, '1 a'), first(11, ' a'))
  })

  it('are what they were: a run of last year can be done again', () => {
    assert.equal(Buffer.from(new Dice(1, 'vector').bytes(8)).toString('hex'), '98d90fb02ea64490')
  })

  it('fall evenly, in the bounds that were asked for', () => {
    const dice = new Dice(3, 'even')
    const counts = new Array(10).fill(0)
    for (let i = 0; i < 100_000; i++) counts[dice.below(10)] += 1
    // Chi squared with 9 degrees of freedom: one seed in a thousand is above 27.9.
    const chi = counts.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)
    assert(chi < 27.9, `${chi}`)
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, n) => {
        const value = new Dice(seed, 'bounds').below(n)
        assert(Number.isInteger(value) && value >= 0 && value < n)
      })
    )
    for (const length of [0, 1, 5, 33]) assert.equal(dice.bytes(length).byteLength, length)
  })
})

describe('distributions', () => {
  const some: Distribution[] = [
    { type: 'constant', value: 3 },
    { type: 'uniform', from: 2, to: 8 },
    { type: 'exponential', mean: 5 },
    { type: 'weibull', shape: 0.6, scale: 40 },
    { type: 'weibull', shape: 2, scale: 10 },
    { type: 'pareto', shape: 3, scale: 2 },
    { type: 'pareto', shape: 1, scale: 1, max: 50 },
    { type: 'pareto', shape: 0.5, scale: 1, max: 50 },
    { type: 'lognormal', mu: 1, sigma: 0.7 },
    { type: 'fit', name: 'ipfs-2022' }
  ]

  it('draw what their mean says', () => {
    for (const of of some) {
      const values = drawn(of)
      const mean = values.reduce((a, b) => a + b, 0) / values.length
      const off = Math.abs(mean / meanOf(of) - 1)
      assert(off < 0.05, `${JSON.stringify(of)}: ${mean} for ${meanOf(of)}`)
    }
  })

  it('have their published quantiles', () => {
    const share = (of: Distribution, is: (value: number) => boolean) =>
      drawn(of).filter(is).length / 20_000
    const ipfs = { type: 'fit', name: 'ipfs-2022' } as const
    assert(Math.abs(share(ipfs, hours => hours < 8) - 0.876) < 0.01)
    assert(Math.abs(share(ipfs, hours => hours > 24) - 0.025) < 0.005)
    const median = (of: Distribution) => drawn(of)[10_000]!
    assert(Math.abs(median({ type: 'lognormal', mu: 1, sigma: 0.7 }) / Math.E - 1) < 0.03)
    const gnutella = drawn({ type: 'fit', name: 'gnutella-2003' })
    assert(gnutella[0]! >= 1 / 3 && gnutella.at(-1)! <= 168)
  })

  it('are met under way by their length', () => {
    const dice = new Dice(2, 'under way')
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
    for (const of of some) {
      const values = drawn(of, 200_000)
      const total = sum(values)
      const met = Array.from({ length: 20_000 }, () => drawUnderWay(of, dice))
      // The oracle: part of all the time that lies in lengths up to the limit.
      for (const share of [0.25, 0.5, 0.9]) {
        const limit = values[Math.floor(share * values.length)]!
        const expected = sum(values.filter(value => value <= limit)) / total
        const got = met.filter(value => value <= limit * (1 + 1e-9)).length / met.length
        assert(Math.abs(got - expected) < 0.02, `${JSON.stringify(of)}: ${got} for ${expected}`)
      }
    }
    const endless = { type: 'pareto', shape: 1, scale: 1 } as const
    assert.equal(drawUnderWay(endless, dice), Number.POSITIVE_INFINITY)
  })

  it('know that some have no mean', () => {
    assert.equal(meanOf({ type: 'pareto', shape: 1, scale: 1 }), Number.POSITIVE_INFINITY)
  })

  it('name a source for each published one', () => {
    for (const [name, { is, source }] of Object.entries(fits)) {
      assert(Distribution.safeParse({ type: 'fit', name }).success)
      assert(Distribution.safeParse(is).success)
      assert.match(source, /doi 10\.\d+/)
    }
  })

  it('refuse impossible numbers and fields they do not know', () => {
    const wrong: unknown[] = [
      { type: 'constant', value: -1 },
      { type: 'constant' },
      { type: 'uniform', from: 3, to: 2 },
      { type: 'exponential', mean: 0 },
      { type: 'exponential', mean: Number.NaN },
      { type: 'exponential', mean: Number.POSITIVE_INFINITY },
      { type: 'weibull', shape: 0, scale: 1 },
      { type: 'weibull', shape: 1, scale: 1, location: 3 },
      { type: 'pareto', shape: 1, scale: 2, max: 2 },
      { type: 'lognormal', mu: 0, sigma: -1 },
      { type: 'fit', name: 'napster' },
      { type: 'zipf', s: 1 }
    ]
    for (const one of wrong) assert(!Distribution.safeParse(one).success, JSON.stringify(one))
  })
})
