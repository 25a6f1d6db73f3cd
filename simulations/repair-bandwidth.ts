import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Who dies takes its copies along, and they must be made anew: the least that repair can send. Who is away for a while must not cost as much. */
export default defineScenario({
  name: 'repair-bandwidth',
  question:
    'How much more does repair send than the least that deaths demand (Blake and Rodrigues)?',
  nodes: 300,
  hours: 10 * 24,
  scale: 'wide',
  network: { latency: { type: 'pairwise', ms: 25 } },
  population: {
    sessionHours: { type: 'exponential', mean: 8 },
    awayHours: { type: 'exponential', mean: 8 },
    lifetimeHours: { type: 'exponential', mean: 30 * 24 }
  },
  workload: { blobs: 300, getsPerHour: 5 },
  measure: { everyHours: 24 }
})

const hours = (mean: number) => ({ type: 'exponential', mean }) as const

export const sweep: SweepInput = {
  grid: {
    'population.sessionHours': [null, hours(8), hours(2)],
    'population.lifetimeHours': [hours(10 * 24), hours(60 * 24)],
    'parameters.debounceMinutes': [1, 10, 60]
  },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'sessions', of: 'population.sessionHours' },
      { head: 'lives', of: 'population.lifetimeHours' },
      { head: 'minutes of quiet', of: 'parameters.debounceMinutes' },
      { head: 'sent per node and hour, B', of: 'repair bytes per node-hour' },
      { head: 'bound, B', of: 'bound of repair bytes per node-hour' },
      { head: 'of all nodes on the first day, B', of: 'time.repairBytes@24', show: 'mean' },
      { head: 'on the tenth, B', of: 'time.repairBytes@240', show: 'mean' },
      { head: 'messages per node and hour', of: 'messages per node-hour', show: 'mean' },
      { head: 'copies online', of: 'copies mean', show: 'mean' },
      { head: 'least on the first day', of: 'time.copiesMin@24', show: 'least' },
      { head: 'lost of 300', of: 'lost' }
    ]
  },
  plots: {
    'repair-bandwidth': {
      title: 'bytes that repair sends per node and hour',
      x: 'bound of repair bytes per node-hour',
      y: ['repair bytes per node-hour'],
      line: 'population.sessionHours',
      xTitle: 'the least that deaths demand'
    }
  }
}
