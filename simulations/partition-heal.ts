import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Half of the network and the other half do not reach each other for a while, as when a cable breaks; both go on writing and reading. */
export default defineScenario({
  name: 'partition-heal',
  question: 'What is found while a network has fallen apart, and is anything lost when it heals?',
  nodes: 60,
  hours: 6,
  workload: { blobs: 100, putsPerHour: 60, getsPerHour: 240 },
  faults: [{ type: 'partition', atHours: 1, hours: 3, share: 0.5 }],
  measure: { everyHours: 0.25 }
})

export const sweep: SweepInput = {
  grid: { 'faults.0.share': [0.1, 0.5], 'faults.0.hours': [0.5, 3] },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'cut off', of: 'faults.0.share', percent: true },
      { head: 'hours', of: 'faults.0.hours' },
      { head: 'found in the first quarter of an hour', of: 'time.found@1.25', percent: true },
      { head: 'in the second', of: 'time.found@1.5', percent: true },
      { head: 'in the last of the run', of: 'time.found@6', percent: true },
      { head: 'copies at the end', of: 'time.copiesMean@6' },
      { head: 'least', of: 'time.copiesMin@6', show: 'least' },
      { head: 'lost', of: 'lost' },
      { head: 'puts failed', of: 'puts failed', percent: true }
    ]
  },
  plots: {
    'partition-heal': {
      title: 'share of gets that found their blob',
      x: 'time.atHours',
      y: ['time.found'],
      xTitle: 'hours',
      yTitle: 'share'
    }
  }
}
