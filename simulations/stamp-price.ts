import type { Finding } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

const MiB = 2 ** 20

/** Small disks and blobs of a day, so that stamps are few: all work is really done, also that of the spammer. */
export default defineScenario({
  name: 'stamp-price',
  question:
    'What does a spammer with so much work an hour get into the network, and what do others pay meanwhile?',
  nodes: 20,
  hours: 2,
  workload: {
    blobs: 20,
    putsPerHour: 8,
    lifeHours: { type: 'constant', value: 24 },
    spam: { workPerHour: 1e6, lifeHours: 24 }
  },
  disks: { capBytes: MiB },
  measure: { everyHours: 0.25 }
})

const lifeHours = 24

export const sweep: SweepInput = {
  grid: {
    'disks.capBytes': [MiB, 4 * MiB],
    'workload.spam': [
      { lifeHours, workPerHour: 1e5, stamps: 'fresh' },
      { lifeHours, workPerHour: 1e6, stamps: 'fresh' },
      { lifeHours, workPerHour: 4e6, stamps: 'fresh' },
      { lifeHours, workPerHour: 1e6, stamps: 'dated' }
    ]
  },
  seeds: '1..3'
}

export const finding: Finding = {
  tables: {
    spam: [
      { head: 'disk, bytes', of: 'disks.capBytes' },
      { head: 'spam', of: 'workload.spam' },
      { head: 'blobs stored', of: 'spam stored' },
      { head: 'of all disks after a quarter of an hour', of: 'spam.spam@0.25', percent: true },
      { head: 'at the end', of: 'spam share of disks', percent: true },
      { head: 'hashes for each', of: 'spam hashes per blob' }
    ],
    others: [
      { head: 'disk, bytes', of: 'disks.capBytes' },
      { head: 'spam', of: 'workload.spam' },
      { head: 'asked of others, p50', of: 'asked of puts p50' },
      { head: 'p95', of: 'asked of puts p95' },
      { head: 'refused', of: 'puts failed', percent: true },
      { head: 'highest price', of: 'price factor most', show: 'most' },
      { head: 'blobs lost', of: 'lost' }
    ]
  },
  plots: {
    'stamp-price': {
      title: 'price of a fresh put, median of seeds',
      x: 'spam.atHours',
      y: ['spam.factorP50'],
      xTitle: 'hours',
      yTitle: 'times the floor'
    }
  }
}
