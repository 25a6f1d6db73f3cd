import assert from 'node:assert/strict'
import millionDay from '../../simulations/million-day.ts'
import repairBandwidth from '../../simulations/repair-bandwidth.ts'
import sybilLarge from '../../simulations/sybil-large.ts'
import { readScenario } from '../../src/sim/scenario.ts'
import { wideEngine } from '../../src/sim/wide/engine.ts'
import { sizeOf } from '../../src/sim/wide/limits.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { figure, small } from '../support/small-runs.ts'

const simulator = createSimulator()

describe('simulations of weeks', () => {
  it('durability-days: one copy is lost with its laptop, and with more nothing', async () => {
    const { points } = await simulator.sweep(small('durability-days', { nodes: 60, hours: 240 }))
    const lostWith = (copies: number) =>
      points
        .filter(({ parameters }) => parameters['parameters.replicas'] === copies)
        .map(point => figure(point, 'lost'))
    assert(
      lostWith(1).every(lost => lost > 0),
      `${lostWith(1)}`
    )
    assert.deepEqual(lostWith(8), [0, 0])
  })

  it('repair-bandwidth: where nobody goes home it sends what deaths demand', async () => {
    const population = { lifetimeHours: { type: 'exponential', mean: 240 } }
    const scenario = readScenario({ ...repairBandwidth, nodes: 100, population })
    const { figures } = await wideEngine.run(scenario, {
      seed: 1,
      signal: new AbortController().signal,
      onProgress() {}
    })
    const sent = figures['repair bytes per node-hour']!.value
    const bound = figures['bound of repair bytes per node-hour']!.value
    assert(sent > 0.5 * bound && sent < 1.2 * bound, `${sent} beside ${bound}`)
  })

  it('sybil-large: disjoint paths find more of the honest where half are accomplices', async () => {
    const foundWith = async (defences: 'paths' | 'none') => {
      const scenario = readScenario({
        ...sybilLarge,
        nodes: 4_000,
        workload: { ...sybilLarge.workload, blobs: 0, getsPerHour: 0 },
        adversaries: { behaviour: 'steer', share: 0.5 },
        parameters: { defences }
      })
      const { figures } = await wideEngine.run(scenario, {
        seed: 1,
        signal: new AbortController().signal,
        onProgress() {}
      })
      return figures['lookup honest found']!.value
    }
    const [paths, none] = [await foundWith('paths'), await foundWith('none')]
    assert(none < 0.97 && paths > none, `${paths} ${none}`)
  })

  it('million-day: fits into 3 GiB', () => {
    assert(sizeOf(millionDay).bytes < 3 * 2 ** 30)
  })
})
