import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Daily } from '../../src/sim/days.ts'
import { Days, sharesOn } from '../../src/sim/days.ts'
import { Dice } from '../../src/sim/dice.ts'

const hourMs = 3_600_000
const office: Daily = {
  share: 1,
  fromHour: 8,
  toHour: 18,
  jitterHours: 0,
  weekendShare: 0,
  zones: 1,
  holidays: []
}
const daysOf = (o: Partial<Daily> = {}) => new Days({ ...office, ...o }, new Dice(1, 'days'), 0)
const hoursOn = (days: Days, day: number) => {
  const hours = days.hoursOf(day)
  return hours && [hours.onMs / hourMs, hours.offMs / hourMs]
}

describe('the days of an owner', () => {
  it('begin on a Monday, and have weekends', () => {
    const days = daysOf()
    assert.deepEqual(hoursOn(days, 0), [8, 18])
    assert.deepEqual(hoursOn(days, 4), [104, 114])
    assert.deepEqual([hoursOn(days, 5), hoursOn(days, 6)], [undefined, undefined])
    assert.deepEqual(hoursOn(days, -1), undefined)
    assert.deepEqual(hoursOn(days, 7), [176, 186])
  })

  it('go over midnight', () => {
    assert.deepEqual(hoursOn(daysOf({ fromHour: 20, toHour: 2 }), 0), [20, 26])
  })

  it('have holidays, for all of one or for nothing of it', () => {
    const holidays = [{ fromDay: 1, days: 3, share: 0.5 }]
    const dice = new Dice(1, 'owners')
    const seen = Array.from({ length: 200 }, () => {
      const days = new Days({ ...office, holidays }, dice, 0)
      return [0, 1, 2, 3, 4].map(day => (hoursOn(days, day) ? 1 : 0)).join('')
    })
    assert.deepEqual(new Set(seen), new Set(['10001', '11111']))
    const stay = seen.filter(days => days === '11111').length
    assert(stay > 70 && stay < 130, `${stay} of 200 stayed`)
  })

  it('begin earlier in zones to the east', () => {
    const dice = new Dice(3, 'owners')
    const begins = Array.from({ length: 100 }, () => {
      const days = new Days({ ...office, zones: 3 }, dice, 0)
      return hoursOn(days, 0)![0]!
    })
    assert.deepEqual(new Set(begins), new Set([8, 7, 6]))
  })

  it('are between the least and the most that are said to be on', () => {
    const daily = fc.record({
      fromHour: fc.integer({ min: 0, max: 23 }),
      toHour: fc.integer({ min: 0, max: 23 }),
      zones: fc.integer({ min: 1, max: 24 })
    })
    fc.assert(
      fc.property(daily, fc.integer({ min: 24, max: 95 }), (o, hour) => {
        const dice = new Dice(1, 'owners')
        const count = 400
        let on = 0
        for (let i = 0; i < count; i++) {
          const days = new Days({ ...office, ...o }, dice, 0)
          const atMs = (hour + 0.5) * hourMs
          const day = days.dayAt(atMs)
          if ([day - 1, day].some(d => isAt(days.hoursOf(d), atMs))) on += 1
        }
        const { least, most } = sharesOn({ ...office, ...o })
        assert(on / count >= least - 0.1, `${on / count} below ${least}`)
        assert(on / count <= most + 0.1, `${on / count} above ${most}`)
      })
    )
  })
})

const isAt = (hours: { onMs: number; offMs: number } | undefined, atMs: number): boolean =>
  hours !== undefined && hours.onMs <= atMs && atMs < hours.offMs
