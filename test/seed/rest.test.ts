import assert from 'node:assert/strict'
import { simSeeds } from '../support/sim-seeds.ts'

const hourMs = 3_600_000

describe('those who are left at night', () => {
  it('look into each bucket once an hour, and do not go on measuring how large the network is', async () => {
    const { sim, seeds } = await simSeeds(40, { seed: 1, noticeMs: 60_000 })
    for (const { seed, node } of seeds.splice(0, 28)) {
      node.kill()
      await seed[Symbol.asyncDispose]()
    }
    await sim.pass(hourMs)
    const before = sim.byMethod.get('find-node')!
    await sim.pass(2 * hourMs)
    const asked = sim.byMethod.get('find-node')! - before
    const buckets = seeds.reduce((sum, { seed }) => sum + seed.table.depth + 1, 0)
    // A lookup asks all eleven others at most.
    assert(asked <= 2.5 * buckets * 11, `${asked} requests for ${buckets} buckets in two hours`)
  })
})
