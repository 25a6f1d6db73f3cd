import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Outbox } from '../../src/base/outbox.ts'
import { outboxSchedule, retryDelayMs, throwDice } from '../../src/base/retry.ts'
import { createStrangers } from '../../src/client/strangers.ts'
import { dice } from '../support/client-world.ts'

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const hourMs = 3_600_000

describe('the retry schedule', () => {
  it('doubles from 60 s, a fifth up or down, and never waits longer than 6 h', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fraction, (failures, luck) => {
        const delayMs = retryDelayMs(outboxSchedule, failures, luck)
        const middleMs = 60_000 * 2 ** (failures - 1)
        assert.ok(delayMs <= 6 * hourMs)
        assert.ok(delayMs >= Math.min(0.8 * middleMs, 6 * hourMs) - 1)
        assert.ok(delayMs <= 1.2 * middleMs + 1)
      })
    )
  })

  it('throws fair dice', () => {
    const throws = Array.from({ length: 1_000 }, () => throwDice(dice))
    assert.ok(throws.every(luck => luck >= 0 && luck < 1))
    assert.ok(Math.max(...throws) > 0.9 && Math.min(...throws) < 0.1)
  })
})

type Step =
  | { do: 'add'; id: number; lifeMs: number }
  | { do: 'pass'; ms: number }
  | { do: 'fail' | 'finish' | 'later'; id: number; luck: number }
  | { do: 'wake' }

const id = fc.nat({ max: 6 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('add' as const), id, lifeMs: fc.nat({ max: 20 * hourMs }) }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.nat({ max: 3 * hourMs }) }),
  fc.record({ do: fc.constantFrom('fail' as const, 'finish', 'later'), id, luck: fraction }),
  fc.record({ do: fc.constant('wake' as const) })
)

describe('the outbox', () => {
  it('tries nothing twice at once, nothing after its end, and forgets nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        let nowMs = 0
        const parallel = 3
        const outbox = new Outbox({ parallel, restMs: 1_000 })
        const waiting = new Map<string, { expiryMs: number; triedMs: number }>()
        const running = new Set<string>()
        for (const s of steps) {
          if (s.do === 'add' && !waiting.has(`${s.id}`)) {
            const expiryMs = nowMs + s.lifeMs
            outbox.add({ id: `${s.id}`, expiryMs, failures: 0, dueMs: nowMs })
            waiting.set(`${s.id}`, { expiryMs, triedMs: Number.NEGATIVE_INFINITY })
          } else if (s.do === 'pass') nowMs += s.ms
          else if (s.do === 'wake') outbox.wake(nowMs)
          else if ('luck' in s && running.delete(`${s.id}`)) {
            if (s.do === 'fail') outbox.failed(`${s.id}`, nowMs, s.luck)
            else if (s.do === 'later') outbox.later(`${s.id}`, nowMs + 1_000)
            else {
              outbox.finished(`${s.id}`)
              waiting.delete(`${s.id}`)
            }
          }
          for (const action of outbox.poll(nowMs)) {
            const known = waiting.get(action.id)
            assert.ok(known && !running.has(action.id))
            if (action.type === 'expire') {
              assert.ok(known.expiryMs <= nowMs)
              waiting.delete(action.id)
              continue
            }
            assert.ok(known.expiryMs > nowMs)
            assert.ok(nowMs - known.triedMs >= 1_000)
            known.triedMs = nowMs
            running.add(action.id)
          }
          assert.equal(outbox.size, waiting.size)
          assert.equal(outbox.running, running.size)
          assert.ok(running.size <= parallel)
          const nextMs = outbox.nextMs()
          assert.ok(nextMs === undefined || nextMs > nowMs)
          assert.equal(nextMs === undefined, waiting.size === running.size)
        }
      }),
      { numRuns: 500 }
    )
  })

  it('goes on counting failures where a former run stopped', () => {
    const outbox = new Outbox()
    outbox.add({ id: 'a', expiryMs: 1e9, failures: 4, dueMs: 0 })
    assert.deepEqual(outbox.poll(0), [{ type: 'try', id: 'a' }])
    assert.equal(outbox.failed('a', 0, 0.5), 16 * 60_000)
    assert.equal(outbox.nextMs(), 16 * 60_000)
    outbox.wake(5_000)
    assert.deepEqual(outbox.poll(5_000), [{ type: 'try', id: 'a' }])
  })

  it('does not wait for a time that was taken back when the clock was set', () => {
    const outbox = new Outbox()
    const hourMs = 3_600_000
    outbox.add({ id: 'a', expiryMs: 1e9, failures: 0, dueMs: hourMs })
    outbox.poll(hourMs)
    assert.equal(outbox.failed('a', hourMs, 0.5), hourMs + 60_000)
    // An hour back, and woken: due at once, and after another failure no later than a failure makes it.
    outbox.wake(0)
    assert.deepEqual(outbox.poll(1_000), [{ type: 'try', id: 'a' }])
    assert(outbox.failed('a', 1_000, 0.5)! <= 2 * 60_000 + 1_000)
  })
})

describe('letters of strangers', () => {
  const make = () => createStrangers({ burst: 5, everyMs: 1_000 })

  it('come in a burst, and then one by one', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5_000 }), { maxLength: 200 }), waits => {
        const strangers = make()
        let nowMs = 1_000_000
        let taken = 0
        const startMs = nowMs
        for (const [i, ms] of waits.entries()) {
          nowMs += ms
          const waitMs = strangers.take(`${i}`, nowMs)
          if (waitMs === 0) taken++
          else assert.equal(strangers.take(`${i}`, nowMs + waitMs - 1), 1)
          assert.ok(taken <= 5 + (nowMs - startMs) / 1_000)
        }
      })
    )
  })

  it('have a turn each, and keep it however often they are tried', () => {
    const strangers = make()
    const ids = Array.from({ length: 1_000 }, (_, i) => `${i}`)
    const waits = ids.map(id => strangers.take(id, 0))
    assert.deepEqual(waits.slice(4, 7), [0, 1_000, 2_000])
    assert.equal(new Set(waits.slice(4)).size, 996)
    assert.deepEqual(
      ids.slice(5).map(id => strangers.take(id, 0)),
      waits.slice(5)
    )
    assert.equal(strangers.booked('999', 900_000), 95_000)
    assert.equal(strangers.take('999', 995_000), 0)
    assert.equal(strangers.booked('999', 0), 0)
  })

  it('that will never be fetched are forgotten', () => {
    const strangers = make()
    for (let i = 0; i < 6; i++) strangers.take(`${i}`, 0)
    assert.equal(strangers.booked('5', 0), 1_000)
    strangers.forget('5')
    assert.equal(strangers.booked('5', 0), 0)
  })
})
