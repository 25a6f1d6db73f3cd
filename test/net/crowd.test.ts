import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { Crowd, Subnets } from '../../src/net/crowd.ts'
import { loadPeerKey } from '../../src/net/peer-key.ts'
import { makeNode, nextEvent } from '../support/net-nodes.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const soon = { timeoutMs: 5_000 }

/** A connection from somewhere, which ends when it is told to. */
function from(address: string): MultiaddrConnection & { end(): void } {
  const events = new EventTarget()
  return Object.assign(events, {
    remoteAddr: multiaddr(address),
    status: 'open',
    end: () => events.dispatchEvent(new Event('close'))
  }) as unknown as MultiaddrConnection & { end(): void }
}
const enterAll = (crowd: Crowd, addresses: string[]) =>
  addresses.map(from).filter(connection => crowd.enter(connection))
const hosts = (count: number) =>
  Array.from({ length: count }, (_, i) => `/ip4/192.0.2.${i + 1}/tcp/1`)

describe('net: a crowd', () => {
  it('has a quarter of the connections from one host, half from one network', () => {
    const crowd = new Crowd(100, new Subnets(false))
    const one = enterAll(crowd, Array(100).fill('/ip4/198.51.100.7/tcp/1000'))
    assert.equal(one.length, 25)
    assert.equal(enterAll(crowd, hosts(200)).length, 50)
    assert.equal(enterAll(crowd, ['/ip4/203.0.113.1/tcp/1']).length, 1)
    const v6 = Array.from({ length: 60 }, (_, i) => `/ip6/2001:db8:5:${i}::1/tcp/1`)
    assert.equal(enterAll(crowd, v6).length, 50)
    assert.equal(enterAll(crowd, Array(40).fill('/ip6/2001:db8:6:1::1/tcp/1')).length, 25)
    one[0]!.end()
    assert.equal(enterAll(crowd, Array(9).fill('/ip4/198.51.100.7/tcp/1')).length, 1)
  })

  it('may be as large as it likes in loopback and private ranges, unless they count', () => {
    const free = new Crowd(24, new Subnets(false))
    const local = ['/ip4/127.0.0.1/tcp/1', '/ip4/192.168.1.1/tcp/1', '/ip6/::1/tcp/1']
    for (const address of [...local, '/ip6/::ffff:10.0.0.1/tcp/1'])
      assert.equal(enterAll(free, Array(100).fill(address)).length, 100)
    const grouped = new Crowd(24, new Subnets(true))
    for (const address of local) assert.equal(enterAll(grouped, Array(100).fill(address)).length, 8)
    assert.equal(new Subnets(true).of(from('/ip4/127.0.0.1/tcp/1')), '127.0.0')
  })

  it('of real connections is held to its share', async () => {
    await using a = await makeNode({ limits: { connections: 8, groupLocal: true } })
    a.serve('echo', async payload => payload)
    await using stack = new AsyncDisposableStack()
    const asked = []
    for (let i = 0; i < 10; i++) {
      const peer = stack.use(await makeNode({ mode: 'client' }))
      asked.push(peer.request(a.contact(), 'echo', Uint8Array.of(1), soon))
    }
    const done = await Promise.allSettled(asked)
    assert.equal(done.filter(({ status }) => status === 'fulfilled').length, 8)
    const [somebody] = a.connected()
    assert.equal(a.subnetOf(somebody!.contact.peer), '127.0.0')
  })
})

describe('net: the peer store', () => {
  it('forgets who cannot be dialled again, once it has left', async () => {
    await using folder = await temporaryFolder()
    await using a = await makeNode({
      privateKey: await loadPeerKey(join(folder.path, 'key')),
      datastore: join(folder.path, 'peers')
    })
    await using server = await makeNode()
    for (const node of [a, server]) node.serve('echo', async payload => payload)
    await a.request(server.contact(), 'echo', Uint8Array.of(1), soon)
    const strangers: string[] = []
    for (let i = 0; i < 5; i++) {
      const stranger = await makeNode({ mode: 'client' })
      strangers.push(stranger.self)
      await stranger.request(a.contact(), 'echo', Uint8Array.of(1), soon)
      const gone = nextEvent(a, 'disconnected', stranger.self)
      await stranger[Symbol.asyncDispose]()
      await gone
    }
    const known = async () => (await a.libp2p.peerStore.all()).map(({ id }) => id.toString())
    while ((await known()).some(peer => strangers.includes(peer)))
      await new Promise(resolve => setImmediate(resolve))
    assert((await known()).includes(server.self))
  })
})

describe('net: caps on bandwidth', () => {
  it('let everything through in time, and count what goes in and out', async () => {
    const bandwidth = { upBytesPerSecond: 2 ** 20, downBytesPerSecond: 2 ** 20 }
    await using a = await makeNode({ limits: { bandwidth } })
    await using b = await makeNode({ limits: { bandwidth } })
    b.serve('size', async payload => Uint8Array.of(payload.byteLength >> 16))
    const payload = new Uint8Array(256 * 1024)
    const asked = Array.from({ length: 6 }, () => a.request(b.contact(), 'size', payload, soon))
    for (const answer of await Promise.all(asked)) assert.deepEqual(answer, Uint8Array.of(4))
    const [mine, theirs] = [a.traffic(), b.traffic()]
    assert(mine.outBytes > 6 * payload.byteLength && mine.outBytes < 6.2 * payload.byteLength)
    assert(theirs.inBytes > 6 * payload.byteLength)
    assert(mine.inBytes < 10_000 && theirs.outBytes < 10_000)
  })
})
