import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Twelve people at two pods write two letters an hour each; after an hour one of the pods falls silent. */
export default defineScenario({
  name: 'pod-outage',
  question: 'What becomes of letters when the pod of their readers is down for hours?',
  nodes: 16,
  hours: 14,
  people: { count: 12, pods: { count: 2 }, letters: { perDay: 24 } },
  faults: [{ type: 'pod-outage', atHours: 1, hours: 1, pods: 1 }],
  measure: { everyHours: 0.5 }
})

export const sweep: SweepInput = {
  grid: { 'faults.0.hours': [0.25, 1, 3, 8] },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'hours down', of: 'faults.0.hours' },
      { head: 'letters sent', of: 'letters sent', show: 'mean' },
      { head: 'delivered', of: 'letters delivered', percent: true },
      { head: 'to the pod while it was down', of: 'letters to a pod that was down', show: 'mean' },
      {
        head: 'delivered of these',
        of: 'letters to a pod that was down, delivered',
        percent: true
      },
      { head: 'outbox retries', of: 'outbox retries' }
    ],
    delays: [
      { head: 'hours down', of: 'faults.0.hours' },
      { head: 'ms from send to read, p50', of: 'letter ms p50' },
      { head: 'p95', of: 'letter ms p95' },
      { head: 'ms from the pod’s return to read, p50', of: 'catch-up ms p50' },
      { head: 'p95', of: 'catch-up ms p95' },
      { head: 'most of all runs', of: 'catch-up ms max', show: 'most' }
    ]
  },
  plots: {
    'pod-outage': {
      title: 'letters under way',
      x: 'letters.atHours',
      y: ['letters.waiting'],
      xTitle: 'hours',
      yTitle: 'letters'
    }
  }
}
