import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createRates } from '../../src/pod/rates.ts'

const refused = { code: 'LIMIT_EXCEEDED' }

describe('a rate', () => {
  it('lets a burst through, then one each interval', () => {
    const rates = createRates('asks', { burst: 3, everyMs: 100 })
    for (let i = 0; i < 3; i++) rates.take('a', 0)
    assert.throws(() => rates.take('a', 0), refused)
    assert.throws(() => rates.take('a', 99), refused)
    rates.take('a', 100)
    assert.throws(() => rates.take('a', 100), refused)
    rates.take('b', 100)
    for (let i = 0; i < 3; i++) rates.take('a', 1_000)
  })

  it('never lets more through than burst and time allow', () => {
    const waits = fc.array(fc.nat({ max: 400 }), { maxLength: 100 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), waits, (burst, waits) => {
        const rates = createRates('asks', { burst, everyMs: 100 })
        let [now, passed] = [0, 0]
        for (const wait of waits) {
          now += wait
          try {
            rates.take('a', now)
            passed += 1
          } catch {}
        }
        assert.ok(passed <= burst + now / 100)
      })
    )
  })

  it('is not washed out by many names that are used once', () => {
    const rates = createRates('asks', { burst: 5, everyMs: 1_000 }, { keysMax: 10 })
    for (let i = 0; i < 5; i++) rates.take('a', 0)
    for (let i = 0; i < 100; i++) rates.take(`other ${i}`, 10 * i)
    assert.throws(() => rates.take('a', 990), refused)
    for (let i = 0; i < 100; i++) rates.take(`later ${i}`, 1_100 + 10 * i)
    rates.take('a', 2_100)
    rates.take('a', 2_100)
    assert.throws(() => rates.take('a', 2_100), refused)
  })

  it('remembers a bounded number of keys, the latest', () => {
    const rates = createRates('asks', { burst: 1, everyMs: 1_000 }, { keysMax: 2 })
    rates.take('a', 0)
    rates.take('b', 0)
    rates.take('c', 0)
    rates.take('a', 0) // forgotten, so it begins anew
    assert.throws(() => rates.take('c', 0), refused)
  })
})
