import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** A blob of 64 KiB, and lines that send a megabit a second: one copy takes half a second. */
export default defineScenario({
  name: 'flash-crowd',
  question:
    'How long do readers wait, and who carries them, when all want one blob within two minutes?',
  nodes: 60,
  hours: 0.25,
  network: { latency: { type: 'geographic' }, upBytesPerSecond: 125_000 },
  workload: {
    blobs: 1,
    sizeBytes: { type: 'constant', value: 65_536 },
    crowd: { atHours: 0.05, gets: 100, withinMinutes: 2 }
  },
  measure: { everyHours: 0.25 }
})

export const sweep: SweepInput = {
  grid: { 'workload.crowd.gets': [10, 50, 100, 200, 400] },
  seeds: '1..5'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'readers', of: 'workload.crowd.gets' },
      { head: 'found', of: 'crowd found', percent: true },
      { head: 'get p50, ms', of: 'crowd get ms p50' },
      { head: 'get p95, ms', of: 'crowd get ms p95' },
      { head: 'nodes that answered', of: 'crowd nodes that served' },
      { head: 'gets answered by the busiest', of: 'crowd requests of a node max' },
      { head: 'bytes sent by the busiest', of: 'crowd bytes of a node max' },
      { head: 'copies before', of: 'crowd copies before', show: 'mean' },
      { head: 'copies after', of: 'crowd copies after', show: 'mean' }
    ]
  },
  plots: {
    'flash-crowd': {
      title: 'milliseconds of a get',
      x: 'workload.crowd.gets',
      y: ['crowd get ms p50', 'crowd get ms p95'],
      xTitle: 'readers within two minutes',
      yTitle: 'ms'
    },
    'flash-crowd-load': {
      title: 'gets answered by the busiest node',
      x: 'workload.crowd.gets',
      y: ['crowd requests of a node max'],
      xTitle: 'readers within two minutes'
    }
  }
}
