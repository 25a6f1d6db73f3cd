import assert from 'node:assert/strict'
import type { RunResult } from '../../src/sim/result.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { readScenario } from '../../src/sim/scenario.ts'
import { createWideEngine } from '../../src/sim/wide/engine.ts'
import { fullEngine } from '../../src/worlds/full/full.ts'

const seeds = [1, 2]
const wideEngine = createWideEngine({ memoryBytes: 2 ** 30 })

/** Of all these runs, requests by method and errands, and how many for each node and hour. */
async function counted(scale: 'full' | 'wide', o: Partial<ScenarioInput>) {
  const scenario = readScenario({
    name: 'overlap',
    question: 'Do they agree?',
    nodes: 48,
    hours: 1.5,
    scale,
    ...o
  })
  const engine = scale === 'full' ? fullEngine : wideEngine
  const of = new Map<string, number>()
  let perHour = 0
  for (const seed of seeds) {
    const signal = new AbortController().signal
    const { tables, figures }: RunResult = await engine.run(scenario, {
      seed,
      signal,
      onProgress() {}
    })
    for (const { rows } of [tables.traffic!, tables.errands!])
      for (const [what, requests] of rows)
        of.set(String(what), (of.get(String(what)) ?? 0) + Number(requests))
    perHour += figures['messages per node-hour']!.value / seeds.length
  }
  return { of: (what: string) => of.get(what) ?? 0, perHour }
}

/** @param times at most, as populations of so few nodes differ from seed to seed. */
function near(wide: number, full: number, times: number, what: string): void {
  const said = `${what}: wide ${wide.toFixed(0)}, full ${full.toFixed(0)}`
  assert(wide < times * full && full < times * wide, said)
}

describe('the scales wide and full', () => {
  it('begin settled alike: nothing is left to measure, and buckets and sweeps have their turn', async () => {
    const o = { nodes: 100, hours: 0.5, workload: { blobs: 40, getsPerHour: 400 } }
    const [wide, full] = [await counted('wide', o), await counted('full', o)]
    near(wide.perHour, full.perHour, 1.2, 'all')
    for (const what of ['find-node, refresh', 'ping, silent'])
      near(wide.of(what), full.of(what), 1.2, what)
    near(wide.of('have'), full.of('have'), 1.6, 'have')
    for (const what of ['find-node, join', 'find-node, measure', 'ping, candidate', 'ping, failed'])
      assert.deepEqual([wide.of(what), full.of(what)], [0, 0], what)
  })

  it('have nodes send as much among those who come and go, part by part', async () => {
    const population = {
      sessionHours: { type: 'exponential', mean: 2 },
      awayHours: { type: 'exponential', mean: 1 }
    } as const
    const o = { population, workload: { blobs: 40 } }
    const [wide, full] = [await counted('wide', o), await counted('full', o)]
    near(wide.perHour, full.perHour, 1.4, 'all')
    for (const what of ['find-node', 'ping', 'have', 'ping, lost'])
      near(wide.of(what), full.of(what), 1.6, what)
  })

  it('have nodes send as much in a network that falls apart and heals', async () => {
    const o: Partial<ScenarioInput> = {
      ...{ hours: 3, workload: { blobs: 60, putsPerHour: 30, getsPerHour: 120 } },
      faults: [{ type: 'partition', atHours: 0.5, hours: 1.5, share: 0.5 }]
    }
    const [wide, full] = [await counted('wide', o), await counted('full', o)]
    near(wide.perHour, full.perHour, 1.2, 'all')
    for (const what of ['find-node', 'ping', 'ping, lost'])
      near(wide.of(what), full.of(what), 1.3, what)
  })

  it('have nodes send as much where connections are closed because there are too many', async () => {
    const o: Partial<ScenarioInput> = { nodes: 120, hours: 1, parameters: { connections: 30 } }
    const [wide, full] = [await counted('wide', o), await counted('full', o)]
    near(wide.perHour, full.perHour, 1.2, 'all')
    assert.equal(full.of('ping, cut-off'), 0)
  })

  it('have nodes send as much among floods, with defences and without', async () => {
    for (const defences of ['all', 'none'] as const) {
      const o: Partial<ScenarioInput> = {
        ...{ nodes: 80, hours: 0.1, workload: { blobs: 25, lookups: 10 } },
        ...{ parameters: { defences }, measure: { everyHours: 0.1 } },
        adversaries: { behaviour: 'flood', share: 0.2 }
      }
      const [wide, full] = [await counted('wide', o), await counted('full', o)]
      near(wide.perHour, full.perHour, 1.5, `all, with ${defences}`)
      near(wide.of('find-node'), full.of('find-node'), 1.5, `find-node, with ${defences}`)
    }
  })
})
