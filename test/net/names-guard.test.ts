import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { promisify } from 'node:util'
import type { MultiaddrResolver } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { Crowd, Subnets } from '../../src/net/crowd.ts'
import { createLookups } from '../../src/net/transport/names.ts'
import { quickTcp } from '../../src/net/transport/tcp.ts'
import { makeNode } from '../support/net-nodes.ts'

const soon = { timeoutMs: 5_000 }
const limits = { groupLocal: false }
const places: Record<string, [string, 4 | 6][]> = {
  'evil.pods': [['127.0.0.1', 4]],
  'router.pods': [
    ['192.168.1.1', 4],
    ['fe80::1', 6],
    ['64:ff9b::c0a8:101', 6],
    ['2002:c0a8:101::1', 6],
    ['2001::3f57:fefe', 6]
  ],
  'good.pods': [
    ['10.0.0.1', 4],
    ['192.0.2.7', 4],
    ['192.0.2.8', 4],
    ['2a00:1::4', 6]
  ],
  // Nobody connects to such addresses, and that is known at once.
  'nobody.pods': [
    ['224.0.0.1', 4],
    ['192.168.1.1', 4],
    ['224.0.0.2', 4]
  ]
}
const lookup: LookupFunction = (hostname, { family }, done) => {
  const all = (places[hostname] ?? []).map(([address, family]) => ({ address, family }))
  done(
    null,
    all.filter(one => family === 0 || one.family === family)
  )
}

const logger = Object.assign(() => {}, { error() {}, trace() {}, newScope: () => logger })
const tcpBy = (lookups: ReturnType<typeof createLookups>) =>
  quickTcp(
    new Crowd(2, new Subnets(false)),
    lookups
  )({
    logger: { forComponent: () => logger }
  } as never)

describe('names that others name', () => {
  const lookups = createLookups({ named: ['/dns/Own.pods/tcp/4420'], lookup })
  const at = async (text: string) => {
    const found = promisify(lookups(multiaddr(text))!) as unknown as (
      host: string,
      o: object
    ) => Promise<{ address: string }[]>
    return (await found(text.split('/')[2]!, { all: true })).map(({ address }) => address)
  }

  it('lead to their public addresses, all of them', async () => {
    assert.deepEqual(await at('/dns/good.pods/tcp/4420'), ['192.0.2.7', '192.0.2.8', '2a00:1::4'])
    assert.deepEqual(await at('/dns6/good.pods/tcp/1'), ['2a00:1::4'])
    assert.deepEqual(await at('/dns4/good.pods/tcp/1'), ['192.0.2.7', '192.0.2.8'])
    for (const name of ['dns/evil.pods', 'dns4/router.pods', 'dns6/router.pods', 'dns/none.pods'])
      await assert.rejects(at(`/${name}/tcp/22`), /public/)
  })

  it('are our own where our own files name them, and so are numbers', async () => {
    for (const text of ['/dns/own.pods/tcp/4420', '/dns4/OWN.pods/tcp/1', '/ip4/127.0.0.1/tcp/1'])
      assert.equal(lookups(multiaddr(text)), undefined)
  })

  it('are dialled at one address after the other', async () => {
    const transport = tcpBy(lookups)
    const dialled = transport.dial(multiaddr('/dns/nobody.pods/tcp/1'), {
      ...{ signal: AbortSignal.timeout(soon.timeoutMs), upgrader: {} as never }
    })
    const { errors } = await dialled.then(
      () => assert.fail('somebody is there'),
      (err: AggregateError) => err
    )
    assert.deepEqual(
      errors.map(err => err.address),
      ['224.0.0.1', '224.0.0.2']
    )
  })

  it('are waited for no longer than the dial', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const silent = createLookups({ named: [], lookup: () => resolve() })
    const transport = tcpBy(silent)
    const over = new AbortController()
    const dialled = transport.dial(multiaddr('/dns/good.pods/tcp/1'), {
      ...{ signal: over.signal, upgrader: {} as never }
    })
    await promise
    over.abort()
    await assert.rejects(dialled, { name: 'AbortError' })
  })

  it('do not make a node dial its own machine, unless the network lives there', async () => {
    await using a = await makeNode()
    const port = /\/tcp\/(\d+)$/.exec(a.contact().addresses[0]!)![1]
    const contact = { peer: a.self, addresses: [`/dns4/evil.pods/tcp/${port}`] }
    a.serve('echo', async payload => payload)
    const guard = { named: [], lookup }
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

  it('are not asked for addresses that they have written down, unless our own files name them', async () => {
    await using a = await makeNode()
    const asked: string[] = []
    const dnsaddr: MultiaddrResolver = {
      canResolve: address => `${address}`.startsWith('/dnsaddr/'),
      async resolve(address) {
        asked.push(`${address}`)
        return [multiaddr(`${a.contact().addresses[0]}/p2p/${a.self}`)]
      }
    }
    await using b = await makeNode({ guard: { named: ['/dnsaddr/own.pods'], dnsaddr }, limits })
    for (const address of ['/dnsaddr/evil.pods', `/dnsaddr/evil.pods/p2p/${a.self}`])
      await assert.rejects(b.dial(address, soon), { code: 'PEER_UNREACHABLE' })
    assert.deepEqual(asked, [])
    assert.equal((await b.dial('/dnsaddr/own.pods', soon)).peer, a.self)
  })
})
