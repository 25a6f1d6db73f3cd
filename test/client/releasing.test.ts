import assert from 'node:assert/strict'
import { encodeTombstone, readTombstone } from '../../src/wire/tombstone.ts'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld } from '../support/client-world.ts'

const letter = { to: 'bob@one.test', subject: 'Hi', body: 'Hello' }
const dayMs = 24 * 3_600_000

describe('a letter that was opened', () => {
  let world: ClientWorld
  let alice: Tester
  beforeEach(async () => {
    world = await ClientWorld.make()
    alice = await world.join('alice')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** Lets time pass in which alice asks the holders. */
  const accepted = async (id: string) => {
    const seen = alice.seen('accepted', e => e.letter === id)
    world.clock.advance(10_000)
    return await seen
  }

  it('is accepted by itself, and the sender sees that with a signed receipt', async () => {
    const bob = await world.join('bob')
    const sent = await alice.client.send({ ...letter, receipt: true })
    const released = await bob.seen('released')
    assert.deepEqual([released.key, released.receipt, released.took], [sent.key, true, 8])
    assert.equal((await accepted(sent.id)).receipt, true)
    const now = await alice.sent(sent.id)
    assert.deepEqual(
      [now.state, now.receiptRequested, now.accepted?.receipt?.fingerprint],
      ['accepted', true, bob.person.certificate.fingerprint]
    )
    assert.equal(now.accepted?.receipt?.atMs, (await bob.client.inbox())[0]?.receivedMs)
    assert.equal((await bob.client.inbox())[0]?.receiptRequested, true)
  })

  it('is accepted without a receipt when none was asked for, or the reader gives none', async () => {
    const bob = await world.join('bob')
    const carol = await world.join('carol', { receipts: 'nobody' })
    const dave = await world.join('dave', { receipts: 'verified' })
    for (const [to, receipt] of [
      [bob, false],
      [carol, true],
      [dave, true]
    ] as const) {
      const at = to === bob ? 'bob' : to === carol ? 'carol' : 'dave'
      const sent = await alice.client.send({ ...letter, to: `${at}@one.test`, receipt })
      assert.equal((await to.seen('released')).receipt, false)
      assert.equal((await accepted(sent.id)).receipt, false)
      assert.deepEqual((await alice.sent(sent.id)).accepted, { receipt: null })
    }
    await dave.client.verify('alice@one.test')
    const sent = await alice.client.send({ ...letter, to: 'dave@one.test', receipt: true })
    assert.equal((await dave.seen('released', e => e.key === sent.key)).receipt, true)
  })

  it('reaches a reader whose mailbox was full, because it is announced anew', async () => {
    const bob = await world.join('bob')
    const pod = world.pods.get('one.test')!
    pod.isFull = true
    const sent = await alice.client.send(letter)
    assert.equal(sent.state, 'announced')
    const firstMs = sent.announced!.atMs
    pod.isFull = false
    const opened = bob.seen('opened')
    world.clock.advance(dayMs)
    await opened
    assert.equal((await accepted(sent.id)).receipt, false)
    const now = await alice.sent(sent.id)
    assert.deepEqual([pod.submitted, now.announced!.atMs], [2, firstMs + dayMs])
    assert.equal((await bob.client.inbox()).length, 1)
  })

  it('is released after a kill, and after the network was away, until enough holders took it', async () => {
    const bob = await world.join('bob')
    world.dht.releaseFails = 'NETWORK_EMPTY'
    const sent = await alice.client.send(letter)
    await bob.seen('opened')
    bob.kill()
    world.dht.releaseFails = null
    world.dht.releaseTakers = 3
    await bob.revive()
    assert.equal((await bob.seen('released')).took, 3)
    world.dht.releaseTakers = 8
    world.clock.advance(60_000)
    await bob.seen('released', ({ took }) => took === 8)
    const { releases } = world.dht
    world.clock.advance(dayMs)
    await bob.restart()
    assert.equal(world.dht.releases, releases)
    assert.equal((await accepted(sent.id)).letter, sent.id)
  })

  it('waits for the vault with the receipt', async () => {
    const bob = await world.join('bob')
    world.dht.releaseFails = 'NETWORK_EMPTY'
    await alice.client.send({ ...letter, receipt: true })
    await bob.seen('opened')
    bob.kill()
    await bob.revive({ locked: true })
    world.dht.releaseFails = null
    world.clock.advance(60_000)
    await bob.client.unlock(bob.person)
    world.clock.advance(1_000) // it may have been tried a moment before the unlock
    assert.equal((await bob.seen('released')).receipt, true)
  })

  it('shows a receipt that came while the vault was locked', async () => {
    const bob = await world.join('bob')
    const sent = await alice.client.send({ ...letter, receipt: true })
    await bob.seen('released')
    await alice.restart({ locked: true })
    assert.equal((await accepted(sent.id)).receipt, false)
    await alice.client.unlock(alice.person)
    const now = await alice.client.sentLetter(sent.id)
    assert.equal(now.accepted?.receipt?.fingerprint, bob.person.certificate.fingerprint)
  })

  it('shows no receipt that another made, or that is for another letter, and finds the true one beside it', async () => {
    const bob = await world.join('bob')
    world.dht.releaseFails = 'NETWORK_EMPTY'
    const [one, two] = [
      await alice.client.send({ ...letter, receipt: true }),
      await alice.client.send({ ...letter, receipt: true })
    ]
    for (const { id } of [one, two]) await bob.seen('opened', e => e.letter === id)
    await alice.client[Symbol.asyncDispose]()
    world.dht.releaseFails = null
    world.clock.advance(60_000)
    for (const { key } of [one, two]) await bob.seen('released', e => e.key === key)
    const [first, second] = [one, two].map(({ key }) =>
      readTombstone(world.dht.tombstones.get(key!)!)
    )
    const swapped = encodeTombstone({ ...first!, receipt: second!.receipt })
    const real = world.dht.tombstones.get(one.key!)!
    world.dht.tombstones.set(one.key!, swapped)
    await alice.restart()
    assert.equal((await accepted(one.id)).receipt, false)
    assert.deepEqual((await alice.sent(one.id)).accepted, { receipt: null })
    world.dht.tombstones.set(one.key!, real)
    const now = await alice.client.sentLetter(one.id)
    assert(now.accepted?.receipt)
  })
})
