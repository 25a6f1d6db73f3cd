import assert from 'node:assert/strict'
import type { ScenarioInput } from '../../../src/sim/scenario.ts'
import type { Note } from '../../../src/sim/trace.ts'
import { createWideEngine, wideEngine } from '../../../src/sim/wide/engine.ts'
import { column, refusal, run, scenario } from '../../support/wide-run.ts'

const churn: Partial<ScenarioInput> = {
  population: {
    sessionHours: { type: 'weibull', shape: 0.6, scale: 2 },
    awayHours: { type: 'exponential', mean: 1 },
    lifetimeHours: { type: 'exponential', mean: 48 }
  },
  workload: { blobs: 100, putsPerHour: 10, getsPerHour: 20, lookups: 50 },
  network: { latency: { type: 'pairwise', ms: 30 }, loss: 0.01 },
  faults: [{ type: 'die', atHours: 3, share: 0.2, which: 'oldest', replaced: true }]
}

describe('the scale wide', () => {
  it('gives the same run for the same seed, watched or not, and another one for another', async () => {
    const notes: Note[] = []
    const first = await run(churn)
    assert.deepEqual(await run(churn, { notes }), first)
    assert.notEqual((await run(churn, { seed: 2 })).traceHash, first.traceHash)
    assert.equal(notes.filter(({ type }) => type === 'row').length, 5)
    assert(first.events > 5_000)
  })

  it('refuses what it does not model, naming all of it', async () => {
    const err = await refusal(
      run({
        network: { jitterMs: 5, upBytesPerSecond: 10_000 },
        workload: {
          blobs: 1,
          crowd: { atHours: 0, gets: 9, withinMinutes: 1 },
          via: { relays: 1 }
        },
        observers: { share: 0.1 },
        disks: { lossPerDay: 1 },
        clocks: { share: 0.1, offMinutes: { type: 'constant', value: 5 } },
        faults: [
          { type: 'die', atHours: 1, share: 0.1 },
          { type: 'pod-outage', atHours: 1, hours: 1 }
        ],
        parameters: { reach: 'forward' }
      })
    )
    assert.equal(err.code, 'SCENARIO_INVALID')
    for (const field of [
      'network.jitterMs',
      'network.upBytesPerSecond',
      'workload.crowd',
      'workload.via',
      'observers',
      'disks',
      'clocks',
      'faults.1 (pod-outage)',
      'parameters.reach'
    ])
      assert(err.message.includes(field), err.message)
    assert(!err.message.includes('faults.0'))
  })

  it('says what to do instead of people and of variants', async () => {
    const people = await refusal(run({ people: { count: 2 } }))
    assert.match(people.message, /people/)
    assert.match(people.hint, /at the scale full.+workload\.putsPerHour and getsPerHour/)
    const variant = await refusal(run({ variant: 'choosy.ts' }))
    assert.match(variant.message, /variant/)
    assert.match(variant.hint, /compact twins here. Compare it with what ships at the scale full/)
    assert.doesNotMatch(variant.hint, /people/)
  })

  it('refuses before it begins what memory is too small for, and says how much it takes', async () => {
    const engine = createWideEngine({ memoryBytes: 2 ** 30 })
    const o = { seed: 1, signal: new AbortController().signal, onProgress() {} }
    const err = await refusal(engine.run(scenario({ nodes: 1_000_000 }), o))
    assert.equal(err.code, 'MEMORY_SHORT')
    assert.match(err.message, /1000000 nodes take 1\d{3} MiB, and there are 1024 MiB/)
    assert((await engine.run(scenario({ nodes: 100, hours: 1 }), o)).events > 0)
  })

  it('ends when it is told to', async () => {
    const stop = new AbortController()
    const o = { seed: 1, signal: stop.signal, onProgress: () => stop.abort() }
    const err = await refusal(wideEngine.run(scenario({ ...churn, nodes: 1_000, hours: 24 }), o))
    assert.equal(err.code, 'CANCELLED')
  })

  it('finds the true nearest in a quiet network, and sends no copies', async () => {
    const quiet = await run({ nodes: 3_000, hours: 1, workload: { blobs: 50, lookups: 300 } })
    assert.equal(quiet.figures['lookup exact']!.value, 1)
    assert.equal(quiet.figures['repair bytes per node-hour']!.value, 0)
    assert.equal(quiet.figures.found!.value, 1)
    assert.deepEqual(column(quiet, 'copiesMin'), [8])
  })

  it('loses as many blobs as chance has it when many die at once', async () => {
    const blobs = 3_000
    const { tables, figures } = await run({
      nodes: 2_000,
      hours: 2,
      workload: { blobs },
      parameters: { replicas: 3, quorum: 2 },
      faults: [{ type: 'die', atHours: 1, share: 0.5 }]
    })
    const [[, died, lost, expected]] = tables.deaths!.rows as [number[]]
    assert.equal(died, 1_000)
    // Half, half and half; neighbours share holders, which widens the spread to about half as much again.
    assert(Math.abs(expected! - blobs / 8) < 1)
    assert(Math.abs(lost! - expected!) < 6 * 1.5 * Math.sqrt(blobs / 8), `${lost} lost`)
    assert.equal(figures.lost!.value, lost)
  })

  it('brings all copies back after deaths, and pays for each of them once', async () => {
    const blobs = 200
    const result = await run({
      hours: 5,
      workload: { blobs, sizeBytes: { type: 'constant', value: 1_000 } },
      faults: [{ type: 'die', atHours: 1.5, share: 0.3 }]
    })
    assert.equal(result.figures.lost!.value, 0)
    assert.deepEqual(column(result, 'copiesMin').slice(2), [8, 8, 8])
    const pushed = column(result, 'repairBytes')
    assert(Math.abs(pushed[1]! - 0.3 * 8 * blobs * 1_000) < 0.25 * 0.3 * 8 * blobs * 1_000)
    assert.deepEqual(pushed.slice(2), [0, 0, 0])
  })

  it('keeps blobs found among those who come and go', async () => {
    const { figures } = await run({ ...churn, nodes: 500, faults: [], network: {} })
    assert.equal(figures.lost!.value, 0)
    assert(figures.found!.value > 0.98, `${figures.found!.value}`)
    assert(figures['lookup exact']!.value > 0.95, `${figures['lookup exact']!.value}`)
    assert(figures['repair bytes per node-hour']!.value > 0)
  })

  it('has those on whose hour it is, and what they store meanwhile is kept', async () => {
    const daily = { share: 0.9, fromHour: 8, toHour: 16, jitterHours: 0 }
    const o = { nodes: 100, hours: 24, measure: { everyHours: 4 }, workload: { blobs: 100 } }
    const result = await run({ ...o, population: { daily } })
    const [night, , day] = column(result, 'online')
    assert(night! < 20, `${night} at night`)
    assert.deepEqual(column(result, 'online'), [night, 100, 100, night, night, night])
    assert.equal(column(result, 'found')[2], 1)
    assert.equal(day, 100)
    assert.deepEqual(column(result, 'lost'), [0, 0, 0, 0, 0, 0])
  })
})
