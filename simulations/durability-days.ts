import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Laptops at home in the evening, fewer at weekends, most of them away in the holidays; a tenth is always on; one lasts a year in the mean. */
export default defineScenario({
  name: 'durability-days',
  question:
    'Is a letter still there after 30 and after 100 days of evenings, weekends and holidays?',
  nodes: 200,
  hours: 100 * 24,
  scale: 'wide',
  network: { latency: { type: 'pairwise', ms: 25 } },
  population: {
    daily: {
      share: 0.9,
      fromHour: 18,
      toHour: 23,
      jitterHours: 1,
      weekendShare: 0.7,
      zones: 3,
      holidays: [{ fromDay: 16, days: 10, share: 0.4 }]
    },
    lifetimeHours: { type: 'exponential', mean: 365 * 24 }
  },
  workload: { blobs: 200, getsPerHour: 5, lifeHours: { type: 'constant', value: 100 * 24 } },
  parameters: { quorum: 1 },
  measure: { everyHours: 24 }
})

export const sweep: SweepInput = {
  grid: { 'parameters.replicas': [1, 2, 4, 8], 'population.daily.toHour': [20, 23] },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'R', of: 'parameters.replicas' },
      { head: 'on from 18 to', of: 'population.daily.toHour' },
      { head: 'lost of 200 after 30 days', of: 'time.lost@720' },
      { head: 'after 100', of: 'lost' },
      { head: 'seed by seed', of: 'lost', show: 'values' },
      { head: 'found, share of gets', of: 'found' },
      { head: 'repair, bytes sent per node and hour', of: 'repair bytes per node-hour' }
    ]
  },
  plots: {
    'durability-days': {
      title: 'blobs lost of 200',
      x: 'time.atHours',
      y: ['time.lost'],
      xTitle: 'hours',
      yTitle: 'blobs'
    }
  }
}
