import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { PeerEvent } from '../../src/base/ports.ts'
import { Dice } from '../../src/sim/dice.ts'
import { sharedPlaces, simPlaceOf, standInKeys } from '../../src/sim/keys.ts'
import { latencyOf } from '../../src/sim/latency.ts'
import type { NetworkOptions } from '../../src/sim/network.ts'
import { VirtualNetwork } from '../../src/sim/network.ts'
import type { VirtualNode } from '../../src/sim/node.ts'
import { World } from '../../src/sim/world.ts'

const payload = new Uint8Array(1_000)
const timeoutMs = 3_000

/** `count` nodes that say back what they hear, 10 ms from each other. */
function nodes(count: number, options: NetworkOptions = {}) {
  const net = new VirtualNetwork(new World({ seed: 1, startMs: 0 }), {
    latency: { type: 'constant', ms: 10 },
    ...options
  })
  const all = Array.from({ length: count }, () => echo(net.add()))
  const ask = (from: VirtualNode, to: VirtualNode, signal?: AbortSignal) =>
    from.request(to.contact(), 'echo', payload, { timeoutMs, ...(signal ? { signal } : {}) })
  const tookMs = async (from: VirtualNode, to: VirtualNode) => {
    const startMs = net.world.nowMs
    await net.run(ask(from, to))
    return net.world.nowMs - startMs
  }
  return { net, all, ask, tookMs }
}

function echo(node: VirtualNode): VirtualNode {
  node.serve('echo', async payload => payload)
  return node
}

describe('a dial', () => {
  const handshake = { type: 'constant', value: 500 } as const

  it('takes as long as it is told beside its round trips, and nothing where there is a connection', async () => {
    const { all, tookMs } = nodes(2, { dialMs: handshake })
    const { all: others, tookMs: usualMs } = nodes(2)
    assert.equal(await tookMs(all[0]!, all[1]!), (await usualMs(others[0]!, others[1]!)) + 500)
    assert.equal(await tookMs(all[0]!, all[1]!), 20)
  })

  it('is waited for by all that need it', async () => {
    const { net, all, ask } = nodes(2, { dialMs: handshake })
    const first = ask(all[0]!, all[1]!)
    await net.pass(400)
    const second = ask(all[0]!, all[1]!)
    await net.run(Promise.all([first, second]))
    assert.equal(net.world.nowMs, 500 + 3 * 20 + 20)
  })
})

describe('latencies', () => {
  const index = fc.nat({ max: 10_000 })

  it('are the same both ways, and for the same dice', () => {
    const models = [
      { type: 'constant', ms: 7 },
      { type: 'pairwise', ms: 50 },
      { type: 'geographic' }
    ] as const
    for (const model of models)
      fc.assert(
        fc.property(fc.nat(), index, index, (seed, a, b) => {
          const one = latencyOf(model, new Dice(seed, 'latency'))
          const same = latencyOf(model, new Dice(seed, 'latency'))
          assert.equal(one(a, b), one(b, a))
          assert.equal(one(a, b), same(a, b))
        })
      )
  })

  it('of pairs are between half and one and a half, and as long as told on the average', () => {
    const of = latencyOf({ type: 'pairwise', ms: 100 }, new Dice(1, 'latency'))
    const all = Array.from({ length: 100 * 100 }, (_, i) => of(i % 100, 100 + Math.floor(i / 100)))
    assert(Math.min(...all) >= 50 && Math.max(...all) <= 150)
    const mean = all.reduce((sum, ms) => sum + ms, 0) / all.length
    assert(Math.abs(mean - 100) < 2, `${mean}`)
  })

  it('on the sphere keep to the triangle: no way around is shorter than the way itself', () => {
    const of = latencyOf({ type: 'geographic' }, new Dice(1, 'latency'))
    fc.assert(
      fc.property(index, index, index, (a, b, c) => {
        assert(of(a, c) <= of(a, b) + of(b, c) + 2) // rounding
        assert(of(a, b) >= 2 && of(a, b) <= 119) // 20,015 km and two lines of 9 ms
      })
    )
    const all = Array.from({ length: 10_000 }, (_, i) => of(i, i + 20_000))
    const mean = all.reduce((sum, ms) => sum + ms, 0) / all.length
    assert(Math.abs(mean - (10 + 50)) < 1, `half way around the Earth and two lines: ${mean}`)
  })

  it('of a matrix are those of its places, in turn; it has to be square', () => {
    const of = latencyOf(
      {
        type: 'matrix',
        ms: [
          [1, 20],
          [30, 2]
        ]
      },
      new Dice(1, 'latency')
    )
    assert.deepEqual([of(0, 1), of(1, 0), of(2, 5), of(3, 3)], [20, 30, 20, 2])
    const wrong = { type: 'matrix', ms: [[1, 2]] } as const
    assert.throws(() => latencyOf(wrong, new Dice(1, 'latency')), RangeError)
  })
})

