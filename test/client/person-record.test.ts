import assert from 'node:assert/strict'
import { decodeRecord } from '../../src/wire/record.ts'
import { decodePerson, personKey } from '../../src/wire/records/person.ts'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld } from '../support/client-world.ts'

const dayMs = 24 * 3_600_000

describe('the record of a person', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const published = async ({ person }: Tester) => {
    const frame = world.dht.records.get(
      Buffer.from(personKey(person.certificate.pin)).toString('hex')
    )
    return frame && decodePerson(decodeRecord(frame).body).pods
  }
  /** A client that ends lets what is under way be done. */
  const settle = (tester: Tester) => tester.client[Symbol.asyncDispose]()

  it('is not published unless the person wants it', async () => {
    const alice = await world.join('alice')
    await settle(alice)
    assert.equal(await published(alice), undefined)
    assert.equal(world.dht.recordPuts.length, 0)
  })

  it('names pods and aliases, after each registration', async () => {
    const alice = await world.join('alice', { publishAliases: true })
    await alice.client.register('ally@two.test')
    await alice.client.register('al@one.test')
    await settle(alice)
    const seen = (await published(alice))?.map(({ hostname, names }) => [hostname, names])
    assert.deepEqual(seen, [
      ['one.test', ['alice', 'al']],
      ['two.test', ['ally']]
    ])
    const [one] = (await published(alice))!
    assert.equal(one?.fingerprint, world.pod('one.test').person.certificate.fingerprint)
    assert.equal(one?.peer, world.pod('one.test').peer)
  })

  it('is published every day, however often the client starts', async () => {
    const alice = await world.join('alice', { publishAliases: true })
    for (let i = 0; i < 3; i++) await alice.restart()
    await settle(alice)
    assert.equal(world.dht.recordPuts.length, 1)
    world.clock.advance(1.2 * dayMs)
    await alice.restart()
    await settle(alice)
    assert.equal(world.dht.recordPuts.length, 2)
  })

  it('waits for the vault', async () => {
    const alice = await world.join('alice', { publishAliases: true })
    await alice.restart({ locked: true })
    world.clock.advance(2 * dayMs)
    await settle(alice)
    assert.equal(world.dht.recordPuts.length, 1)
    await alice.restart({ locked: true })
    await alice.client.unlock(alice.person)
    await settle(alice)
    assert.equal(world.dht.recordPuts.length, 2)
  })

  it('is taken back, once, when the person no longer wants it', async () => {
    const alice = await world.join('alice', { publishAliases: true })
    await settle(alice)
    assert.equal((await published(alice))?.length, 1)
    alice.publishAliases = false
    for (let i = 0; i < 3; i++) {
      await alice.restart()
      world.clock.advance(2 * dayMs)
    }
    await settle(alice)
    assert.deepEqual(await published(alice), [])
    assert.equal(world.dht.recordPuts.length, 2)
  })
})
