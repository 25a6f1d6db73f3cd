import assert from 'node:assert/strict'
import { hourMs, minuteMs, quick, RepairSim, replicas } from '../support/repair-sim.ts'

describe('a seed that comes back after hours', () => {
  it('offers what others lost, and gives up what was released meanwhile', async () => {
    const repair = { ...quick, sweepMs: 1_000 * hourMs }
    const world = await RepairSim.make(20, { seed: 31, repair })
    await world.store(30)
    const away = world.alive[3]!
    const its = world.letters.filter(({ blob }) => world.nearest(blob.key).includes(away))
    const [released, lost] = its
    const others = world.nearest(released!.blob.key).filter(seed => seed !== away)
    await world.kill(away)
    await world.sim.pass(2 * minuteMs)
    await world.release(released!, others)
    for (const { store } of world.alive) await store.drop(lost!.blob.key)
    assert.deepEqual(await world.holders(lost!.blob.key), [])
    await world.sim.pass(hourMs)

    const { store, seed } = await world.comeBack(away)
    await world.sim.pass(2 * minuteMs)
    assert.equal(seed.repair.status().sweeps, 1, 'it goes through all it has by itself, and soon')
    const nowMs = world.sim.clock.now()
    assert.deepEqual(await store.holding([released!.blob.key], nowMs), ['tombstone'])
    assert.equal(await store.getBlob(released!.blob.key, nowMs), undefined)
    const holders = await world.holders(lost!.blob.key)
    for (const near of world.nearest(lost!.blob.key)) assert(holders.includes(near))
    assert.equal(holders.length, replicas)
  })
})
