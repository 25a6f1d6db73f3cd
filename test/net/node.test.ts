import assert from 'node:assert/strict'
import type { Contact, Handler } from '../../src/base/ports.ts'
import { createLog } from '../../src/net/log.ts'
import type { Node, NodeInit } from '../../src/net/node.ts'
import { createNode } from '../../src/net/node.ts'
import { makePeerKey } from '../../src/net/peer-key.ts'

const level = process.env.MUTTR_TEST_LOG === 'debug' ? 'debug' : 'silent'
const log = createLog({ level, write: line => console.error(line) })
const listen = ['/ip4/127.0.0.1/tcp/0']

const makeNode = async (init: Partial<NodeInit> = {}): Promise<Node> =>
  createNode({
    privateKey: await makePeerKey(),
    listen: init.mode === 'client' ? [] : listen,
    mode: 'server',
    datastore: null,
    log,
    ...init
  })

const echo: Handler = async payload => payload
const soon = { timeoutMs: 5_000 }
const bytes = (size: number, fill = 7) => new Uint8Array(size).fill(fill)

describe('net: two nodes over tcp, noise and yamux', () => {
  it('a request is answered, small and large, both ways over one connection', async () => {
    await using a = await makeNode()
    await using b = await makeNode()
    a.serve('echo', echo)
    b.serve('echo', async (payload, from) => {
      assert.equal(from, a.self)
      return payload
    })
    for (const size of [0, 1, 8_192, 8_193, 16_384, 262_144, 327_680])
      assert.deepEqual(await a.request(b.contact(), 'echo', bytes(size), soon), bytes(size))
    const noAddress: Contact = { peer: a.self, addresses: [] }
    assert.deepEqual(await b.request(noAddress, 'echo', bytes(300_000), soon), bytes(300_000))
    assert.equal(b.libp2p.getConnections().length, 1)
  })
})