describe('a virtual network', () => {
  it('takes four round trips for a request that dials, one for the next', async () => {
    const { all, tookMs, net } = nodes(2)
    assert.equal(await tookMs(all[0]!, all[1]!), 80)
    assert.equal(await tookMs(all[0]!, all[1]!), 20)
    assert.equal(await tookMs(all[1]!, all[0]!), 20)
    assert.deepEqual({ ...net.totals }, { requests: 3, dials: 1, bytes: 6_000, lost: 0 })
    assert.deepEqual([net.byMethod.get('echo'), net.bytesByMethod.get('echo')], [3, 6_000])
  })

  it('sends no faster than the line, one message after the other', async () => {
    const { all, ask, net, tookMs } = nodes(2, { upBytesPerSecond: 10_000 })
    await tookMs(all[0]!, all[1]!)
    const startMs = net.world.nowMs
    const ends: number[] = []
    const asking = [0, 1, 2].map(() =>
      ask(all[0]!, all[1]!).then(() => ends.push(net.world.nowMs - startMs))
    )
    await net.run(Promise.all(asking))
    // 100 ms for each kilobyte there, as much back.
    assert.deepEqual(ends, [220, 320, 420])
  })

  it('loses as many messages as told, and with jitter lets them overtake', async () => {
    const { all, ask, net } = nodes(2, { loss: 0.1, jitterMs: 50 })
    await net.run(ask(all[0]!, all[1]!).catch(() => {}))
    const order: number[] = []
    const asking = Array.from({ length: 1_000 }, (_, i) =>
      ask(all[0]!, all[1]!).then(
        () => order.push(i),
        err => assert.equal(err.code, 'PEER_TIMEOUT')
      )
    )
    await net.run(Promise.all(asking))
    assert(Math.abs(order.length / 1_000 - 0.81) < 0.04, `${order.length} came back`)
    assert.notDeepEqual(
      order,
      [...order].sort((a, b) => a - b)
    )
    assert(net.totals.lost > 150)
  })

  it('carries nothing between two parts, and everything again afterwards', async () => {
    const { all, ask, net, tookMs } = nodes(2)
    net.apart = () => true
    await assert.rejects(net.run(ask(all[0]!, all[1]!)), { code: 'PEER_TIMEOUT' })
    net.apart = () => false
    assert.equal(await tookMs(all[0]!, all[1]!), 80)
  })

  it('lets the dead be silent, or refuses at once', async () => {
    for (const [deaths, code] of [
      ['silent', 'PEER_TIMEOUT'],
      ['refused', 'PEER_UNREACHABLE']
    ] as const) {
      const { all, ask, net, tookMs } = nodes(2, { deaths })
      await tookMs(all[0]!, all[1]!)
      all[1]!.kill()
      assert.equal(all[0]!.isConnected(all[1]!.self), deaths === 'silent')
      await assert.rejects(net.run(ask(all[0]!, all[1]!)), { code })
      all[1]!.revive()
      await tookMs(all[0]!, all[1]!)
      all[1]!.kill()
      net.forget(all[1]!)
      await assert.rejects(net.run(ask(all[0]!, all[1]!)), { code })
    }
  })

  it('lets the others notice after a while who fell silent, unless they have met again', async () => {
    const { all, net, tookMs } = nodes(3, { noticeMs: 60_000 })
    const [gone, one, two] = all as [VirtualNode, VirtualNode, VirtualNode]
    await tookMs(gone, one)
    await tookMs(gone, two)
    gone.kill()
    await net.pass(30_000)
    gone.revive()
    assert(one.isConnected(gone.self) && !gone.isConnected(one.self))
    const said: string[] = []
    using _one = gone.onPeer(({ type }) => said.push(`gone: ${type}`))
    using _two = two.onPeer(({ type }) => said.push(`two: ${type}`))
    await tookMs(one, gone)
    await net.pass(60_000)
    assert.deepEqual(
      [one, two].map(node => node.isConnected(gone.self)),
      [true, false]
    )
    assert.deepEqual(said, ['gone: connected', 'two: disconnected'])
  })

  it('lets nobody dial who stands behind a router, and both sides talk once it has dialled', async () => {
    const { all, net, ask, tookMs } = nodes(1, { deaths: 'refused' })
    const behind = echo(net.add({ nat: 'behind' }))
    assert(!behind.isServer() && behind.contact().addresses.length === 0)
    await assert.rejects(net.run(ask(all[0]!, behind)), { code: 'PEER_UNREACHABLE' })
    const old = { peer: behind.self, addresses: ['/ip4/127.0.0.9/tcp/4420'] }
    const asking = all[0]!.request(old, 'echo', payload, { timeoutMs })
    await assert.rejects(net.run(asking), { code: 'PEER_UNREACHABLE' })
    await tookMs(behind, all[0]!)
    assert.equal(await tookMs(all[0]!, behind), 20)
  })

  it('answers nothing in client mode, and hands over only a code and a message', async () => {
    const { all, net, ask } = nodes(1)
    const client = echo(net.add({ server: false }))
    await net.run(ask(client, all[0]!))
    await assert.rejects(net.run(ask(all[0]!, client)), { code: 'METHOD_UNKNOWN' })
    all[0]!.serve('echo', async () => {
      throw new TypeError('a mistake of ours')
    })
    await assert.rejects(net.run(ask(client, all[0]!)), { code: 'INTERNAL', message: /a mistake/ })
  })

  it('ends a request when told to, and sends none that was over before', async () => {
    const { all, net, ask } = nodes(2)
    const stop = new AbortController()
    net.after(5, () => stop.abort())
    await assert.rejects(net.run(ask(all[0]!, all[1]!, stop.signal)), { code: 'CANCELLED' })
    const before = net.totals.requests
    await assert.rejects(net.run(ask(all[0]!, all[1]!, stop.signal)), { code: 'CANCELLED' })
    assert.equal(net.totals.requests, before)
  })

  it('closes the connection that was idle longest, after a minute, no warm one, and says so to both', async () => {
    const { all, net, tookMs } = nodes(5, { connectionsMax: 3 })
    const [hub, ...others] = all as [VirtualNode, ...VirtualNode[]]
    const said: string[] = []
    const say = (event: PeerEvent) =>
      said.push(`${event.type} ${all.findIndex(n => n.self === event.contact.peer)}`)
    using _listening = hub.onPeer(say)
    hub.keepWarm([others[0]!.contact()])
    await net.pass(1_000)
    for (const other of others) await tookMs(hub, other)
    await net.pass(55_000)
    assert(others[1]!.isConnected(hub.self))
    await net.pass(15_000)
    assert.deepEqual(said, [
      'connected 1',
      'connected 2',
      'connected 3',
      'connected 4',
      'disconnected 2'
    ])
    assert(!others[1]!.isConnected(hub.self))
    assert.deepEqual(
      hub.connected().map(({ contact }) => contact.peer),
      [others[0], others[2], others[3]].map(node => node!.self)
    )
  })
})

describe('stand-in keys', () => {
  it('are of the right sizes, and hold what was signed to who signed it', () => {
    const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(bytes32, bytes32, fc.uint8Array(), fc.uint8Array(), (one, two, said, other) => {
        const [a, b] = [standInKeys(one), standInKeys(two)]
        const signature = a.sign(said)
        assert.equal(signature.byteLength, 64)
        assert(b.verify(a.self, said, signature))
        assert.equal(b.verify(b.self, said, signature), a.self === b.self)
        assert.equal(b.verify(a.self, other, signature), Buffer.from(said).equals(other))
      })
    )
    assert(!standInKeys(new Uint8Array(32)).verify('nobody', new Uint8Array(), new Uint8Array(64)))
  })

  it('stand where their hash is, whether it was asked for before or not', () => {
    const { self } = standInKeys(new Uint8Array(32))
    const { placeOf } = sharedPlaces()
    assert.deepEqual(placeOf(self), simPlaceOf(self))
    assert.equal(placeOf(self), placeOf(self))
    assert.throws(() => placeOf('nobody'), { code: 'WIRE_MALFORMED' })
  })
})
