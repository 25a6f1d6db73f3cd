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
