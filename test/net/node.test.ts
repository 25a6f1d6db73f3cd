import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { Handler } from '../../src/base/ports.ts'
import { makePeerKey } from '../../src/net/peer-key.ts'
import type { Frame } from '../../src/wire/channel.ts'
import { decodeFrame, FrameReader } from '../../src/wire/channel.ts'
import { makeNode, nextEvent, noAddress } from '../support/net-nodes.ts'

const echo: Handler = async payload => payload
const soon = { timeoutMs: 5_000 }
const filled = (size: number, fill = 7) => new Uint8Array(size).fill(fill)

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
      assert.deepEqual(await a.request(b.contact(), 'echo', filled(size), soon), filled(size))
    const answer = await b.request(noAddress(a), 'echo', filled(300_000), soon)
    assert.deepEqual(answer, filled(300_000))
    assert.equal(b.libp2p.getConnections().length, 1)
  })

  it('blobs both ways and small requests pass each other', async () => {
    await using a = await makeNode()
    await using b = await makeNode()
    a.serve('echo', echo)
    b.serve('echo', echo)
    const ask = (from: typeof a, to: typeof b, size: number, fill: number) =>
      from.request(to.contact(), 'echo', filled(size, fill), { timeoutMs: 15_000 })
    await ask(a, b, 1, 1)
    const large = Array.from({ length: 24 }, (_, i) =>
      i % 2 ? ask(a, b, 262_144, i) : ask(b, a, 262_144, i)
    )
    for (let i = 0; i < 50; i++) assert.deepEqual(await ask(a, b, 100, i), filled(100, i))
    for (const [i, answer] of (await Promise.all(large)).entries())
      assert.deepEqual(answer, filled(262_144, i))
  })

  it('greets: who is there, whether it serves, and where it can be dialled', async () => {
    await using a = await makeNode()
    await using b = await makeNode({ mode: 'client' })
    b.serve('echo', echo)
    assert.deepEqual(b.contact(), noAddress(b))
    assert.match(a.contact().addresses[0]!, /^\/ip4\/127\.0\.0\.1\/tcp\/\d+$/)
    const atA = nextEvent(a, 'connected', b.self)
    const atB = nextEvent(b, 'connected', a.self)
    await assert.rejects(b.request(a.contact(), 'echo', filled(1), soon), {
      code: 'METHOD_UNKNOWN'
    })
    const seenByB = { contact: a.contact(), server: true }
    assert.deepEqual(await atB, { type: 'connected', ...seenByB })
    assert.deepEqual(await atA, { type: 'connected', contact: noAddress(b), server: false })
    assert.deepEqual(b.connected(), [seenByB])
    assert.ok(a.isConnected(b.self) && b.isConnected(a.self))
    await assert.rejects(a.request(noAddress(b), 'echo', filled(1), soon), {
      code: 'METHOD_UNKNOWN'
    })
  })

  it('both dial each other at once, and both are answered', async () => {
    await using a = await makeNode()
    await using b = await makeNode()
    a.serve('echo', echo)
    b.serve('echo', echo)
    const answers = await Promise.all([
      ...Array.from({ length: 10 }, (_, i) => a.request(b.contact(), 'echo', filled(i), soon)),
      ...Array.from({ length: 10 }, (_, i) => b.request(a.contact(), 'echo', filled(i), soon))
    ])
    assert.equal(answers.length, 20)
    assert.equal(a.connected().length, 1)
  })

  it('when the other side dies, what waits fails at once, and later requests find it again', async () => {
    await using a = await makeNode()
    const privateKey = await makePeerKey()
    const first = await makeNode({ privateKey })
    const to = first.contact()
    const { promise: asked, resolve } = Promise.withResolvers<void>()
    first.serve('slow', () => {
      resolve()
      return new Promise(() => {})
    })
    const connected = nextEvent(a, 'connected', to.peer)
    const waiting = assert.rejects(a.request(to, 'slow', filled(1), { timeoutMs: 60_000 }), {
      code: 'PEER_CLOSED'
    })
    await Promise.all([asked, connected])
    const gone = nextEvent(a, 'disconnected', to.peer)
    await first[Symbol.asyncDispose]()
    const [{ inPeace }] = await Promise.all([gone, waiting])
    assert.equal(inPeace, false, 'its neighbours are to notice')
    assert.ok(!a.isConnected(to.peer))
    await assert.rejects(a.request(to, 'echo', filled(1), soon), { code: 'PEER_UNREACHABLE' })
    await using second = await makeNode({ privateKey, listen: [...to.addresses] })
    second.serve('echo', echo)
    assert.deepEqual(await a.request(to, 'echo', filled(1), soon), filled(1))
  })

  it('nobody there, nobody known, another peer there, oneself: PEER_UNREACHABLE', async () => {
    await using a = await makeNode()
    await using b = await makeNode()
    const gone = await makeNode()
    const contact = gone.contact()
    await gone[Symbol.asyncDispose]()
    const refused = { code: 'PEER_UNREACHABLE' }
    const ask = (to: typeof contact) => a.request(to, 'echo', filled(1), soon)
    await assert.rejects(ask(contact), refused)
    await assert.rejects(ask(noAddress(gone)), refused)
    await assert.rejects(ask({ peer: gone.self, addresses: b.contact().addresses }), refused)
    await assert.rejects(ask(a.contact()), refused)
    await assert.rejects(ask({ peer: gone.self, addresses: ['nonsense'] }), refused)
    await assert.rejects(ask({ peer: 'nobody', addresses: [] }), { code: 'WIRE_MALFORMED' })
    const address = contact.addresses[0]!
    await assert.rejects(a.open(contact, '/muttr/pod/1', soon), refused)
    await assert.rejects(a.dial(address, soon), refused)
    await assert.rejects(a.dial('nonsense', soon), { code: 'WIRE_MALFORMED' })
  })

  it('one that takes the connection and says nothing: PEER_TIMEOUT, or CANCELLED', async () => {
    await using a = await makeNode()
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise(resolve => silent.once('listening', resolve))
    const { port } = silent.address() as { port: number }
    const peer = String(peerIdFromPrivateKey(await makePeerKey()))
    const to = { peer, addresses: [`/ip4/127.0.0.1/tcp/${port}`] }
    await assert.rejects(a.request(to, 'echo', filled(1), { timeoutMs: 100 }), {
      code: 'PEER_TIMEOUT'
    })
    const control = new AbortController()
    const asked = a.request(to, 'echo', filled(1), { ...soon, signal: control.signal })
    control.abort()
    await assert.rejects(asked, { code: 'CANCELLED' })
    await assert.rejects(a.request(to, 'echo', filled(1), { ...soon, signal: control.signal }), {
      code: 'CANCELLED'
    })
    silent.close()
  })

  it('dials an address, with or without a peer id, and learns who answers', async () => {
    await using a = await makeNode()
    await using b = await makeNode()
    const address = b.contact().addresses[0]!
    const connected = nextEvent(a, 'connected', b.self)
    assert.deepEqual(await a.dial(address, soon), b.contact())
    await connected
    assert.deepEqual(await a.dial(`${address}/p2p/${b.self}`, soon), b.contact())
    await assert.rejects(a.dial(`${address}/p2p/${a.self}`, soon), { code: 'PEER_UNREACHABLE' })
  })
})

