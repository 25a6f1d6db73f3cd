import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { expiryAt } from '../../src/wire/blob.ts'
import { ClientWorld, person } from '../support/client-world.ts'
import { craft, hourMs, post } from '../support/crafted.ts'
import { fillingState } from '../support/filling-state.ts'

describe('fetching', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const bobs = async () => (await person('bob')).certificate

  it('tries again when a letter cannot be found, until it is there', async () => {
    const bob = await world.join('bob')
    const { blob, slip } = await craft(world, { by: await person('mallory'), to: await bobs() })
    await post(world, { key: blob.key }, slip)
    await world.pod().acknowledged('bob@one.test', 1)
    while (world.dht.gets === 0) await new Promise(setImmediate)
    await bob.restart()
    world.dht.blobs.set(toHex(blob.key), blob)
    world.clock.advance(10_000)
    await bob.seen('opened')
  })

  it('forgets a letter that is not found before it expires', async () => {
    const bob = await world.join('bob')
    const { blob, slip } = await craft(world, { by: await person('mallory'), to: await bobs() })
    await post(world, { key: blob.key }, slip, { expiryMs: expiryAt(world.clock.now() + hourMs) })
    await world.pod().acknowledged('bob@one.test', 1)
    world.clock.advance(2 * hourMs)
    await bob.restart()
    world.dht.blobs.set(toHex(blob.key), blob)
    const gets = world.dht.gets
    world.clock.advance(hourMs)
    await bob.restart()
    assert.equal(world.dht.gets, gets)
  })

  it('goes on after a kill between the notice and the letter', async () => {
    const bob = await world.join('bob')
    const { blob, slip } = await craft(world, { by: await person('mallory'), to: await bobs() })
    world.dht.getFails = 'PEER_TIMEOUT'
    await post(world, blob, slip)
    await world.pod().acknowledged('bob@one.test', 1)
    bob.kill()
    world.dht.getFails = null
    await bob.revive()
    await bob.seen('opened')
  })

  it('does not tell the pod that it has a notice before that is on the disk', async () => {
    const bob = await world.join('bob')
    const { blob, slip } = await craft(world, { by: await person('mallory'), to: await bobs() })
    bob.kill()
    void post(world, blob, slip)
    await bob.revive()
    await bob.seen('opened')
    assert.equal(world.pod().accounts.get('bob@one.test')?.notices.length, 1)
  })

  it('leaves a notice with the pod while the disk is full, however often it is told', async () => {
    const { state, disk } = fillingState()
    const bob = await world.join('bob', { state })
    const { blob, slip } = await craft(world, { by: await person('mallory'), to: await bobs() })
    disk.isFull = true
    await assert.rejects(post(world, blob, slip), { code: 'DISK_FULL' })
    for (let i = 0; i < 3; i++)
      await assert.rejects(world.pod().replay('bob@one.test'), { code: 'DISK_FULL' })
    disk.isFull = false
    await world.pod().replay('bob@one.test')
    await bob.seen('opened')
    assert.equal((await bob.client.inbox()).length, 1)
  })

  it('fetches letters with a locked vault, and opens them after, with no network', async () => {
    const bob = await world.join('bob')
    await bob.restart({ locked: true })
    await bob.seen('listening')
    const { blob, slip } = await craft(world, { by: await person('mallory'), to: await bobs() })
    await post(world, blob, slip)
    await world.pod().acknowledged('bob@one.test', 1)
    await bob.seen('fetched')
    assert.equal((await bob.client.status()).locked, true)
    await bob.restart({ locked: true })
    assert.equal(world.dht.gets, 1)
    world.dht.blobs.clear()
    await bob.client.unlock(bob.person)
    await bob.seen('opened')
    assert.equal((await bob.client.inbox()).length, 1)
  })

  it('does not let many strangers make it fetch without end', async () => {
    const bob = await world.join('bob')
    const by = await person('mallory')
    const to = await bobs()
    for (let i = 0; i < 70; i++) {
      const { blob, slip } = await craft(world, { by, to })
      await post(world, { key: blob.key }, slip)
    }
    await world.pod().acknowledged('bob@one.test', 70)
    await bob.restart()
    assert.ok(world.dht.gets <= 130, `${world.dht.gets}`) // a burst of 60 for each of two runs
  })

  it('finds letters by the beginning of their id, when that says which', async () => {
    const bob = await world.join('bob')
    const alice = await world.join('alice')
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'Hello' })
    await bob.seen('opened')
    assert.equal((await bob.client.read(id.slice(0, 4).toUpperCase())).id, id)
    for (const wrong of ['', id.slice(0, 3), 'zzzz', 'f'.repeat(70), `${id}x`, '../../etc'])
      await assert.rejects(bob.client.read(wrong), { code: 'LETTER_UNKNOWN' }, wrong)
  })
})
