import assert from 'node:assert/strict'
import { difference, estimate, studentT } from '../../src/worlds/shown/statistics.ts'

describe('statistics over seeds', () => {
  it('have the quantiles of the tables, in them and beyond', () => {
    const known: [number, number][] = [
      [1, 12.706],
      [4, 2.7764],
      [30, 2.0423],
      [31, 2.0395],
      [40, 2.0211],
      [60, 2.0003],
      [120, 1.9799],
      [1_000_000, 1.96]
    ]
    for (const [freedom, t] of known) assert(Math.abs(studentT(freedom) - t) < 1e-3, `${freedom}`)
    for (let n = 1; n < 200; n++) assert(studentT(n) > studentT(n + 1), `${n}`)
  })

  it("give Student's interval", () => {
    const { mean, ci95, n } = estimate([4, 5, 6, 7, 8])
    assert.deepEqual([mean, n], [6, 5])
    assert(Math.abs(ci95![0] - (6 - 1.9632)) < 1e-3)
    assert(Math.abs(ci95![1] - (6 + 1.9632)) < 1e-3)
    assert.equal(estimate([4]).ci95, null)
  })

  it('take two means for different only when the interval of their difference leaves zero out', () => {
    const of = (...values: number[]) => estimate(values)
    assert.equal(difference(of(1, 2, 3), of(1.5, 2.5, 3.5)).differs, false)
    assert.equal(difference(of(1, 1.1, 0.9), of(3, 3.1, 2.9)).differs, true)
    assert.equal(difference(of(1), of(3, 3.1)).differs, null)
    assert.equal(difference(of(2, 2), of(2, 2)).differs, false)
    assert.equal(difference(of(2, 2), of(3, 3)).differs, true)
    const { mean, ci95 } = difference(of(1, 2, 3, 4), of(11, 12, 13, 14))
    assert.equal(mean, 10)
    assert(Math.abs(ci95![1] - 10 - 2.4469 * Math.sqrt(2 * (5 / 3 / 4))) < 1e-3)
  })
})
