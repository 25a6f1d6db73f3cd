import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'

/** Sessions and absences of some hours, as people's machines have; a tenth as many blobs as seeds. It takes 2 GiB and most of an hour. */
export default defineScenario({
  name: 'million-day',
  question: 'What does a day of a million seeds look like?',
  nodes: 1_000_000,
  hours: 24,
  scale: 'wide',
  network: { latency: { type: 'pairwise', ms: 25 } },
  population: {
    sessionHours: { type: 'weibull', shape: 0.6, scale: 2 },
    awayHours: { type: 'exponential', mean: 2 },
    lifetimeHours: { type: 'exponential', mean: 30 * 24 }
  },
  workload: { blobs: 100_000, putsPerHour: 1_000, getsPerHour: 1_000, lookups: 10_000 }
})

export const finding: Finding = {
  tables: {
    table: [
      { head: 'online', of: 'time.online@24' },
      { head: 'lookup hops, median', of: 'lookup hops p50' },
      { head: '95 %', of: 'lookup hops p95' },
      { head: 'requests of a lookup', of: 'lookup requests mean' },
      { head: 'exact', of: 'lookup exact', percent: true, digits: 5 },
      { head: 'get, ms', of: 'get ms p50' },
      { head: 'found', of: 'found', percent: true, digits: 5 },
      { head: 'lost of 100,000', of: 'lost' },
      { head: 'copies online', of: 'copies mean' },
      { head: 'messages of a seed and hour', of: 'messages per node-hour' },
      { head: 'repair, bytes of a seed and hour', of: 'repair bytes per node-hour' }
    ]
  },
  plots: {
    'million-day': {
      title: 'copies of a blob, mean',
      x: 'time.atHours',
      y: ['time.copiesMean'],
      xTitle: 'hours',
      yTitle: 'copies'
    }
  }
}
