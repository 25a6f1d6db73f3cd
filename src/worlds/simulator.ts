import { MuttrError } from '../base/errors.ts'
import type { SimRunOptions, Simulator } from '../cli/simulator.ts'
import { systemClock as clock } from '../net/clock.ts'
import { readScenario } from '../sim/scenario.ts'
import { parseSeeds } from '../sim/sweep.ts'
import { conduct, writeUp } from './runs/conduct.ts'
import { enginesUrl as shippedUrl } from './runs/engines.ts'
import { findScenario, listScenarios } from './runs/find.ts'
import { readFolder } from './runs/folder.ts'
import type { Plan } from './runs/plan.ts'
import { makePlan, parseShard } from './runs/plan.ts'
import { replay } from './runs/replay.ts'
import { conductShared, fetchFolder } from './runs/shared.ts'
import { compareFolders } from './shown/compare.ts'
import { showFolder } from './shown/finding.ts'

/** @param enginesUrl module that exports what `Engines` says; tests name one of their own. */
export const createSimulator = (enginesUrl: string = shippedUrl): Simulator => ({
  async list() {
    const found = await listScenarios()
    return found.map(({ name, question, scale, nodes, hours }) => ({
      name,
      question,
      scale,
      nodes,
      hours
    }))
  },
  run: async o => conduct(await planRun(o), { ...o, clock, enginesUrl, shard: undefined }),
  async sweep(o) {
    const shard = o.shard === undefined ? undefined : parseShard(o.shard)
    if (shard && o.out === null)
      throw new MuttrError('USAGE', 'a shard needs a folder: what it finds is merged there')
    if (o.queue) {
      if (shard) throw new MuttrError('USAGE', '--shard and --queue exclude each other')
      return await conductShared(await planSweep(o), { ...o, queue: o.queue, clock, enginesUrl })
    }
    return await conduct(await planSweep(o), { ...o, clock, enginesUrl, shard })
  },
  fetch: fetchFolder,
  compare: compareFolders,
  report: async path => writeUp(await readFolder(path)),
  show: showFolder,
  replay: async o => replay(o, { engines: await import(enginesUrl), clock })
})

async function planRun({ what, changes, seeds }: SimRunOptions): Promise<Plan> {
  const { scenario } = await findScenario(what)
  const base = readScenario({ ...scenario, ...changes })
  return makePlan(base, {}, seeds === undefined ? [base.seed] : parseSeeds(seeds))
}

async function planSweep({ what, changes, seeds }: SimRunOptions): Promise<Plan> {
  const { scenario, sweep } = await findScenario(what)
  if (!sweep)
    throw new MuttrError('SCENARIO_INVALID', `${what} has no grid`, {
      hint: 'A module exports `sweep = { grid: { nodes: [100, 1000] } }`; JSON has `scenario` and `grid`.'
    })
  const base = readScenario({ ...scenario, ...changes })
  const own = sweep.seeds ?? [base.seed]
  return makePlan(base, sweep.grid, seeds === undefined ? own : parseSeeds(seeds))
}
