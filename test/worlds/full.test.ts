import assert from 'node:assert/strict'
import type { EngineOptions } from '../../src/sim/result.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { defineScenario } from '../../src/sim/scenario.ts'
import type { Note } from '../../src/sim/trace.ts'
import { fullEngine } from '../../src/worlds/full/full.ts'

const constant = (value: number) => ({ type: 'constant', value }) as const
const hours = (mean: number) => ({ type: 'exponential', mean }) as const

/** Thirty seeds that never leave, and a blob for each. */
const calm = {
  name: 'calm',
  question: 'Does it run?',
  nodes: 30,
  hours: 2,
  workload: { blobs: 30, sizeBytes: constant(500), lifeHours: constant(48) },
  measure: { everyHours: 1 }
} satisfies ScenarioInput

const run = (scenario: Partial<ScenarioInput>, options: Partial<EngineOptions> = {}) =>
  fullEngine.run(defineScenario({ ...calm, ...scenario }), {
    seed: 1,
    signal: new AbortController().signal,
    onProgress() {},
    ...options
  })

const column = (result: Awaited<ReturnType<typeof run>>, name: string) => {
  const { columns, rows } = result.tables.time!
  return rows.map(row => row[columns.indexOf(name)])
}

describe('a full world', () => {
  it('at rest: finds everything, exactly, and loses nothing', async () => {
    const workload = { ...calm.workload, putsPerHour: 20, getsPerHour: 30, lookups: 20 }
    const result = await run({ workload })
    const { figures, tables, violations } = result
    assert.deepEqual(violations, [])
    assert.deepEqual(column(result, 'atHours'), [1, 2])
    assert.deepEqual(column(result, 'online'), [30, 30])
    assert.deepEqual(column(result, 'found'), [1, 1])
    assert(figures['copies mean']!.value >= 8)
    assert.equal(figures['lookup exact']!.value, 1)
    assert.equal(tables.lookups!.rows.length, 20)
    assert.equal(figures['bound of repair bytes per node-hour']!.value, 0)
    assert(figures['messages per node-hour']!.value > 10)
    const byMethod = new Map(tables.traffic!.rows.map(([method, requests]) => [method, requests]))
    assert(Number(byMethod.get('put')) >= 8 * 20, 'eight copies of what was put meanwhile')
  })

  it('has one history for one seed, and another for another', async () => {
    const churn: Partial<ScenarioInput> = {
      nodes: 20,
      hours: 1,
      network: { latency: { type: 'geographic' }, loss: 0.01 },
      population: { sessionHours: hours(1), awayHours: hours(0.5), lifetimeHours: hours(5) },
      workload: { ...calm.workload, putsPerHour: 10, getsPerHour: 20, lookups: 5 },
      faults: [{ type: 'die', atHours: 0.5, share: 0.2, replaced: true }]
    }
    const [one, same, other] = [await run(churn), await run(churn), await run(churn, { seed: 2 })]
    assert.deepEqual(one, same)
    assert.notEqual(one.traceHash, other.traceHash)
    assert.notDeepEqual(one.tables, other.tables)
  })

  it('counts what is lost, with all that led there', async () => {
    const result = await run({
      parameters: { replicas: 2, quorum: 1 },
      faults: [{ type: 'die', atHours: 0.5, share: 0.7 }]
    })
    const lost = result.figures.lost!.value
    assert(lost > 5, 'seven tenths squared is half of the blobs')
    assert.equal(result.violations.length, lost)
    assert.deepEqual(column(result, 'online'), [9, 9])
    assert.equal(column(result, 'copiesMin')[0], 0)
    assert(result.figures.found!.value < 1)
    for (const { what, chain, atMs } of result.violations) {
      assert.equal(atMs, 1_800_000)
      assert.match(chain[0]!, /^-\d+: node \d+ took a copy/)
      assert.match(chain.at(-1)!, /^1800000: /)
      assert.match(what, /acknowledged, and no copy/)
      assert(chain.some(line => /took a copy/.test(line)))
      assert.match(chain.at(-1)!, /died with its copy/)
    }
  })

  it('brings copies back that died, at a cost not below the bound', async () => {
    const result = await run({
      faults: [{ type: 'die', atHours: 0.5, share: 0.3, which: 'oldest', replaced: true }],
      hours: 4
    })
    assert.deepEqual(result.violations, [])
    assert.equal(column(result, 'online')[3], 30)
    assert(Number(column(result, 'copiesMin')[3]) >= 8)
    assert(Number(column(result, 'repairBytes')[0]) > 0)
    assert(result.figures['bound of repair bytes per node-hour']!.value > 0)
  })

  it('keeps the stores of those who are away, and their hours', async () => {
    const all = { share: 1, fromHour: 8, toHour: 16, jitterHours: 0, zones: 1 }
    const result = await run({ population: { daily: all }, hours: 12, measure: { everyHours: 4 } })
    assert.deepEqual(column(result, 'online'), [0, 30, 30])
    assert.deepEqual(column(result, 'copiesMean')[0], 0)
    assert(Number(column(result, 'copiesMean')[2]) >= 8)
    assert.deepEqual(column(result, 'lost'), [0, 0, 0])
  })

  it('begins when who is away has been so for a while', async () => {
    const result = await run({
      nodes: 60,
      hours: 0.05,
      population: { sessionHours: hours(2), awayHours: hours(2) },
      workload: { ...calm.workload, lookups: 60 },
      measure: { everyHours: 0.05 }
    })
    const [online] = column(result, 'online')
    assert(Number(online) > 20 && Number(online) < 40, `${online} of 60`)
    assert(Number(column(result, 'copiesMean')[0]) > 7, 'repair has been there')
    const exact = result.figures['lookup exact']!.value
    assert(exact > 0.9, `${exact}`)
  })

  it('falls apart and grows together again', async () => {
    const result = await run({
      faults: [{ type: 'partition', atHours: 0.1, hours: 1.4, share: 0.5 }],
      hours: 3
    })
    assert.deepEqual(result.violations, [])
    assert.equal(column(result, 'found')[2], 1)
  })

  it('says how far it is, stops when told to, and hands its notes out', async () => {
    const stop = new AbortController()
    const told: number[] = []
    const notes: Note[] = []
    const onProgress = ({ atHours }: { atHours: number }) => {
      told.push(atHours)
      if (atHours > 0) stop.abort()
    }
    const trace = { take: (note: Note) => void notes.push(note) }
    const running = run({ hours: 1_000 }, { signal: stop.signal, onProgress, trace })
    await assert.rejects(running, { code: 'CANCELLED' })
    assert.deepEqual(
      told,
      told.toSorted((a, b) => a - b)
    )
    assert.equal(told[0], -1) // while the network is made
    assert(told.at(-1)! > 0 && told.at(-1)! < 1_000)
    assert.equal(notes.filter(({ type }) => type === 'come').length, 30)
    assert.equal(notes.filter(({ type }) => type === 'put').length, 30)
  })

  it('refuses what it does not model, before it begins', async () => {
    const outage = [{ type: 'pod-outage', atHours: 0, hours: 1 }] as const
    await assert.rejects(run({ faults: [...outage] }), {
      code: 'SCENARIO_INVALID',
      message: /faults\.0/
    })
  })
})
