import assert from 'node:assert/strict'
import type { Contact } from '../../src/base/ports.ts'
import { makeNode } from '../support/net-nodes.ts'

describe('net: seeds on one network find each other by mdns', () => {
  it('nobody told either of the other, and a request goes through', async () => {
    const heard = Promise.withResolvers<Contact>()
    const listen = ['/ip4/0.0.0.0/tcp/0']
    await using a = await makeNode({ listen, mdns: true })
    await using b = await makeNode({
      listen,
      mdns: true,
      onCandidate: contact => contact.peer === a.self && heard.resolve(contact)
    })
    a.serve('echo', async (payload, from) => {
      assert.equal(from, b.self)
      return payload
    })
    const contact = await heard.promise
    const sent = new Uint8Array([1, 2, 3])
    assert.deepEqual(await b.request(contact, 'echo', sent, { timeoutMs: 5_000 }), sent)
  })

  it('who does not want it is not told and is not found', async () => {
    const [heard, strangers] = [Promise.withResolvers<Contact>(), [] as string[]]
    const listen = ['/ip4/0.0.0.0/tcp/0']
    const note = ({ peer }: Contact) => void strangers.push(peer)
    await using quiet = await makeNode({ listen, mdns: false, onCandidate: note })
    await using a = await makeNode({ listen, mdns: true })
    await using b = await makeNode({
      listen,
      mdns: true,
      onCandidate: contact => {
        note(contact)
        if (contact.peer === a.self) heard.resolve(contact)
      }
    })
    assert.equal((await heard.promise).peer, a.self)
    assert.ok(!strangers.includes(quiet.self) && !strangers.includes(b.self))
  })
})
