import type { Finding, Theory } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** Nobody comes or goes: what routing alone takes. Latencies differ by pairs, as decision 030 says why. */
export default defineScenario({
  name: 'lookup-hops',
  question: 'How many hops and requests does a lookup take as the network grows?',
  scale: 'wide',
  nodes: 10_000,
  hours: 1,
  network: { latency: { type: 'pairwise', ms: 25 } },
  workload: { lookups: 2_000 }
})

export const sweep: SweepInput = {
  grid: { nodes: [100, 1_000, 10_000, 100_000] },
  seeds: '1..3'
}

/** Own and rough, see the page: the bits that a hop gains, from who answers and from the best of k contacts. */
const k = 20
const bitsOfHop =
  1 + Array.from({ length: 60 }, (_, j) => 1 - (1 - 2 ** -(j + 1)) ** k).reduce((a, b) => a + b)
const expectedHops: Theory = ({ nodes }) => 1 + Math.log2(Number(nodes) / k) / bitsOfHop

export const finding: Finding = {
  tables: {
    table: [
      { head: 'nodes', of: 'nodes' },
      { head: 'hops, mean', of: 'mean(lookups.hops)' },
      { head: 'most', of: 'max(lookups.hops)', show: 'most' },
      { head: 'estimate', of: expectedHops },
      { head: 'requests, mean', of: 'lookup requests mean' },
      { head: 'ms, mean', of: 'mean(lookups.ms)' },
      { head: 'exact', of: 'lookup exact', percent: true }
    ]
  },
  plots: {
    'lookup-hops': {
      title: 'hops of a lookup',
      x: 'nodes',
      y: [
        { line: 'counted', of: 'mean(lookups.hops)' },
        { line: 'estimate', of: expectedHops }
      ]
    },
    'lookup-hops-requests': {
      title: 'requests of a lookup',
      x: 'nodes',
      y: ['lookup requests mean']
    }
  }
}
