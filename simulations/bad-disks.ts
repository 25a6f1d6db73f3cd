import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Much worse disks than there are, so that a day shows what years would. Nobody comes or goes. */
export default defineScenario({
  name: 'bad-disks',
  question: 'How soon is noticed what disks lose and spoil, and what is lost by it?',
  nodes: 30,
  hours: 12,
  workload: { blobs: 60, getsPerHour: 10 },
  disks: { lossPerDay: 1 },
  measure: { everyHours: 3 }
})

export const sweep: SweepInput = {
  grid: {
    disks: [
      { lossPerDay: 1, rotPerDay: 0 },
      { lossPerDay: 0, rotPerDay: 1 }
    ],
    'parameters.sweepHours': [1, 6]
  },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'disks', of: 'disks' },
      { head: 'sweep, hours', of: 'parameters.sweepHours' },
      { head: 'disks failed', of: 'disks failed', show: 'mean' },
      { head: 'copies spoiled', of: 'copies rotted', show: 'mean' },
      { head: 'of them not noticed at the end', of: 'copies rotted and not noticed' },
      { head: 'whole copies, mean', of: 'copies mean' },
      { head: 'lost of 60', of: 'lost' },
      { head: 'repair, bytes per node and hour', of: 'repair bytes per node-hour' }
    ]
  },
  plots: {
    'bad-disks': {
      title: 'whole copies',
      x: 'time.atHours',
      y: ['time.copiesMean'],
      xTitle: 'hours'
    }
  }
}
