import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Nobody else is hostile. Three keys are attacked, each by as many ids; three are not. */
export default defineScenario({
  name: 'eclipse',
  question: 'Who finds a blob around whose key somebody has minted ids, with defences and without?',
  nodes: 120,
  hours: 0.1,
  workload: { blobs: 6, sizeBytes: { type: 'constant', value: 1_000 } },
  adversaries: { behaviour: 'eclipse', minted: 20, keys: 3 },
  measure: { everyHours: 0.05 }
})

export const sweep: SweepInput = {
  grid: {
    'adversaries.minted': [20, 40],
    'adversaries.fromHour': [null, 0.01],
    'parameters.defences': ['all', 'none']
  },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'minted', of: 'adversaries.minted' },
      { head: 'at hour (null: before the put)', of: 'adversaries.fromHour' },
      { head: 'defences', of: 'parameters.defences' },
      { head: 'gets of these keys that found', of: 'eclipsed found', percent: true },
      { head: 'copies with hostile, of all six', of: 'copies with hostile mean' },
      { head: 'swallowed of 6', of: 'swallowed' },
      { head: 'put, ms', of: 'put ms p50' },
      { head: 'messages per honest node and hour', of: 'messages per honest node-hour' }
    ]
  },
  plots: {
    eclipse: {
      title: 'gets of eclipsed keys that found their blob',
      x: 'adversaries.minted',
      y: ['eclipsed found'],
      xTitle: 'ids minted around each key'
    }
  }
}
