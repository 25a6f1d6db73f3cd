import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Observers keep to all rules. Each blob is got about twice, by anybody. */
export default defineScenario({
  name: 'metadata',
  question:
    'How much of who puts and gets what does an observer see that holds a share of the nodes?',
  nodes: 100,
  hours: 0.5,
  workload: {
    blobs: 20,
    putsPerHour: 200,
    getsPerHour: 400,
    sizeBytes: { type: 'constant', value: 1_000 }
  },
  observers: { share: 0.1 },
  measure: { everyHours: 0.5 }
})

export const sweep: SweepInput = {
  grid: {
    'observers.share': [0.01, 0.05, 0.1, 0.2],
    'workload.via': [null, { relays: 5 }]
  },
  seeds: '1..5'
}

/** At least one of the eight holders observes. */
const ofEight = (share: unknown) => 1 - (1 - Number(share)) ** 8

export const finding: Finding = {
  tables: {
    table: [
      { head: 'observers', of: 'observers.share', percent: true },
      { head: 'through', of: 'workload.via' },
      { head: 'putters seen', of: 'putters seen', percent: true },
      {
        head: '1 - (1 - p)^8',
        of: p => (p['workload.via'] === null ? ofEight(p['observers.share']) : undefined),
        percent: true
      },
      { head: 'getters seen', of: 'getters seen', percent: true },
      { head: 'putter and getter linked', of: 'putter and getter linked', percent: true },
      { head: 'the first to put was the putter', of: 'first to put was the putter', percent: true }
    ]
  },
  plots: {
    metadata: {
      title: 'seen by the observer',
      x: 'observers.share',
      y: ['putters seen', 'getters seen', 'putter and getter linked'],
      xTitle: 'observers, share of nodes',
      yTitle: 'share'
    }
  }
}
