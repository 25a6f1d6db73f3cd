import assert from 'node:assert/strict'
import fc from 'fast-check'
import { dice } from '../support/lookup-world.ts'
import { RepairWorld } from '../support/repair-world.ts'

const hourMs = 3_600_000

describe('what repair does in a world of seeds that know each other', () => {
  const step = fc.record({
    what: fc.constantFrom('put', 'put few', 'kill', 'add', 'release', 'round', 'all', 'hour'),
    n: fc.nat(1_000)
  })

  it('brings every key to its R nearest and to nobody else, whatever happened before', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 2 ** 30 }),
      fc.array(step, { maxLength: 60 }),
      (replicas, seed, steps) => {
        const world = new RepairWorld({ replicas, graceMs: 3 * hourMs, dice: dice(seed) })
        for (let i = 0; i < 12; i++) world.add()
        for (const { what, n } of steps) act(world, what, n)
        rest(world)
        for (const name of world.keys.keys()) check(world, name, replicas)
      }
    )
    fc.assert(property, { numRuns: 60 })
  })

  function act(world: RepairWorld, what: string, n: number): void {
    const { alive } = world
    const name = world.key(n % 12)
    if (what === 'put' && world.holders(name, 'tombstone').length === 0)
      for (const seed of world.nearest(name)) seed.holds.set(name, 'blob')
    if (what === 'put few' && world.holders(name, 'tombstone').length === 0)
      alive[n % alive.length]!.holds.set(name, 'blob')
    if (what === 'release' && world.holders(name, 'blob').length > 0)
      alive[n % alive.length]!.holds.set(name, 'tombstone')
    if (what === 'kill' && alive.length > 1) alive[n % alive.length]!.alive = false
    if (what === 'add') world.add(n % 2 === 0)
    if (what === 'round') world.round(alive[n % alive.length]!, { type: 'sweep' })
    if (what === 'all') world.round(alive[n % alive.length]!, { type: 'all' })
    if (what === 'hour') world.nowMs += hourMs
  }

  /** Nothing changes any more, and sweeps go on for longer than the grace. */
  function rest(world: RepairWorld): void {
    for (let i = 0; i < 60; i++) {
      for (const seed of world.alive) world.round(seed, { type: 'sweep' })
      world.nowMs += hourMs
    }
  }

  function check(world: RepairWorld, name: string, replicas: number): void {
    const nearest = world.nearest(name, replicas)
    const released = world.holders(name, 'tombstone')
    const holders = world.holders(name, 'blob')
    if (released.length > 0) {
      assert.equal(holders.length, 0, 'what was released is nowhere')
      for (const seed of nearest) assert(released.includes(seed), 'a tombstone stands at each')
    } else if (holders.length > 0)
      assert.deepEqual(
        holders.map(s => s.contact.peer).sort(),
        nearest.map(s => s.contact.peer).sort()
      )
  }
})
