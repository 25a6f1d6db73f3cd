import { MuttrError } from '../../src/base/errors.ts'
import type { Dice } from '../../src/sim/dice.ts'
import type { Engine, RunResult } from '../../src/sim/result.ts'
import { World } from '../../src/sim/world.ts'
import type { Engines } from '../../src/worlds/runs/engines.ts'

/**
 * Copies on random nodes of which a share dies at once: what is lost follows the hypergeometric distribution. Small enough to be checked by
 * hand, and all of it depends on the seed.
 */
export const losses: Engine = {
  async run(scenario, { seed, signal, onProgress, trace }): Promise<RunResult> {
    const { nodes, hours, workload, parameters, faults, measure } = scenario
    const world = new World({ seed, ...(trace && { trace }) })
    world.note('begin', nodes)
    const holders = Array.from({ length: workload.blobs }, () =>
      pick(nodes, parameters.replicas, world.dice('place'))
    )
    const dead = new Set<number>()
    for (const fault of faults)
      if (fault.type === 'die')
        world.after(fault.atHours * 3_600_000, () => {
          for (const node of pick(nodes, Math.round(nodes * fault.share), world.dice('die')))
            dead.add(node)
          world.note('die', dead.size)
        })
    const rows: number[][] = []
    const found = () => holders.filter(copies => copies.some(node => !dead.has(node))).length
    for (let at = 0; at <= hours; at += measure.everyHours) {
      if (at > 0) await world.pass(measure.everyHours * 3_600_000, { signal })
      rows.push([at, nodes - dead.size, found() / holders.length])
      world.note('measured', found())
      onProgress({ atHours: at, events: world.events })
    }
    return {
      scenario,
      scale: 'full',
      seed,
      traceHash: world.traceHash,
      events: world.events,
      tables: {
        time: { columns: ['atHours', 'online', 'found'], units: ['h', 'nodes', 'share'], rows }
      },
      figures: {
        found: { value: found() / holders.length, unit: 'share' },
        lost: { value: holders.length - found(), unit: 'blobs' }
      },
      violations:
        found() === 0
          ? [{ atMs: world.nowMs, what: 'all are lost', chain: [`${dead.size} dead`] }]
          : []
    }
  }
}

function pick(from: number, count: number, dice: Dice): number[] {
  const left = Array.from({ length: from }, (_, i) => i)
  return Array.from({ length: count }, () => left.splice(dice.below(left.length), 1)[0]!)
}

export const engineFor: Engines['engineFor'] = async scale => {
  if (scale === 'full') return losses
  throw new MuttrError('SCENARIO_INVALID', `nothing runs ${scale}`)
}

/** Nobody has put more than a thousand blobs by hand. */
export const check: Engines['check'] = async ({ scale, workload }) => {
  await engineFor(scale)
  if (workload.blobs > 1_000)
    throw new MuttrError('SCENARIO_INVALID', `workload.blobs: ${workload.blobs} are too many here`)
}

export const memoryOf: Engines['memoryOf'] = ({ nodes }) => nodes * 2 ** 20
