import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import type { Stamper } from '../../src/base/ports.ts'
import type { RunResult } from '../../src/sim/result.ts'
import type { ScenarioInput } from '../../src/sim/scenario.ts'
import { defineScenario } from '../../src/sim/scenario.ts'
import { World } from '../../src/sim/world.ts'
import { VirtualDisk } from '../../src/worlds/full/disk.ts'
import { fullEngineWith } from '../../src/worlds/full/full.ts'
import type { Variant } from '../../src/worlds/runs/variant.ts'
import { figureOf, runFull } from '../support/full-run.ts'
import { seedStoreContract } from '../support/seed-store-contract.ts'
import { blobOf, noonMs } from '../support/store-blobs.ts'

const workload = { blobs: 20, sizeBytes: { type: 'constant', value: 4_000 } } as const
const small = {
  name: 'trouble',
  question: 'What goes wrong?',
  nodes: 20,
  hours: 0.1,
  workload,
  measure: { everyHours: 0.1 }
} satisfies ScenarioInput

const run = (scenario: Partial<ScenarioInput>, seed = 1): Promise<RunResult> =>
  runFull({ ...small, ...scenario }, seed)

const refused = (scenario: Partial<ScenarioInput>, message: RegExp) =>
  assert.throws(() => defineScenario({ ...small, ...scenario }), {
    code: 'SCENARIO_INVALID',
    message
  })

describe('a crowd that wants one blob', () => {
  const crowd = { atHours: 0, gets: 120, withinMinutes: 2 }

  it('is served, and waits where the line of a holder is slow', async () => {
    const wanted = { nodes: 30, workload: { ...workload, blobs: 2, crowd } }
    const fast = await run(wanted)
    const slow = await run({ ...wanted, network: { upBytesPerSecond: 50_000 } })
    for (const result of [fast, slow]) {
      assert.equal(figureOf(result, 'crowd found'), 1)
      assert(figureOf(result, 'crowd requests of a node max')! > 10)
      assert(figureOf(result, 'crowd bytes of a node max')! > 10 * 4_000)
    }
    // A blob of 4,000 bytes takes 80 ms at 50,000 a second.
    const [soon, late] = [fast, slow].map(result => figureOf(result, 'crowd get ms p50')!)
    assert(late! >= soon! + 80, `${soon} ${late}`)
    assert.equal(figureOf(await run({}), 'crowd found'), undefined)
  })

  it('is refused where it would come too late, or to nothing', () => {
    refused({ workload: { ...workload, crowd: { ...crowd, withinMinutes: 7 } } }, /crowd/)
    refused({ workload: { crowd } }, /workload\.blobs/)
  })
})

describe('observers', () => {
  const busy = { ...workload, putsPerHour: 200, getsPerHour: 400 }

  it('that are everybody see everybody, and that are nobody see nobody', async () => {
    const direct = await run({ observers: { share: 1 }, workload: busy })
    for (const name of ['putters seen', 'getters seen', 'putter and getter linked'])
      assert.equal(figureOf(direct, name), 1, name)
    const none = await run({ observers: { share: 0 }, workload: busy })
    for (const name of ['putters seen', 'getters seen', 'putter and getter linked'])
      assert.equal(figureOf(none, name), 0, name)
  })

  it('see relays in place of those who ask through them', async () => {
    const observers = { share: 0.3 }
    const direct = await run({ observers, workload: busy })
    const hidden = await run({ observers, workload: { ...busy, via: { relays: 2 } } })
    assert(figureOf(direct, 'putters seen')! > 0.7)
    assert(figureOf(hidden, 'putters seen')! < 0.5, `${figureOf(hidden, 'putters seen')}`)
    assert.equal(figureOf(hidden, 'found'), 1)
  })

  it('see through what others pass on for those they are not connected to', async () => {
    // Of 40 nodes each is connected to eight.
    const parameters = { reach: 'forward', connections: 8 } as const
    const result = await run({ nodes: 40, parameters, workload: busy, observers: { share: 1 } })
    const forwarded = result.tables.traffic!.rows.find(([method]) => method === 'forward')
    assert(Number(forwarded?.[1]) > 0, 'something was passed on')
    for (const name of ['putters seen', 'getters seen'])
      assert.equal(figureOf(result, name), 1, name)
  })

  it('and relays are refused where nobody would use them', () => {
    refused({ workload: { ...workload, via: { relays: 20 } } }, /via\.relays/)
  })
})

