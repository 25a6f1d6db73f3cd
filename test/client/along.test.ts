import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import { createCarried } from '../../src/client/carried.ts'
import { makeBlob } from '../../src/wire/blob.ts'
import { ClientWorld, dice, person, quiet } from '../support/client-world.ts'
import { craft, hourMs, post } from '../support/crafted.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { noticeFor } from '../support/pod-world.ts'

const alongBytes = limits.alongBlobBytesMax

describe('a letter that comes along with its notice', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make()
  })
  afterEach(() => world[Symbol.asyncDispose]())
  const posted = async () => {
    const to = (await person('bob')).certificate
    const { blob, slip } = await craft(world, { by: await person('mallory'), to })
    await post(world, blob, slip)
    return blob
  }

  it('is opened without asking the network, and released there', async () => {
    const bob = await world.join('bob', { alongBytes })
    const alice = await world.join('alice')
    world.pod().along = key => world.dht.blobs.get(key)
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'Hello' })
    await bob.seen('opened', ({ letter }) => letter === id)
    assert.equal(world.dht.gets, 0)
    const { key } = await alice.sent(id)
    const { from } = await bob.seen('fetched')
    assert.equal(from, world.pod().peer)
    while (!world.dht.tombstones.has(key!)) {
      world.clock.advance(hourMs)
      await new Promise(setImmediate)
    }
  })

  it('waits for the vault as one that was fetched', async () => {
    const bob = await world.join('bob', { alongBytes })
    await bob.restart({ locked: true })
    await bob.seen('listening')
    world.pod().along = key => world.dht.blobs.get(key)
    await posted()
    await bob.seen('fetched')
    world.dht.blobs.clear()
    await bob.client.unlock(bob.person)
    await bob.seen('opened')
    assert.equal(world.dht.gets, 0)
  })

  it('is fetched when the pod sends something else', async () => {
    const bob = await world.join('bob', { alongBytes })
    world.pod().along = key => {
      const { headerBytes, sealed } = world.dht.blobs.get(key)!
      return { headerBytes, sealed: sealed.toReversed() }
    }
    await posted()
    await bob.seen('opened')
    assert.equal(world.dht.gets, 1)
  })
})

describe('what pods send along', () => {
  const clock = fakeClock()
  const blobOf = (sizeBytes: number, expiryMs = clock.now() + 24 * hourMs) =>
    makeBlob(dice.bytes(sizeBytes), { expiryMs, retract: dice.bytes(32), accept: null })
  const noticesOf = (...blobs: { key: Uint8Array }[]) =>
    blobs.map(({ key }, i) => ({
      ...noticeFor(dice.bytes(32), clock.now(), { key }),
      sequence: i + 1,
      takenMs: clock.now()
    }))

  it('is kept for one reader, when a notice names it, it is in time, and no larger than asked for', () => {
    const carried = createCarried({ clock, log: quiet, wantedBytes: 4_096 })
    const good = blobOf(4_096)
    const unnamed = blobOf(1_024)
    const large = blobOf(4_097)
    const late = blobOf(1_024, clock.now())
    carried.keep([good, unnamed, large, late], noticesOf(good, large, late), 'pod')
    const { blob, from } = carried.take(good.key)!
    assert.deepEqual([blob.sealed, from], [good.sealed, 'pod'])
    for (const { key } of [good, unnamed, large, late]) assert.equal(carried.take(key), undefined)
  })

  it('is bounded: the oldest give way', () => {
    const carried = createCarried({ clock, log: quiet, wantedBytes: alongBytes })
    const blobs = Array.from({ length: 129 }, () => blobOf(alongBytes))
    for (const blob of blobs) carried.keep([blob], noticesOf(blob), 'pod')
    assert.equal(carried.take(blobs[0]!.key), undefined)
    for (const { key } of blobs.slice(1)) assert(carried.take(key))
  })
})
