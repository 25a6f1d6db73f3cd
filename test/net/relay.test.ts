import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { noise } from '@chainsafe/libp2p-noise'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { createLibp2p } from 'libp2p'
import { codeOf } from '../../src/base/errors.ts'
import { Pace } from '../../src/net/relay/join.ts'
import type { RelayMessage } from '../../src/net/relay/messages.ts'
import {
  decodeRelay,
  encodeRelay,
  hopProtocol,
  status,
  stopProtocol
} from '../../src/net/relay/messages.ts'
import type { RelayCaps } from '../../src/net/relay/server.ts'
import { makeNode, nextEvent } from '../support/net-nodes.ts'
import { connectionsTo, placeAt, transportOf } from '../support/relayed.ts'

const options = () => ({ timeoutMs: 5_000, signal: AbortSignal.timeout(60_000) })

describe('a relay', () => {
  let stack: AsyncDisposableStack
  beforeEach(() => {
    stack = new AsyncDisposableStack()
  })
  afterEach(() => stack.disposeAsync())

  /** A node that relays, and one that asked it for a place and answers `echo`. */
  async function behindRelay(caps: Partial<RelayCaps> = {}) {
    const relay = stack.use(await makeNode({ relay: caps }))
    const hidden = stack.use(await makeNode())
    hidden.serve('echo', async payload => payload)
    const contact = await placeAt(hidden, relay)
    return { relay, hidden, contact, at: `${relay.contact().addresses[0]}/p2p/${relay.self}` }
  }

  it('carries requests to a peer that cannot be dialled, and blobs of 256 KiB both ways', async () => {
    const { relay, contact } = await behindRelay()
    const asker = stack.use(await makeNode())
    const blob = new Uint8Array(randomBytes(256 * 1024))
    const ask = () => asker.request(contact, 'echo', blob, options())
    assert.deepEqual(await ask(), blob)
    const [connection] = connectionsTo(asker, contact.peer)
    assert.match(connection!.remoteAddr.toString(), /\/p2p-circuit\//)
    assert.deepEqual(relay.relaying(), { reservations: 1, connections: 1 })
    for (const answer of await Promise.all(Array.from({ length: 12 }, ask)))
      assert.deepEqual(answer, blob)
  })

  it('is the way for private sessions too, and nobody dials through it who can be dialled', async () => {
    const { hidden, contact, at } = await behindRelay()
    hidden.accept('/muttr/test/1', session => session.serve(async (_, payload) => payload))
    const asker = stack.use(await makeNode())
    const session = stack.use(await asker.open(contact, '/muttr/test/1', options()))
    assert.deepEqual(await session.request('any', Uint8Array.of(7), options()), Uint8Array.of(7))
    const other = stack.use(await makeNode())
    const addresses = [`${at}/p2p-circuit`, ...hidden.contact().addresses]
    await other.request({ peer: hidden.self, addresses }, 'echo', new Uint8Array(1), options())
    const [connection] = connectionsTo(other, hidden.self)
    assert.doesNotMatch(connection!.remoteAddr.toString(), /p2p-circuit/)
  })

  it('leads to nobody without a place, and to nobody who is gone', async () => {
    const { relay, hidden, contact, at } = await behindRelay()
    const asker = stack.use(await makeNode())
    const stranger = { peer: asker.self, addresses: [`${at}/p2p-circuit`] }
    const third = stack.use(await makeNode())
    const code = { code: 'PEER_UNREACHABLE' }
    await assert.rejects(third.request(stranger, 'echo', new Uint8Array(1), options()), code)
    const gone = nextEvent(relay, 'disconnected', hidden.self)
    await hidden[Symbol.asyncDispose]()
    await gone
    await assert.rejects(third.request(contact, 'echo', new Uint8Array(1), options()), code)
    assert.deepEqual(relay.relaying(), { reservations: 0, connections: 0 })
  })

  it('has so many places, and so many of one host', async () => {
    const relay = stack.use(await makeNode({ relay: { reservationsPerHost: 2 } }))
    const at = `${relay.contact().addresses[0]}/p2p/${relay.self}`
    const outcomes: string[] = []
    for (let i = 0; i < 3; i++) {
      const node = stack.use(await makeNode())
      await node.dial(at, options())
      const [connection] = connectionsTo(node, relay.self)
      const reserve = () => transportOf(node).reserve(connection!, options().signal)
      outcomes.push(
        await reserve().then(
          () => 'place',
          err => err.code
        )
      )
      if (i === 0) assert((await reserve()) > 0, 'asking again makes a place last longer')
    }
    assert.deepEqual(outcomes, ['place', 'place', 'PEER_REFUSED'])
  })

  it('carries so many connections to one peer, and so many bytes on each', async () => {
    const dataBytes = 300_000
    const { contact, relay } = await behindRelay({ connectionsPerPeer: 1, dataBytes })
    const asker = stack.use(await makeNode())
    const blob = new Uint8Array(100_000)
    assert.deepEqual(await asker.request(contact, 'echo', blob, options()), blob)
    const other = stack.use(await makeNode())
    await assert.rejects(other.request(contact, 'echo', blob, options()), {
      code: 'PEER_UNREACHABLE'
    })
    const ended = nextEvent(asker, 'disconnected', contact.peer)
    await assert.rejects(asker.request(contact, 'echo', blob, options()), {
      code: 'PEER_CLOSED'
    })
    await ended
    assert.equal(relay.relaying()?.connections, 0)
    assert.deepEqual(await asker.request(contact, 'echo', blob, options()), blob)
  })

  it('holds little for a peer that reads nothing: who sends to it has to wait', async () => {
    const relay = stack.use(await makeNode({ relay: true }))
    const at = `${relay.contact().addresses[0]}/p2p/${relay.self}`
    const deaf = await createLibp2p({
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()]
    })
    stack.defer(() => deaf.stop())
    await deaf.handle(stopProtocol, async stream => {
      const lp = lpStream(stream)
      await lp.read()
      await lp.write(encodeRelay('stop', { type: 'status', status: status.ok }))
      lp.unwrap().pause()
    })
    const place = lpStream(await (await deaf.dial(multiaddr(at))).newStream(hopProtocol))
    await place.write(encodeRelay('hop', { type: 'reserve' }))
    await place.read()
    const asker = stack.use(await makeNode())
    await asker.dial(at, options())
    const stream = await connectionsTo(asker, relay.self)[0]!.newStream(hopProtocol)
    const lp = lpStream(stream)
    const peer = deaf.peerId.toMultihash().bytes
    await lp.write(encodeRelay('hop', { type: 'connect', peer }))
    assert.equal(
      (decodeRelay('hop', (await lp.read()).subarray()) as { status: number }).status,
      100
    )
    lp.unwrap().send(new Uint8Array(4_000_000))
    const held = () =>
      relay.libp2p
        .getConnections()
        .flatMap(({ streams }) => streams)
        .reduce((sum, s) => sum + s.readBufferLength + s.writeBufferLength, 0)
    while (held() < 1_000_000) await new Promise(resolve => setImmediate(resolve))
    // One window that waits to be read, and what was under way when the other side was full.
    assert(held() < 3_000_000, `${held()}`)
    assert(stream.writeBufferLength > 500_000)
    assert.equal(stream.status, 'open')
  })

  it('answers garbage with a status, and goes on', async () => {
    const { relay, contact } = await behindRelay()
    const asker = stack.use(await makeNode())
    const at = `${relay.contact().addresses[0]}/p2p/${relay.self}`
    await asker.dial(at, options())
    const [connection] = connectionsTo(asker, relay.self)
    const said = async (bytes: Uint8Array) => {
      const lp = lpStream(await connection!.newStream(hopProtocol))
      await lp.write(bytes)
      return decodeRelay('hop', (await lp.read()).subarray())
    }
    const none = encodeRelay('hop', { type: 'connect', peer: new Uint8Array(64) })
    for (const [bytes, expected] of [
      [Uint8Array.of(255, 255), status.malformed],
      [encodeRelay('hop', { type: 'status', status: status.ok }), status.unexpected],
      [none, status.noReservation]
    ] as const)
      assert.deepEqual(await said(bytes), { type: 'status', status: expected })
    const large = lpStream(await connection!.newStream(hopProtocol))
    await large.write(new Uint8Array(5_000))
    await assert.rejects(large.read())
    assert.equal((await asker.request(contact, 'echo', new Uint8Array(9), options())).length, 9)
  })

  it('that nobody asked brings nobody', async () => {
    const { relay, hidden } = await behindRelay()
    transportOf(hidden).release(relay.self)
    const asker = stack.use(await makeNode())
    const at = `${relay.contact().addresses[0]}/p2p/${relay.self}/p2p-circuit`
    const contact = { peer: hidden.self, addresses: [at] }
    await assert.rejects(asker.request(contact, 'echo', new Uint8Array(1), options()), {
      code: 'PEER_UNREACHABLE'
    })
    assert.equal(hidden.isConnected(asker.self), false)
  })

  it("is one to libp2p's own nodes: they take a place and are dialled", async () => {
    const relay = stack.use(await makeNode({ relay: true }))
    const at = `${relay.contact().addresses[0]}/p2p/${relay.self}`
    const theirs = await createLibp2p({
      addresses: { listen: [`${at}/p2p-circuit`] },
      transports: [tcp(), circuitRelayTransport()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify() }
    })
    stack.defer(() => theirs.stop())
    const asker = stack.use(await makeNode())
    const peer = theirs.peerId.toString()
    await asker.dial(`${at}/p2p-circuit/p2p/${peer}`, options())
    assert.equal(connectionsTo(asker, peer).length, 1)
  })

  it("may be one of libp2p's own", async () => {
    const theirs = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify(), relay: circuitRelayServer() }
    })
    stack.defer(() => theirs.stop())
    const hidden = stack.use(await makeNode())
    hidden.serve('echo', async payload => payload)
    const at = `${theirs.getMultiaddrs()[0]}`
    const connection = await hidden.libp2p.dial(multiaddr(at))
    await transportOf(hidden).reserve(connection, options().signal)
    const asker = stack.use(await makeNode())
    const contact = { peer: hidden.self, addresses: [`${at}/p2p-circuit`] }
    const answer = await asker.request(contact, 'echo', Uint8Array.of(1), options())
    assert.deepEqual(answer, Uint8Array.of(1))
  })
})

