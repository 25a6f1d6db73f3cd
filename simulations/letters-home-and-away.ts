import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Twelve people in all time zones, whose laptops are on from six to eleven in the evening, and twelve more that hold for them. */
export default defineScenario({
  name: 'letters-home-and-away',
  question: 'How long must a letter live between people whose laptops are on in the evening only?',
  nodes: 24,
  hours: 72,
  population: {
    daily: { share: 1, fromHour: 18, toHour: 23, jitterHours: 0.5, zones: 24 }
  },
  people: { count: 12, pods: { count: 2 }, letters: { perDay: 6 } },
  measure: { everyHours: 6 }
})

export const sweep: SweepInput = {
  grid: { 'people.letters.lifeHours.value': [3, 6, 12, 24] },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'hours that a letter lives', of: 'people.letters.lifeHours.value' },
      { head: 'letters sent', of: 'letters sent', show: 'mean' },
      { head: 'delivered', of: 'letters delivered', percent: true },
      { head: 'expired unread', of: 'letters expired' },
      { head: 'under way at the end', of: 'letters waiting' },
      { head: 'ms from send to read, p50', of: 'letter ms p50' },
      { head: 'p95', of: 'letter ms p95' }
    ]
  },
  plots: {
    'letters-home-and-away': {
      title: 'letters delivered',
      x: 'people.letters.lifeHours.value',
      y: ['letters delivered'],
      xTitle: 'hours that a letter lives',
      yTitle: 'share'
    }
  }
}
