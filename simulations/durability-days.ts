import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Laptops at home in the evening, fewer at weekends, most of them away in the holidays, a tenth always on; one a day is replaced in the mean of two years. */
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
