import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import {
  decodeHave,
  decodeHeld,
  encodeHave,
  encodeHeld,
  encodePutAnswer
} from '../../src/wire/dht.ts'
import type { Letter } from '../support/repair-sim.ts'
import { hourMs, minuteMs, quick, RepairSim, replicas, secondMs } from '../support/repair-sim.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { addSeed } from '../support/sim-seeds.ts'

/** Nothing happens by itself for a long time: only what a test asks for. */
const still = { ...quick, sweepMs: 1_000 * hourMs, debounceMs: 500 * hourMs }

/** Counts what each seed sends because of repair. */
function countSent(seeds: readonly SimSeed[]): Map<SimSeed, number> {
  const sent = new Map<SimSeed, number>()
  const repairs = new Set(['have', 'put', 'release'])
  for (const seed of seeds) {
    sent.set(seed, 0)
    const request = seed.node.request.bind(seed.node)
    seed.node.request = (to, method, payload, o) => {
      if (repairs.has(method)) sent.set(seed, sent.get(seed)! + payload.byteLength)
      return request(to, method, payload, o)
    }
  }
  return sent
}

describe('repair', () => {
  it('sends no more within an hour than it is given, when a third is gone at once', async () => {
    const bytesPerHour = 2 * limits.payloadBytesMax
    const world = await RepairSim.make(24, { seed: 21, repair: { ...quick, bytesPerHour } })
    await world.store(60, 64 * 1024)
    for (const seed of world.seeds.slice(0, 8)) await world.kill(seed)
    const sent = countSent(world.alive)
    const before = await world.copies()
    await world.sim.pass(hourMs / 2)
    for (const bytes of sent.values()) assert(bytes <= bytesPerHour, `${bytes} bytes in an hour`)
    const total = [...sent.values()].reduce((sum, bytes) => sum + bytes, 0)
    assert(total > bytesPerHour, 'but there is more to do than one of them may send')
    const after = await world.copies()
    const missing = (copies: number[]) => copies.reduce((sum, n) => sum + replicas - n, 0)
    assert(missing(after) < missing(before))
    assert(after[0]! > before[0]!, 'those with the fewest copies came first')
  })

  it('brings a release to all holders, wherever one of them learned of it', async () => {
    const world = await RepairSim.make(24, { seed: 22, repair: still })
    await world.store(6)
    const [first, second] = world.letters
    const ofFirst = world.nearest(first!.blob.key)
    await world.release(first!, ofFirst.slice(0, 1)) // the nearest spreads it
    await world.release(second!, world.nearest(second!.blob.key, 12).slice(11)) // others learn of it
    await world.sweep()
    await world.sweep()
    for (const letter of [first!, second!]) {
      assert.deepEqual(await world.holders(letter.blob.key), [])
      const near = world.nearest(letter.blob.key)
      const told = await world.holders(letter.blob.key, 'tombstone')
      for (const seed of near) assert(told.includes(seed))
    }
    for (const { blob } of world.letters.slice(2))
      assert.equal((await world.holders(blob.key)).length, replicas)

    const [asker, asked] = world.nearest(first!.blob.key)
    const have = async (says: number) => {
      const frame = encodeHave({
        nonce: null,
        keys: [first!.blob.key],
        says: Uint8Array.of(says)
      })
      const options = { timeoutMs: secondMs }
      const asking = asker!.node.request(asked!.node.contact(), 'have', frame, options)
      return decodeHeld(await world.sim.run(asking), 1, Uint8Array.of(says))[0]
    }
    assert.deepEqual(await have(1), [3], 'who knows is not told again')
    for (const says of [0, 2, 3]) assert.deepEqual(await have(says), [2, first!.tombstone])
  })

  it('gives up a copy when the R nearest proved theirs, and only after the grace', async () => {
    const world = await RepairSim.make(24, { seed: 23, repair: still })
    await world.store(1)
    const { key } = world.letters[0]!.blob
    const outsider = world.nearest(key, 12).at(-1)!
    await outsider.store.putBlob(world.letters[0]!.blob)
    const holds = async () => (await world.holders(key)).includes(outsider)
    await world.sweep([outsider])
    await world.sim.pass(20 * minuteMs)
    await world.sweep([outsider])
    assert(await holds(), 'the grace is 30 minutes')
    await world.sim.pass(11 * minuteMs)
    const lazy = world.nearest(key)[5]!
    await lazy.store.drop(key)
    lazy.node.serve('put', async () => {
      throw new Error('takes nothing')
    })
    await world.sweep([outsider])
    assert(await holds(), 'one of the nearest lacks it')
    lazy.node.serve('have', async () => encodeHeld([[1, world.sim.random.bytes(32)]]))
    await world.sweep([outsider])
    await world.sim.pass(hourMs)
    assert(await holds(), 'one of the nearest lies')
    assert.equal(outsider.seed.repair.status().dropped, 0)
  })

  it('drops after the grace what is none of its own', async () => {
    const world = await RepairSim.make(24, { seed: 24, repair: still })
    await world.store(3)
    const outsiders = world.letters.map(({ blob }) => world.nearest(blob.key, 12).at(-1)!)
    for (const [i, { store }] of outsiders.entries()) await store.putBlob(world.letters[i]!.blob)
    await world.sweep()
    await world.sim.pass(31 * minuteMs)
    await world.sweep()
    for (const [i, { blob }] of world.letters.entries()) {
      const holders = await world.holders(blob.key)
      assert(!holders.includes(outsiders[i]!))
      assert.equal(holders.length, replicas)
    }
  })

  it('is made good where the nearest holder does nothing, or lies that it has everything', async () => {
    const world = await RepairSim.make(24, { seed: 25, repair: { ...still, share: 1 / 4 } })
    await world.store(40)
    const liar = world.alive[0]!
    liar.node.serve('have', async frame => {
      const { nonce, keys } = decodeHave(frame)
      return encodeHeld(keys.map(() => [1, nonce && world.sim.random.bytes(32)] as const))
    })
    for (const { blob } of world.letters) await liar.store.drop(blob.key)
    const honest = world.alive.slice(1)
    const theirs = world.letters.filter(({ blob }) => world.nearest(blob.key).includes(liar))
    assert(theirs.length > 5)
    for (const { blob } of theirs) {
      const others = world.nearest(blob.key).filter(seed => seed !== liar)
      await others.at(-1)!.store.drop(blob.key)
    }
    for (let i = 0; i < 6; i++) await world.sweep(honest)
    for (const { blob } of theirs) {
      const others = world.nearest(blob.key).filter(seed => seed !== liar)
      const holders = await world.holders(blob.key)
      for (const seed of others) assert(holders.includes(seed), 'all honest ones of the R nearest')
    }
  })

  it('is done by the next holder after a while, when the nearest does nothing at a change', async () => {
    const repair = { ...quick, sweepMs: 1_000 * hourMs, standInMs: 2 * minuteMs }
    const world = await RepairSim.make(20, { seed: 27, repair })
    await world.sim.pass(3 * minuteMs) // they all know each other for long enough
    await world.store(1)
    const { key } = world.letters[0]!.blob
    const [nearest, ...others] = world.nearest(key)
    nearest!.node.request = async () => {
      throw new MuttrError('CANCELLED', 'it does nothing')
    }
    const next = world.nearest(key, 9).at(-1)!
    await world.kill(others[3]!)
    await world.sim.pass(minuteMs)
    assert(!(await world.holders(key)).includes(next), 'it is not their turn yet')
    await world.sim.pass(4 * minuteMs)
    assert((await world.holders(key)).includes(next))
    assert.equal(others[0]!.seed.repair.status().pushed, 1)
  })

  it('is tried once more where one did not answer at the change, though the next one does nothing', async () => {
    const repair = { ...quick, sweepMs: 1_000 * hourMs, standInMs: 2 * minuteMs }
    const world = await RepairSim.make(20, { seed: 27, repair })
    await world.sim.pass(3 * minuteMs)
    await world.store(1)
    const { key } = world.letters[0]!.blob
    const [, second, ...others] = world.nearest(key)
    const next = world.nearest(key, 9).at(-1)!
    second!.node.request = async () => {
      throw new MuttrError('CANCELLED', 'it does nothing')
    }
    const { node } = next
    const answer = node.handler('have')
    node.serve('have', async () => {
      throw new MuttrError('LIMIT_EXCEEDED', 'busy')
    })
    await world.kill(others[3]!)
    await world.sim.pass(minuteMs)
    assert(!(await world.holders(key)).includes(next))
    node.serve('have', answer)
    await world.sim.pass(4 * minuteMs)
    assert((await world.holders(key)).includes(next))
  })

  it('gives to the next nearest what a full one does not take', async () => {
    const world = await RepairSim.make(12, { seed: 28, repair: still })
    await world.store(12)
    const full = addSeed(world.sim, { repair: null, reach: 'dial', capBytes: 500 })
    world.seeds.push(full)
    await world.sim.run(full.seed.join([world.alive[0]!.node.contact()]))
    const its = world.letters.filter(({ blob }) => world.nearest(blob.key).includes(full))
    assert(its.length > 3)
    for (const { blob } of its) await world.nearest(blob.key, 9).at(-1)!.store.drop(blob.key)
    await world.sim.pass(10 * secondMs)
    await world.sweep()
    for (const { blob } of its) {
      const others = world.nearest(blob.key, 9).filter(seed => seed !== full)
      const holders = await world.holders(blob.key)
      for (const seed of others) assert(holders.includes(seed))
    }
  })

  it('counts no copy that its holder did not sign for, and believes no tombstone of another key', async () => {
    const world = await RepairSim.make(12, { seed: 29, repair: still })
    await world.store(2)
    const [{ blob }, other] = world.letters as [Letter, Letter]
    const [first, second, third] = world.nearest(blob.key) as [SimSeed, SimSeed, SimSeed]
    await second.store.drop(blob.key)
    second.node.serve('put', async () => {
      const word = { expiryMs: blob.header.expiryMs, storedMs: world.sim.clock.now() }
      const signature = world.sim.random.bytes(64)
      return encodePutAnswer([0, { ...word, signature, contacts: [] }])
    })
    third.node.serve('have', async frame => {
      const { keys } = decodeHave(frame)
      return encodeHeld(keys.map(() => [2, other.tombstone] as const))
    })
    await world.sweep([first])
    assert.equal(first.seed.repair.status().pushed, 0)
    assert.deepEqual(await first.store.holding([blob.key], world.sim.clock.now()), ['blob'])
    for (const liar of [second, third]) assert(!first.seed.table.has(liar.node.self))
  })

  it('leaves a node alone that keeps nothing for others', async () => {
    const world = await RepairSim.make(9, { seed: 26, repair: null })
    await world.store(1)
    const client = addSeed(world.sim, { mode: 'client', repair: quick })
    await world.sim.run(client.seed.join([world.alive[0]!.node.contact()]))
    await client.store.putBlob(world.letters[0]!.blob)
    await world.sweep([...world.alive, client])
    assert.deepEqual(client.seed.repair.status(), {
      sweeps: 0,
      checked: 0,
      pushed: 0,
      pushedBytes: 0,
      dropped: 0,
      lastSweepMs: null,
      waiting: 0
    })
    assert.equal(world.sim.byMethod.get('have'), undefined)
  })
})
