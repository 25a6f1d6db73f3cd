import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'
import days from './durability-days.ts'

/** The laptops of `durability-days`, replaced ten times as often, so that there is something to lose. */
export default defineScenario({
  ...days,
  name: 'durability-sweep',
  question: 'How often must holders look through what they hold?',
  hours: 30 * 24,
  population: { ...days.population, lifetimeHours: { type: 'exponential', mean: 36 * 24 } }
})

export const sweep: SweepInput = {
  grid: { 'parameters.replicas': [2, 8], 'parameters.sweepHours': [1.5, 6, 24, 96] },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'R', of: 'parameters.replicas' },
      { head: 'hours between sweeps', of: 'parameters.sweepHours' },
      { head: 'lost of 200 after 30 days', of: 'lost' },
      { head: 'seed by seed', of: 'lost', show: 'values' },
      { head: 'found, share of gets', of: 'found' },
      { head: 'copies online', of: 'copies mean' },
      { head: 'messages per node and hour', of: 'messages per node-hour' },
      { head: 'repair, bytes sent per node and hour', of: 'repair bytes per node-hour' }
    ]
  },
  plots: {
    'durability-sweep': {
      title: 'messages of a node and hour',
      x: 'parameters.sweepHours',
      y: ['messages per node-hour'],
      xTitle: 'hours between sweeps'
    }
  }
}
