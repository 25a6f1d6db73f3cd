import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** At once and for good, as when a provider or a country is cut off. Nobody comes in their place. */
export default defineScenario({
  name: 'third-gone',
  question:
    'What is lost, and how soon is it whole again, when a third of the network is gone at once?',
  nodes: 60,
  hours: 3,
  workload: { blobs: 100, getsPerHour: 60 },
  faults: [{ type: 'die', atHours: 1, share: 1 / 3 }],
  measure: { everyHours: 0.25 }
})

export const sweep: SweepInput = {
  grid: { 'faults.0.share': [1 / 3, 1 / 2, 2 / 3] },
  seeds: '1..3'
}