describe('disks', () => {
  it('that fail are empty afterwards, and a sweep brings their copies back', async () => {
    const swept = { measure: { everyHours: 3 }, parameters: { sweepHours: 0.5 } }
    const result = await run({ hours: 3, disks: { lossPerDay: 3 }, ...swept })
    assert(figureOf(result, 'disks failed')! > 2)
    assert.deepEqual(result.violations, [])
    assert(figureOf(result, 'copies mean')! > 6.5)
  })

  it('that rot all at once lose everything, which is told', async () => {
    const result = await run({ disks: { rotPerDay: 900 }, parameters: { replicas: 2, quorum: 1 } })
    assert(figureOf(result, 'lost')! > 2)
    assert.match(result.violations[0]!.chain.join(), /has its copy spoiled/)
    assert(figureOf(result, 'copies rotted and not noticed')! > 0)
  })

  it('that are full take nothing, so that others do', async () => {
    const result = await run({
      disks: { fullShare: 0.4 },
      workload: { ...workload, putsPerHour: 100 }
    })
    assert.equal(figureOf(result, 'puts failed'), 0)
    assert.deepEqual(result.violations, [])
  })
})

describe('disks that are small and rot, some of them full, behind lines that lose', () => {
  it('press their seeds, and the run pays their price without hashing for it', async () => {
    let dearest = 0
    const counting: Variant = {
      createSeed(parts, { createSeedNode }) {
        const { make } = parts.stamper
        const stamper: Stamper = {
          make(job, options) {
            dearest = Math.max(dearest, job.factor)
            return make(job, options)
          }
        }
        return createSeedNode({ ...parts, stamper })
      }
    }
    const scenario = defineScenario({
      ...small,
      hours: 1,
      network: { loss: 0.02 },
      disks: { capBytes: 100_000, fullShare: 0.2, rotPerDay: 2 },
      workload: { ...workload, blobs: 60, putsPerHour: 60 },
      measure: { everyHours: 1 }
    })
    const { signal } = new AbortController()
    const result = await fullEngineWith(counting).run(scenario, {
      ...{ seed: 1, signal },
      onProgress() {}
    })
    assert.equal(dearest, limits.priceFactorMax)
    assert(figureOf(result, 'copies rotted')! > 0)
  })
})

describe('clocks that are hours ahead', () => {
  it('let copies expire too soon, on these nodes alone', async () => {
    const offMinutes = { type: 'constant', value: 300 } as const
    const scenario: Partial<ScenarioInput> = {
      hours: 1,
      workload: { ...workload, lifeHours: { type: 'constant', value: 4 } },
      measure: { everyHours: 1 }
    }
    const right = await run(scenario)
    const wrong = await run({ ...scenario, clocks: { share: 0.5, offMinutes } })
    assert(figureOf(right, 'copies mean')! >= 8)
    assert(figureOf(wrong, 'copies mean')! < figureOf(right, 'copies mean')!)
    assert.deepEqual(wrong.violations, [])
  })
})

seedStoreContract('a virtual disk', async ({ capBytes }) => new VirtualDisk(capBytes).store)

describe('a virtual disk', () => {
  const dice = () => new World({ seed: 1 }).dice('bits')

  it('spoils a blob, which the store notices when it reads it, and not before', async () => {
    const disk = new VirtualDisk(null)
    const { key } = blobOf(1)
    await disk.store.putBlob(blobOf(1))
    assert.equal(disk.isSpoiled(key), false)
    assert.equal(await disk.rot(key, dice()), true)
    assert.equal(await disk.rot(key, dice()), false)
    assert.deepEqual(await disk.store.holding([key], noonMs), ['blob'])
    // Who is given it again believes that it is here.
    await disk.store.putBlob(blobOf(1))
    assert.equal(disk.isSpoiled(key), true)
    assert.equal(await disk.store.getBlob(key, noonMs), undefined)
    assert.deepEqual(await disk.store.holding([key], noonMs), ['none'])
    await disk.store.putBlob(blobOf(1))
    assert.equal(disk.isSpoiled(key), false)
    assert.deepEqual(await disk.store.getBlob(key, noonMs), blobOf(1))
  })

  it('that is full gives what it has and takes no more; a new one is empty', async () => {
    const disk = new VirtualDisk(null)
    await disk.store.putBlob(blobOf(1))
    disk.isFull = true
    await assert.rejects(disk.store.putBlob(blobOf(2)), { code: 'DISK_FULL' })
    assert.deepEqual(await disk.store.getBlob(blobOf(1).key, noonMs), blobOf(1))
    disk.replace()
    assert.equal(await disk.store.getBlob(blobOf(1).key, noonMs), undefined)
    assert.equal(disk.store.usage().blobs, 0)
  })
})
