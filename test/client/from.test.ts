import assert from 'node:assert/strict'
import { ClientWorld } from '../support/client-world.ts'

describe('the alias a letter is from', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('is the one that an answered letter was written to, else the oldest, else the one asked for', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    await bob.client.register('bob@two.test')
    const first = await alice.client.send({ to: 'bob@two.test', body: 'Dear Bob of two' })
    await bob.seen('opened', e => e.letter === first.id)
    const to = 'alice@one.test'
    const answer = await bob.client.send({ to, body: 'Yes', parent: first.id })
    const fresh = await bob.client.send({ to, body: 'Another thing' })
    const chosen = await bob.client.send({ to, body: 'A third', from: 'Bob@Two.test' })
    assert.deepEqual(
      [answer.from, fresh.from, chosen.from],
      ['bob@two.test', 'bob@one.test', 'bob@two.test']
    )
    await alice.seen('opened', e => e.letter === answer.id)
    assert.equal((await alice.client.read(answer.id)).from.alias, 'bob@two.test')
    const again = await alice.client.send({ to: 'bob@two.test', body: 'So', parent: answer.id })
    assert.equal(again.from, 'alice@one.test')
  })

  it('is never somebody else’s', async () => {
    const alice = await world.join('alice')
    await world.join('bob')
    const draft = { to: 'bob@one.test', body: 'x' }
    for (const from of ['bob@one.test', 'alice@two.test', 'nobody'])
      await assert.rejects(alice.client.send({ ...draft, from }), { code: 'ALIAS_INVALID' })
  })
})
