import assert from 'node:assert/strict'
import { minuteMs, RepairSim, secondMs } from '../support/repair-sim.ts'

/** The oldest 30 % of 50 seeds die at once and others come, again and again. @returns the copies of each blob after each round. */
async function churn(o: { rounds: number; repair?: null; restMs: number }): Promise<number[][]> {
  const world = await RepairSim.make(50, { seed: 9, ...(o.repair === null && { repair: null }) })
  await world.store(200)
  const copies: number[][] = []
  for (let round = 0; round < o.rounds; round++) {
    await world.replaceOldest(0.3)
    await world.sim.pass(o.restMs)
    copies.push(await world.copies())
  }
  return copies
}

describe('blobs whose publisher is gone, while the oldest 30 % die at once five times over', function () {
  this.timeout(240_000)

  it('have all their copies again after each round', async () => {
    const copies = await churn({ rounds: 5, restMs: 3 * minuteMs })
    for (const [round, counts] of copies.entries()) {
      assert(counts[0]! >= 6, `round ${round}: one blob has ${counts[0]} copies`)
      const full = counts.filter(count => count === 8).length
      assert(full >= 0.95 * counts.length, `round ${round}: ${full} blobs have all`)
    }
  })

  it('are all gone after four without repair', async () => {
    const copies = await churn({ rounds: 4, repair: null, restMs: 10 * secondMs })
    assert.equal(copies.at(-1)!.at(-1), 0)
  })
})
