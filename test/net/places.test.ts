import assert from 'node:assert/strict'
import { bestPlaces } from '../../src/net/reach/places.ts'
import { makeNode } from '../support/net-nodes.ts'

const relayed =
  '/ip4/203.0.113.9/tcp/4420/p2p/12D3KooWARdq2qmoWawXfhkzZHgcPg2hgkwT6GFrzGMvuQZHcwdJ/p2p-circuit'

describe('where a device of the same person tries a node', () => {
  it('is in its own network first, then anywhere, then behind a relay', () => {
    const all = [
      '/ip4/127.0.0.1/tcp/4420',
      relayed,
      '/ip6/2001:db8::1/tcp/4420',
      '/ip4/203.0.113.7/tcp/4420',
      '/ip6/fe80::1/tcp/4420',
      '/ip4/172.17.0.1/tcp/4420',
      '/ip4/192.168.1.20/tcp/4420',
      '/ip4/10.0.0.1/tcp/4420'
    ]
    assert.deepEqual(bestPlaces(all, 4), [
      '/ip4/172.17.0.1/tcp/4420',
      '/ip4/192.168.1.20/tcp/4420',
      '/ip4/203.0.113.7/tcp/4420',
      relayed
    ])
  })

  it('is as many places as there is room for, and on its own machine when there is no other', () => {
    const loopback = '/ip4/127.0.0.1/tcp/4420'
    assert.deepEqual(bestPlaces([loopback], 4), [loopback])
    const local = [1, 2, 3].map(i => `/ip4/192.168.1.${i}/tcp/4420`)
    assert.deepEqual(bestPlaces([loopback, ...local], 4), local)
    assert.deepEqual(bestPlaces([relayed, ...local], 2), local.slice(0, 2))
    assert.deepEqual(bestPlaces([], 4), [])
  })

  it('is known of a node that listens; a client has none', async () => {
    await using node = await makeNode()
    assert.deepEqual(node.places(), node.contact().addresses)
    await using client = await makeNode({ mode: 'client' })
    assert.deepEqual(client.places(), [])
  })
})
