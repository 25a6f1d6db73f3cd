import assert from 'node:assert/strict'
import { once } from 'node:events'
import { multiaddr } from '@multiformats/multiaddr'
import type { Link } from '../../src/net/links.ts'
import type { Node } from '../../src/net/node.ts'
import { RelayKeeper } from '../../src/net/reach/relay-keeper.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { log, makeNode } from '../support/net-nodes.ts'
import { connectionsTo, transportOf } from '../support/relayed.ts'

const minuteMs = 60_000

describe('the places a hidden node keeps at relays', () => {
  let stack: AsyncDisposableStack
  let hidden: Node
  let clock: FakeClock
  let preferred: string[]
  let others: Node[]
  let keeper: RelayKeeper

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    hidden = stack.use(await makeNode())
    clock = fakeClock(Date.now())
    preferred = []
    others = []
    keeper = new RelayKeeper({
      clock,
      log,
      links: {
        greeted: () =>
          others.map(({ self }) => {
            const [connection] = connectionsTo(hidden, self)
            return { peer: self, connection, server: true } as Link
          })
      },
      transport: transportOf(hidden),
      closing: new AbortController().signal,
      preferred: () => preferred,
      connect: (address, signal) => hidden.libp2p.dial(multiaddr(address), { signal })
    })
  })
  afterEach(() => stack.disposeAsync())

  const node = async (relay: boolean): Promise<Node> => stack.use(await makeNode({ relay }))
  const at = (relay: Node) => `${relay.contact().addresses[0]}/p2p/${relay.self}`
  const places = () => keeper.addresses().map(a => a.split('/p2p/')[1]!.split('/')[0])
  const taken = (relay: Node) => relay.relaying()?.reservations

  it('are two, at those that are preferred first', async () => {
    const relays = [await node(true), await node(true), await node(true)]
    preferred = relays.map(at)
    await keeper.keep()
    await keeper.keep()
    assert.deepEqual(places(), [relays[0]!.self, relays[1]!.self])
    assert.deepEqual(relays.map(taken), [1, 1, 0])
    assert.equal(keeper.addresses()[0], `${at(relays[0]!)}/p2p-circuit`)
  })

  it('are at any server that relays, where those that are preferred do not', async () => {
    const [deaf, plain, relay] = [await node(false), await node(false), await node(true)]
    preferred = [
      at(deaf),
      '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWD3dFTpxFxcBgMaxYR9ZXuzB7bhPfmjjmbpMVn4SQfnqu'
    ]
    others = [plain, relay]
    for (const other of others) await hidden.libp2p.dial(multiaddr(at(other)))
    await keeper.keep()
    assert.deepEqual(places(), [relay.self])
  })

  it('are asked for again after half an hour, and not again where they were refused for five minutes', async () => {
    const relay = await node(true)
    preferred = [at(relay)]
    await keeper.keep()
    const before = transportOf(hidden)
    let asked = 0
    const reserve = before.reserve.bind(before)
    before.reserve = (connection, signal) => {
      asked += 1
      return reserve(connection, signal)
    }
    clock.advance(29 * minuteMs)
    await keeper.keep()
    assert.equal(asked, 0)
    clock.advance(2 * minuteMs)
    await keeper.keep()
    assert.equal(asked, 1)
    keeper.release()
    before.reserve = () => {
      asked += 1
      return Promise.reject(new Error('full'))
    }
    for (let i = 0; i < 3; i++) await keeper.keep()
    assert.equal(asked, 2)
    clock.advance(6 * minuteMs)
    await keeper.keep()
    assert.equal(asked, 3)
    keeper.back(relay.self)
    await keeper.keep()
    assert.equal(asked, 4, 'at once, where one has come back')
    assert.deepEqual(places(), [])
  })

  it('are lost with the connection, and given up when they are needed no more', async () => {
    const [one, two] = [await node(true), await node(true)]
    preferred = [at(one), at(two)]
    await keeper.keep()
    const [connection] = connectionsTo(hidden, one.self)
    assert.equal(transportOf(hidden).isOn(connection!), true)
    const closed = once(connection!, 'close')
    await connection!.close()
    await closed
    assert.equal(keeper.lost(connection!), true)
    assert.equal(keeper.lost(connection!), false)
    assert.deepEqual(places(), [two.self])
    keeper.release()
    assert.deepEqual(places(), [])
    assert.equal(transportOf(hidden).isOn(connectionsTo(hidden, two.self)[0]!), false)
  })
})
