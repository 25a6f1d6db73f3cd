import assert from 'node:assert/strict'
import { utf8 } from '../../src/base/bytes.ts'
import type { Policy } from '../../src/client/requests/request.ts'
import { armorCertificate } from '../../src/keys/certificate.ts'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld, person } from '../support/client-world.ts'
import { bytesOf, craft, hourMs, post } from '../support/crafted.ts'

const alias = 'alice@two.test'

describe('whom a join link introduced', () => {
  let world: ClientWorld
  let alice: Tester
  let vouched: Record<string, string>
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
    alice = await world.join('alice', { hostname: 'two.test' })
    vouched = { [alias]: alice.person.certificate.fingerprint }
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const newcomer = (requests: Policy = 'ask') => world.join('bob', { requests, vouched })
  const write = () => alice.client.send({ to: 'bob@one.test', body: 'Welcome' })
  const pinned = async (bob: Tester) => {
    await bob.seen('looked-up')
    await bob.client.caughtUp()
    return await bob.client.contacts()
  }
  /** Mallory's letter in Alice's name. */
  async function forge(bob: Tester): Promise<void> {
    const by = await person('mallory')
    const sender = { alias, fingerprint: bytesOf(by.certificate.fingerprint) }
    const { blob, slip } = await craft(world, {
      ...{ by, to: bob.person.certificate, letter: { sender } }
    })
    await post(world, blob, slip)
  }

  it('is a contact at once, whose first letter asks nobody', async () => {
    const bob = await newcomer()
    const [contact] = await pinned(bob)
    assert.deepEqual(
      [contact?.alias, contact?.fingerprint, contact?.invited, contact?.verified, contact?.policy],
      [alias, vouched[alias], true, false, 'pull']
    )
    const letter = await write()
    await bob.seen('opened', ({ letter: id }) => id === letter.id)
    assert.deepEqual(await bob.client.requests(), [])
    assert.deepEqual(
      bob.events.filter(({ type }) => type === 'requested'),
      []
    )
    assert.equal(world.pod('two.test').looked, 1)
  })

  it('whose pod is away is known when it is back, with what they wrote meanwhile', async () => {
    await world.join('bob').then(bob => bob.client[Symbol.asyncDispose]())
    const letter = await write()
    world.pod('two.test').down()
    const bob = await world.join('bob', { requests: 'ignore', vouched })
    await bob.seen('requested')
    assert.deepEqual(await bob.client.contacts(), [])
    assert.deepEqual(await bob.client.inbox(), [], 'the link alone is not believed')
    world.pod('two.test').up()
    bob.client.wake()
    await bob.seen('opened', ({ letter: id }) => id === letter.id)
    assert.deepEqual(await bob.client.requests(), [])
    assert.equal((await pinned(bob))[0]?.invited, true)
  })

  it('is let in when the link comes after the letter', async () => {
    const bob = await world.join('bob', { requests: 'ask' })
    const letter = await write()
    await bob.seen('requested')
    await bob.client[Symbol.asyncDispose]()
    const later = await world.join('bob', { state: bob.state, requests: 'ask', vouched })
    await later.seen('opened', ({ letter: id }) => id === letter.id)
    assert.deepEqual(await later.client.requests(), [])
  })

  it('is nobody while their pod shows another key, and a letter by that key asks with a warning', async () => {
    vouched = { [alias]: '0'.repeat(40) }
    const bob = await newcomer()
    await write()
    await bob.seen('requested')
    const [request] = await bob.client.requests()
    assert.deepEqual(
      [request?.alias, request?.certifiedByPod, request?.invited],
      [alias, true, vouched[alias]]
    )
    assert.deepEqual(await bob.client.contacts(), [])
    await assert.rejects(bob.client.lookup(alias), { code: 'KEY_CHANGED' })
  })

  it('is not who signs with the key of the link alone: their pod has the other word', async () => {
    vouched = { [alias]: (await person('mallory')).certificate.fingerprint }
    const bob = await newcomer('pull')
    await forge(bob)
    await world.pod().acknowledged('bob@one.test', 1)
    await bob.client.caughtUp()
    assert.deepEqual(await bob.client.inbox(), [])
    assert.deepEqual(await bob.client.requests(), [], 'in the name of another')
    assert.deepEqual(await bob.client.contacts(), [])
    assert.equal(world.dht.gets, 0)
  })

  it('does not take the place of a contact, and lets nobody else in under that name', async () => {
    const before = await world.join('bob', { requests: 'ask' })
    await before.client.lookup(alias)
    await before.client[Symbol.asyncDispose]()
    vouched = { [alias]: (await person('mallory')).certificate.fingerprint }
    const bob = await world.join('bob', { state: before.state, requests: 'ask', vouched })
    world.clock.advance(hourMs)
    await forge(bob)
    await bob.seen('refused', ({ code }) => code === 'KEY_CHANGED')
    const [contact, ...more] = await bob.client.contacts()
    assert.deepEqual(more, [])
    assert.deepEqual(
      [contact?.fingerprint, contact?.invited, contact?.changedTo],
      [alice.person.certificate.fingerprint, false, null]
    )
    assert.deepEqual(await bob.client.inbox(), [])
    const key = utf8(armorCertificate((await person('mallory')).certificate))
    await assert.rejects(bob.client.importKey(key, alias), { code: 'KEY_CHANGED' })
  })

  it('is not oneself, who joined by the own card', async () => {
    const before = await world.join('bob')
    await before.client[Symbol.asyncDispose]()
    vouched = { 'bob@one.test': before.person.certificate.fingerprint, ...vouched }
    const bob = await world.join('bob', { state: before.state, register: false, vouched })
    const { alias: first } = await bob.seen('looked-up')
    assert.equal(first, alias)
    assert.deepEqual(
      (await bob.client.contacts()).map(contact => contact.alias),
      [alias]
    )
  })

  it('stays ignored by who said so', async () => {
    const before = await world.join('bob', { requests: 'ask' })
    await before.client.choosePolicy(alias, 'ignore')
    await before.client[Symbol.asyncDispose]()
    const bob = await world.join('bob', { state: before.state, requests: 'ask', vouched })
    await write()
    await world.pod().acknowledged('bob@one.test', 1)
    await bob.client.caughtUp()
    assert.deepEqual(await bob.client.contacts(), [])
    assert.deepEqual(await bob.client.requests(), [])
    assert.equal(world.pod('two.test').looked, 0, 'nobody is asked either')
  })
})