describe('net: a private session', () => {
  const protocol = '/muttr/pod/1'

  it('asks and answers both ways on a stream of its own, with a client too', async () => {
    await using pod = await makeNode()
    await using device = await makeNode({ mode: 'client' })
    const ended = Promise.withResolvers<void>()
    pod.accept(protocol, session => {
      assert.equal(session.peer, device.self)
      session.serve(async (method, payload) => {
        assert.equal(method, 'submit')
        return session.request('push', payload, soon)
      })
      session.closed.then(ended.resolve)
    })
    const session = await device.open(pod.contact(), protocol, soon)
    session.serve(async (method, payload) => (method === 'push' ? payload : filled(0)))
    for (const size of [3, 200_000])
      assert.deepEqual(await session.request('submit', filled(size), soon), filled(size))
    assert.equal(session.peer, pod.self)
    await session[Symbol.asyncDispose]()
    await Promise.all([session.closed, ended.promise])
    await assert.rejects(session.request('submit', filled(1), soon), { code: 'PEER_CLOSED' })
    assert.ok(device.isConnected(pod.self), 'the connection stays')
  })

  it('is refused by one that does not take the protocol', async () => {
    await using a = await makeNode()
    await using b = await makeNode()
    const session = await a.open(b.contact(), protocol, soon)
    await assert.rejects(session.request('hello', filled(1), soon), { code: 'PEER_REFUSED' })
    await session.closed
    b.serve('echo', echo)
    assert.deepEqual(await a.request(b.contact(), 'echo', filled(1), soon), filled(1))
  })

  it('ends with the connection', async () => {
    await using a = await makeNode()
    const b = await makeNode()
    const taken = Promise.withResolvers<void>()
    b.accept(protocol, () => taken.resolve())
    const session = await a.open(b.contact(), protocol, soon)
    await taken.promise
    await b[Symbol.asyncDispose]()
    await session.closed
  })
})

describe('net: strangers', () => {
  const stranger = async () =>
    createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify(), ping: ping() }
    })

  it('a libp2p node of another kind is refused as such, and may ping us', async () => {
    await using a = await makeNode()
    const other = await stranger()
    try {
      const addresses = other.getMultiaddrs().map(address => address.toString())
      const to = { peer: other.peerId.toString(), addresses }
      await assert.rejects(a.request(to, 'echo', filled(1), soon), { code: 'PEER_REFUSED' })
      const address = multiaddr(`${a.contact().addresses[0]}/p2p/${a.self}`)
      assert.ok((await other.services.ping.ping(address)) >= 0)
    } finally {
      await other.stop()
    }
  })

  it('garbage on our protocols ends that connection and nothing else', async () => {
    await using a = await makeNode()
    await using b = await makeNode()
    a.serve('echo', echo)
    const other = await stranger()
    try {
      const address = multiaddr(`${a.contact().addresses[0]}/p2p/${a.self}`)
      for (const protocol of ['/muttr/control/1', '/muttr/bulk/1']) {
        const connection = await other.dial(address)
        const ended = Promise.withResolvers<void>()
        connection.addEventListener('close', () => ended.resolve())
        const control = await connection.newStream('/muttr/control/1')
        const said: Frame[] = []
        const reader = new FrameReader()
        control.addEventListener('message', ({ data }) =>
          reader.push(data.subarray(), raw => said.push(decodeFrame(raw)))
        )
        const stream =
          protocol === '/muttr/control/1' ? control : await connection.newStream(protocol)
        stream.send(new Uint8Array(64).fill(0xff))
        await ended.promise
        assert.deepEqual(
          said.map(f => ('code' in f ? f.code : f.type)),
          ['greeting', 'WIRE_TOO_LARGE']
        )
      }
      assert.deepEqual(await b.request(a.contact(), 'echo', filled(1), soon), filled(1))
    } finally {
      await other.stop()
    }
  })
})