describe('the pace of a relay', () => {
  it('lets a burst through, then as much as comes back', () => {
    const pace = new Pace({ bytesPerSecond: 1_000, burstBytes: 2_000, nowMs: 5_000 })
    assert.equal(pace.take(2_000, 5_000), 0)
    assert.equal(pace.take(500, 5_000), 500, 'in debt for half a second')
    assert.equal(pace.take(500, 5_500), 500)
    assert.equal(pace.take(0, 6_000), 0, 'paid')
    assert.equal(pace.take(2_000, 60_000), 0, 'never more than the burst')
    assert.equal(pace.take(1, 60_000), 1)
    assert.equal(pace.take(1, 50_000), 2, 'a clock set back gives nothing')
  })
})

describe('a message to a relay', () => {
  const number = fc.nat({ max: 2 ** 40 })
  const limit = fc.record(
    { durationSeconds: fc.integer({ min: 1, max: 2 ** 31 }), dataBytes: fc.integer({ min: 1 }) },
    { requiredKeys: [], noNullPrototype: true }
  )
  const message: fc.Arbitrary<RelayMessage> = fc.oneof(
    fc.constant({ type: 'reserve' } as const),
    fc.record(
      {
        type: fc.constant('connect'),
        peer: fc.uint8Array({ minLength: 1, maxLength: 64 }),
        limit
      },
      { noNullPrototype: true }
    ),
    fc.record(
      { type: fc.constant('status'), status: fc.nat({ max: 500 }), expireSeconds: number, limit },
      { requiredKeys: ['type', 'status'], noNullPrototype: true }
    )
  ) as fc.Arbitrary<RelayMessage>

  it('is read as written', () => {
    fc.assert(
      fc.property(message, fc.constantFrom('hop', 'stop'), (said, protocol) => {
        fc.pre(protocol === 'hop' || said.type !== 'reserve')
        const { expireSeconds: _, ...rest } = said as { expireSeconds?: number } & RelayMessage
        const known = protocol === 'hop' ? said : rest
        assert.deepEqual(decodeRelay(protocol, encodeRelay(protocol, said)), known)
      })
    )
  })

  it('meets any other bytes with a named code', () => {
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 5_000 }),
      fc.tuple(message, fc.nat(), fc.nat({ max: 255 })).map(([said, at, to]) => {
        const bytes = encodeRelay('hop', said)
        bytes[at % bytes.length] = to
        return bytes
      })
    )
    fc.assert(
      fc.property(any, fc.constantFrom('hop', 'stop'), (bytes, protocol) => {
        try {
          const said = decodeRelay(protocol, bytes)
          assert(['reserve', 'connect', 'status'].includes(said.type))
        } catch (err) {
          assert(['WIRE_MALFORMED', 'WIRE_TOO_LARGE'].includes(codeOf(err) ?? ''), `${err}`)
        }
      })
    )
  })
})
