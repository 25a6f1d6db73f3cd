import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import type { Session } from '../../src/base/ports.ts'
import type { NetworkOptions } from '../../src/sim/network.ts'
import { VirtualNetwork } from '../../src/sim/network.ts'
import type { VirtualNode } from '../../src/sim/node.ts'
import { World } from '../../src/sim/world.ts'

const protocol = '/muttr/pod/1'
const options = { timeoutMs: 10_000 }
const noticeMs = 60_000

/** A stream from the first node to the second, which answers with what it was asked, doubled. */
async function pair(network: Partial<NetworkOptions> = {}) {
  const world = new World({ seed: 1 })
  const net = new VirtualNetwork(world, {
    latency: { type: 'constant', ms: 10 },
    dialRoundTrips: 1,
    noticeMs,
    ...network
  })
  const [a, b] = [net.add(), net.add()]
  const met = Promise.withResolvers<Session>()
  b.accept(protocol, session => {
    session.serve(async (method, payload) => {
      if (method !== 'twice') throw new MuttrError('LIMIT_EXCEEDED', `no ${method}`)
      return Uint8Array.from([...payload, ...payload])
    })
    met.resolve(session)
  })
  const session = await net.run(a.open(b.contact(), protocol, options))
  return { world, net, a, b, session, theirs: await net.run(met.promise) }
}

/** When it came, after so long, and whether it came at all. */
async function closing(net: VirtualNetwork, session: Session): Promise<number> {
  const startMs = net.clock.now()
  await net.run(session.closed)
  return net.clock.now() - startMs
}

const ask = (session: Session, byte = 1) =>
  session.request('twice', Uint8Array.of(byte), { timeoutMs: 600_000 })

describe('a private stream of the virtual network', () => {
  it('carries requests both ways, each within a round trip', async () => {
    const { world, net, session, theirs, a } = await pair()
    assert.equal(theirs.peer, a.self)
    const startMs = world.nowMs
    assert.deepEqual(await net.run(ask(session, 7)), Uint8Array.of(7, 7))
    assert.equal(world.nowMs - startMs, 20)
    session.serve(async () => Uint8Array.of(9))
    assert.deepEqual(await net.run(ask(theirs)), Uint8Array.of(9))
    assert.equal(net.byMethod.get('pod/twice'), 2)
    assert.equal(net.bytesByMethod.get('pod/twice'), 1 + 2 + 1 + 1)
  })

  it('hands on what the other side refused with, and what it does not serve', async () => {
    const { net, session, theirs } = await pair()
    const refused = session.request('thrice', new Uint8Array(), options)
    await assert.rejects(net.run(refused), { code: 'LIMIT_EXCEEDED', message: 'no thrice' })
    await assert.rejects(net.run(ask(theirs)), { code: 'METHOD_UNKNOWN' })
  })

  it('loses nothing on a bad line, and keeps the order', async () => {
    const { world, net, session, theirs } = await pair({ loss: 0.3, jitterMs: 30 })
    const heard: number[] = []
    theirs.serve(async (_, payload) => {
      heard.push(payload[0]!)
      return payload
    })
    const sent = Array.from({ length: 60 }, (_, i) => i)
    const startMs = world.nowMs
    await net.run(Promise.all(sent.map(i => ask(session, i))))
    assert.deepEqual(heard, sent)
    assert(world.nowMs - startMs >= 200, 'what was lost was sent again')
  })

  it('needs a node that is there and takes such streams', async () => {
    const { net, a, b } = await pair()
    const other = a.open(b.contact(), '/muttr/other/1', options)
    await assert.rejects(net.run(other), { code: 'PEER_UNREACHABLE' })
    const hidden = net.add({ nat: 'behind' })
    const nowhere = a.open(hidden.contact(), protocol, options)
    await assert.rejects(net.run(nowhere), { code: 'PEER_UNREACHABLE' })
    b.kill()
    await net.pass(noticeMs)
    await assert.rejects(net.run(a.open(b.contact(), protocol, options)), { code: 'PEER_TIMEOUT' })
    const { signal } = AbortSignal.abort() && { signal: AbortSignal.abort() }
    const cancelled = a.open(b.contact(), protocol, { ...options, signal })
    await assert.rejects(net.run(cancelled), { code: 'CANCELLED' })
  })

  it('ends at both ends, and what is under way ends with it', async () => {
    const { net, session, theirs } = await pair()
    const under = ask(theirs)
    void session[Symbol.asyncDispose]()
    await assert.rejects(net.run(under), { code: 'PEER_CLOSED' })
    assert.equal(await closing(net, theirs), 0)
    await assert.rejects(ask(session), { code: 'PEER_CLOSED' })
  })

  it('is over when a node dies: silently after the time of notice, or at once', async () => {
    for (const [deaths, ms] of [
      ['silent', noticeMs],
      ['refused', 0]
    ] as const) {
      const { net, b, session } = await pair({ deaths })
      b.kill()
      assert.equal(await closing(net, session), ms)
      b.revive()
      await assert.rejects(ask(session), { code: 'PEER_CLOSED' })
    }
  })

  it('outlasts a short partition, and not a long one', async () => {
    const { world, net, session, theirs } = await pair()
    net.apart = () => true
    world.after(20_000, () => {
      net.apart = () => false
    })
    const startMs = world.nowMs
    await net.run(ask(session))
    const lateMs = world.nowMs - startMs
    assert(lateMs > 20_000 && lateMs < 60_000, `${lateMs}`)
    net.apart = () => true
    const asked = ask(session)
    await assert.rejects(net.run(asked), { code: 'PEER_CLOSED' })
    await net.run(theirs.closed)
    assert(world.nowMs - startMs - lateMs >= noticeMs)
  })

  it('keeps its connection open where there are too many', async () => {
    const { net, a, b, session } = await pair({ connectionsMax: 8 })
    const others: VirtualNode[] = Array.from({ length: 20 }, () => net.add())
    for (const other of others) await net.run(other.dial(b.address, options))
    await net.pass(10_000)
    assert.equal(b.connected().length, 8)
    assert(b.isConnected(a.self))
    assert.deepEqual(await net.run(ask(session)), Uint8Array.of(1, 1))
  })
})

describe('a bare address on the virtual network', () => {
  it('says who listens there, or that it is somebody else or nobody', async () => {
    const { net, a, b } = await pair()
    assert.deepEqual(await net.run(a.dial(b.address, options)), b.contact())
    assert.deepEqual(await net.run(a.dial(`${b.address}/p2p/${b.self}`, options)), b.contact())
    const wrong = a.dial(`${b.address}/p2p/${a.self}`, options)
    await assert.rejects(wrong, { code: 'PEER_UNREACHABLE' })
    const nobody = a.dial('/ip4/127.200.0.1/tcp/4420', options)
    await assert.rejects(net.run(nobody), { code: 'PEER_TIMEOUT' })
  })
})
