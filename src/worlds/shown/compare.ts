import { isDeepStrictEqual } from 'node:util'
import { MuttrError } from '../../base/errors.ts'
import type { SimCompared } from '../../cli/simulator.ts'
import { readFolder } from '../runs/folder.ts'
import { difference } from './statistics.ts'
import type { Summary, SummaryPoint } from './summary.ts'
import { readRuns, summarize } from './summary.ts'

/**
 * Two folders, figure by figure: made from their runs, not from what was written up. One point each is compared whatever its parameters,
 * else those with the same ones.
 * @throws {MuttrError} `OUTPUT_DAMAGED`
 */
export async function compareFolders(a: string, b: string): Promise<SimCompared[]> {
  const [first, second] = [await summaryOf(a), await summaryOf(b)]
  const pairs = pairsOf(first, second)
  if (pairs.length === 0)
    throw new MuttrError('OUTPUT_DAMAGED', `${a} and ${b} have no point in common`, {
      hint: 'Compare folders of one run each, or sweeps over the same parameters.'
    })
  return pairs.flatMap(comparePoints)
}

async function summaryOf(path: string): Promise<Summary> {
  const folder = await readFolder(path)
  const runs = await readRuns(folder)
  if (runs.length === 0) throw new MuttrError('OUTPUT_DAMAGED', `${path} holds no runs yet`)
  return summarize(folder, runs)
}

function pairsOf(a: Summary, b: Summary): [SummaryPoint, SummaryPoint][] {
  if (a.points.length === 1 && b.points.length === 1) return [[a.points[0]!, b.points[0]!]]
  return a.points.flatMap(point => {
    const other = b.points.find(({ parameters }) => isDeepStrictEqual(parameters, point.parameters))
    return other ? [[point, other] satisfies [SummaryPoint, SummaryPoint]] : []
  })
}

const comparePoints = ([a, b]: [SummaryPoint, SummaryPoint]): SimCompared[] =>
  Object.keys(a.figures).flatMap(name => {
    const [one, other] = [a.figures[name]!, b.figures[name]]
    if (!other) return []
    const { differs, mean, ci95 } = difference(one, other)
    return [
      {
        parameters: a.parameters,
        figure: name,
        unit: one.unit,
        a: { mean: one.mean, ci95: one.ci95 },
        b: { mean: other.mean, ci95: other.ci95 },
        difference: { mean, ci95 },
        differs
      }
    ]
  })
