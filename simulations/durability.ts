import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Laptops: there for some hours, away for some, and one day gone for good with all they hold. */
export default defineScenario({
  name: 'durability',
  question: 'How many copies keep a blob while laptops come, go and are replaced?',
  nodes: 40,
  hours: 12,
  population: {
    sessionHours: { type: 'exponential', mean: 4 },
    awayHours: { type: 'exponential', mean: 4 },
    lifetimeHours: { type: 'exponential', mean: 24 }
  },
  workload: { blobs: 100, getsPerHour: 20 },
  parameters: { quorum: 1 },
  measure: { everyHours: 3 }
})

export const sweep: SweepInput = {
  grid: { 'parameters.replicas': [1, 2, 4, 8] },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'R', of: 'parameters.replicas' },
      { head: 'lost of 100', of: 'lost' },
      { head: 'found, share of gets', of: 'found' },
      { head: 'copies online', of: 'copies mean' },
      { head: 'repair, bytes sent per node and hour', of: 'repair bytes per node-hour' },
      { head: 'messages per node and hour', of: 'messages per node-hour' }
    ]
  },
  plots: {
    durability: {
      title: 'blobs lost of 100 in twelve hours',
      x: 'parameters.replicas',
      y: ['lost'],
      xTitle: 'copies that are kept (R)'
    }
  }
}
