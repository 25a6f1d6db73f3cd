import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** As sybil-share, where a lookup has several hops on which it can be led astray. */
export default defineScenario({
  name: 'sybil-large',
  question: 'What do hostile nodes cost and hide among twenty thousand nodes?',
  scale: 'wide',
  nodes: 20_000,
  hours: 0.1,
  network: { latency: { type: 'pairwise', ms: 25 } },
  workload: {
    blobs: 2_000,
    getsPerHour: 10_000,
    lookups: 200,
    sizeBytes: { type: 'constant', value: 1_000 }
  },
  adversaries: { behaviour: 'steer', share: 0.3 },
  measure: { everyHours: 0.1 }
})

export const sweep: SweepInput = {
  grid: {
    'adversaries.share': [0.2, 0.5],
    'adversaries.behaviour': ['steer', 'flood'],
    'parameters.defences': ['paths', 'none']
  },
  seeds: '1..2'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'hostile', of: 'adversaries.share', percent: true },
      { head: 'they', of: 'adversaries.behaviour' },
      { head: 'defences', of: 'parameters.defences' },
      { head: 'gets that found', of: 'found', percent: true },
      { head: 'swallowed of 2,000', of: 'swallowed' },
      { head: 'honest of the nearest, found', of: 'lookup honest found', percent: true },
      { head: 'lookups that found nobody honest', of: 'lookup hostile only', percent: true },
      { head: 'requests of a lookup', of: 'lookup requests mean' },
      { head: 'get, ms', of: 'get ms p50' }
    ]
  },
  plots: {
    'sybil-large': {
      title: 'of the honest among the true nearest, found by a lookup',
      x: 'adversaries.share',
      y: ['lookup honest found'],
      xTitle: 'hostile, share of nodes',
      yTitle: 'share'
    }
  }
}
