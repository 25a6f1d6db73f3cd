import type { Finding, Theory } from '../src/sim/finding.ts'
import { defineScenario } from '../src/sim/scenario.ts'
import type { SweepInput } from '../src/sim/sweep.ts'

/** At once and for good, as when a provider or a country is cut off. Nobody comes in their place. */
export default defineScenario({
  name: 'third-gone',
  question:
    'What is lost, and how soon is it whole again, when a third of the network is gone at once?',
  nodes: 60,
  hours: 3,
  workload: { blobs: 100, getsPerHour: 60 },
  faults: [{ type: 'die', atHours: 1, share: 1 / 3 }],
  measure: { everyHours: 0.25 }
})

export const sweep: SweepInput = {
  grid: { 'faults.0.share': [1 / 3, 1 / 2, 2 / 3] },
  seeds: '1..3'
}

const [nodes, copies, blobs] = [60, 8, 100]

/** All holders of a blob are among those who go: hypergeometric. */
const expectedLost: Theory = parameters => {
  const gone = Math.round(nodes * Number(parameters['faults.0.share']))
  const all = Array.from({ length: copies }, (_, i) => (gone - i) / (nodes - i))
  return blobs * all.reduce((chance, each) => chance * each)
}

export const finding: Finding = {
  tables: {
    table: [
      { head: 'gone', of: 'faults.0.share', percent: true },
      { head: 'copies right after', of: 'time.copiesMean@1' },
      { head: 'least of all runs', of: 'time.copiesMin@1', show: 'least' },
      { head: 'a quarter of an hour later', of: 'time.copiesMean@1.25' },
      { head: 'least', of: 'time.copiesMin@1.25', show: 'least' },
      { head: 'lost of 100', of: 'lost' },
      { head: 'seed by seed', of: 'lost', show: 'values' },
      { head: 'expected to be lost', of: expectedLost, digits: 2 }
    ]
  },
  plots: {
    'third-gone': {
      title: 'copies of a blob, mean',
      x: 'time.atHours',
      y: ['time.copiesMean'],
      xTitle: 'hours',
      yTitle: 'copies'
    }
  }
}
