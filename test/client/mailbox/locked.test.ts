import assert from 'node:assert/strict'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld } from '../../support/client-world.ts'

const dayMs = 24 * 3_600_000

describe('while the vault is locked', () => {
  let world: ClientWorld
  let alice: Tester
  let bob: Tester

  beforeEach(async () => {
    world = await ClientWorld.make()
    alice = await world.join('alice')
    bob = await world.join('bob')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const send = async (body: string) => {
    const sent = await alice.client.send({ to: 'bob@one.test', body })
    await bob.seen('fetched', ({ key }) => key === sent.key)
    return sent
  }
  const rows = async (table: string) => (await bob.state.list(table)).length

  it('letters are fetched and kept sealed, and are there when it opens with the network gone', async () => {
    bob.client.lock()
    const [first, second] = [await send('one'), await send('two')]
    assert.deepEqual([await rows('fetched'), await rows('mail')], [2, 0])
    await bob.restart({ locked: true })
    world.dht.blobs.clear()
    await bob.client.unlock(bob.person)
    for (const { id } of [first, second]) await bob.seen('opened', ({ letter }) => letter === id)
    assert.deepEqual(
      (await bob.client.inbox()).map(({ id }) => id).toSorted(),
      [first.id, second.id].toSorted()
    )
    assert.equal((await bob.client.read(second.id)).body, 'two')
    assert.deepEqual([await rows('fetched'), await rows('fetched-sizes')], [0, 0])
  })

  it('a letter is kept also when it has expired in the network since', async () => {
    bob.client.lock()
    const { id } = await send('late')
    world.clock.advance(40 * dayMs)
    await bob.client.unlock(bob.person)
    await bob.seen('opened', ({ letter }) => letter === id)
    assert.equal((await bob.client.read(id)).body, 'late')
    assert.equal(await rows('fetched'), 0)
  })

  it('a letter that was spoiled on the disk is fetched again', async () => {
    bob.client.lock()
    const { id } = await send('again')
    const [kept] = await bob.state.list('fetched')
    const value = kept!.value.slice(0, -1)
    await bob.state.write([{ type: 'put', table: 'fetched', key: kept!.key, value }])
    await bob.client.unlock(bob.person)
    await bob.seen('opened', ({ letter }) => letter === id)
    assert.equal(world.dht.gets, 2)
  })

  it('what is under way goes on, and what is learned of people then is kept', async () => {
    await alice.client.lookup('bob@one.test')
    world.pod().down()
    const sent = await alice.client.send({ to: 'bob@one.test', body: 'hello' })
    assert.equal(sent.state, 'stored')
    // Where notices go is asked anew, and who has no key to the closet writes it down in the clear.
    world.clock.advance(2 * 3_600_000)
    await alice.restart({ locked: true })
    world.pod().up()
    alice.client.wake()
    await alice.seen('announced', ({ letter }) => letter === sent.id)
    await alice.seen('looked-up')
    await assert.rejects(alice.client.contacts(), { code: 'VAULT_LOCKED' })
    await alice.client.unlock(alice.person)
    assert.deepEqual(
      (await alice.client.contacts()).map(({ alias }) => alias),
      ['bob@one.test']
    )
  })
})
