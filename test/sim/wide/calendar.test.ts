import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Calendar } from '../../../src/sim/wide/calendar.ts'

const timers = 40

describe('the calendar', () => {
  it('gives timers by time, then by number, however wide its days are', () => {
    const step = fc.record({
      what: fc.constantFrom('set', 'set', 'clear', 'pop', 'pop'),
      timer: fc.nat(timers - 1),
      delayMs: fc.oneof(fc.nat(20), fc.nat(3_000), fc.constant(Number.POSITIVE_INFINITY)),
      untilMs: fc.oneof(fc.nat(50), fc.constant(100_000))
    })
    fc.assert(
      fc.property(
        fc.constantFrom(0.5, 3, 100),
        fc.constantFrom(4, 64),
        fc.array(step, { maxLength: 300 }),
        (dayMs, days, steps) => {
          const calendar = new Calendar({ timers, dayMs, days })
          const due = new Map<number, number>()
          let nowMs = 0
          for (const { what, timer, delayMs, untilMs } of steps) {
            if (what === 'set') {
              calendar.set(timer, nowMs + delayMs)
              due.delete(timer)
              if (Number.isFinite(delayMs)) due.set(timer, nowMs + delayMs)
            } else if (what === 'clear') {
              calendar.clear(timer)
              due.delete(timer)
            } else {
              const [first] = [...due].sort(([a, x], [b, y]) => x - y || a - b)
              const expected = first && first[1] <= nowMs + untilMs ? first[0] : -1
              assert.equal(calendar.pop(nowMs + untilMs), expected)
              if (expected < 0) continue
              nowMs = first![1]
              assert.equal(calendar.nowMs, nowMs)
              due.delete(expected)
            }
            assert.equal(calendar.size, due.size)
          }
        }
      ),
      { numRuns: 500 }
    )
  })
})
