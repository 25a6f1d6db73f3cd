import assert from 'node:assert/strict'
import { ClientWorld } from '../support/client-world.ts'

describe('a letter between two clients', () => {
  it('goes from alice to bob and says the same there', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const sent = await alice.client.send({ to: 'Bob@One.Test', subject: 'Hi', body: 'Hello, Bob' })
    assert.equal(sent.state, 'announced')
    assert.equal(sent.to, 'bob@one.test')
    assert.equal(sent.sizeBytes, 4_096)
    const { letter } = await bob.seen('opened')
    assert.equal(letter, sent.id)
    const [listed] = await bob.client.inbox()
    assert.equal(listed?.subject, 'Hi')
    assert.equal(listed?.read, false)
    const read = await bob.client.read(sent.id.slice(0, 6))
    assert.equal(read.body, 'Hello, Bob')
    assert.equal(read.read, true)
    assert.deepEqual(read.from, {
      alias: 'alice@one.test',
      fingerprint: alice.person.certificate.fingerprint,
      verified: false,
      certifiedByPod: true
    })
    assert.deepEqual(await bob.client.inbox({ unread: true }), [])
  })
})
