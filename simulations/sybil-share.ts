import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Hostile from before the first put. Everybody else is honest, online, and has joined among them. */
export default defineScenario({
  name: 'sybil-share',
  question:
    'What do hostile nodes cost, by their share and by how they behave, with defences and without?',
  nodes: 80,
  hours: 0.1,
  workload: {
    blobs: 25,
    getsPerHour: 300,
    lookups: 20,
    sizeBytes: { type: 'constant', value: 1_000 }
  },
  adversaries: { behaviour: 'drop', share: 0.3 },
  measure: { everyHours: 0.1 }
})

export const sweep: SweepInput = {
  grid: {
    'adversaries.share': [0, 0.2, 0.5],
    'adversaries.behaviour': ['drop', 'lie', 'steer', 'stale', 'flood', 'slow'],
    'parameters.defences': ['all', 'none']
  },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'hostile', of: 'adversaries.share', percent: true },
      { head: 'they', of: 'adversaries.behaviour' },
      { head: 'defences', of: 'parameters.defences' },
      { head: 'gets that found', of: 'found', percent: true },
      { head: 'swallowed of 25', of: 'swallowed' },
      { head: 'copies with hostile', of: 'copies with hostile mean', show: 'mean' },
      { head: 'honest of the nearest, found', of: 'lookup honest found', percent: true },
      { head: 'requests of a lookup', of: 'lookup requests mean' },
      { head: 'messages per honest node and hour', of: 'messages per honest node-hour' }
    ]
  },
  plots: {
    'sybil-share': {
      title: 'gets that found their blob',
      x: 'adversaries.share',
      y: ['found'],
      xTitle: 'hostile, share of nodes'
    },
    'sybil-share-requests': {
      title: 'requests of a lookup',
      x: 'adversaries.share',
      y: ['lookup requests mean'],
      xTitle: 'hostile, share of nodes'
    }
  }
}
