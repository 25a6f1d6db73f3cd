import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import { createResolver } from '../../src/net/transport/names.ts'
import { makeNode } from '../support/net-nodes.ts'

const soon = { timeoutMs: 5_000 }
const places: Record<string, [string, 4 | 6][]> = {
  'evil.pods': [['127.0.0.1', 4]],
  'router.pods': [
    ['192.168.1.1', 4],
    ['fe80::1', 6]
  ],
  'good.pods': [
    ['10.0.0.1', 4],
    ['192.0.2.7', 4],
    ['2a00:1::4', 6]
  ],
  'own.pods': [['127.0.0.1', 4]]
}
const lookup: LookupFunction = (hostname, { family }, done) => {
  const all = (places[hostname] ?? []).map(([address, family]) => ({ address, family }))
  done(
    null,
    all.filter(one => family === 0 || one.family === family)
  )
}

describe('names that others name', () => {
  const resolve = createResolver({ named: ['/dns/own.pods/tcp/4420'], lookup })
  const at = async (text: string) => (await resolve(multiaddr(text))).toString()

  it('lead to public addresses, to the very one that was looked at', async () => {
    assert.equal(await at('/dns/good.pods/tcp/4420'), '/ip4/192.0.2.7/tcp/4420')
    assert.equal(await at('/dns6/good.pods/tcp/1'), '/ip6/2a00:1::4/tcp/1')
    const peer = '12D3KooWMLJQESN5aAwZ1GwD5AKJjkPeB6F6kFitawPotYqjhvVj'
    assert.equal(await at(`/dns4/good.pods/tcp/1/p2p/${peer}`), `/ip4/192.0.2.7/tcp/1/p2p/${peer}`)
    for (const name of ['dns/evil.pods', 'dns4/router.pods', 'dns6/router.pods', 'dns/none.pods'])
      await assert.rejects(at(`/${name}/tcp/22`), /public/)
  })

  it('are our own where our own files name them, and so are numbers', async () => {
    for (const text of ['/dns/own.pods/tcp/4420', '/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1'])
      assert.equal(await at(text), text)
  })

  it('do not make a node dial its own machine, unless the network lives there', async () => {
    await using a = await makeNode()
    const port = /\/tcp\/(\d+)$/.exec(a.contact().addresses[0]!)![1]
    const contact = { peer: a.self, addresses: [`/dns4/evil.pods/tcp/${port}`] }
    a.serve('echo', async payload => payload)
    const [limits, guard] = [{ groupLocal: false }, { named: [], lookup }]
    await using b = await makeNode({ guard, limits })
    await assert.rejects(b.request(contact, 'echo', new Uint8Array(1), soon), {
      code: 'PEER_UNREACHABLE'
    })
    await using known = await makeNode({
      limits,
      guard: { named: [`/dns4/localhost/tcp/${port}`], lookup }
    })
    const own = { peer: a.self, addresses: [`/dns4/localhost/tcp/${port}`] }
    assert.equal((await known.request(own, 'echo', new Uint8Array(1), soon)).byteLength, 1)
  })
})
