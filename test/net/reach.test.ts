import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import type { PeerEvent } from '../../src/base/ports.ts'
import type { Node } from '../../src/net/node.ts'
import {
  decodeDialBackAnswer,
  dialBackMethod,
  encodeDialBack,
  encodeStanding,
  standingMethod
} from '../../src/wire/reach.ts'
import { makeNode, nextEvent } from '../support/net-nodes.ts'
import { placeAt } from '../support/relayed.ts'

const options = () => ({ timeoutMs: 8_000, signal: AbortSignal.timeout(60_000) })
const portOf = (node: Node): number => Number(node.contact().addresses[0]!.split('/').at(-1))

describe('being dialled back', () => {
  let stack: AsyncDisposableStack
  let asked: Node
  let asker: Node
  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    asked = stack.use(await makeNode())
    asker = stack.use(await makeNode())
  })
  afterEach(() => stack.disposeAsync())

  const ask = async (...ports: number[]) =>
    decodeDialBackAnswer(
      await asker.request(asked.contact(), dialBackMethod, encodeDialBack(ports), options())
    )

  it('tells where one was seen, and at which ports one answered', async () => {
    const { seen, open } = await ask(portOf(asker), 1)
    assert.match(seen, /^\/ip4\/127\.0\.0\.1\/tcp\/\d+$/)
    assert.deepEqual(open, [portOf(asker)])
    assert.equal(asker.isConnected(asked.self), true)
  })

  it('is not believed of a port where another answers', async () => {
    const other = stack.use(await makeNode())
    assert.deepEqual((await ask(portOf(other))).open, [])
  })

  it('is done so often for one host, and not for two at once', async () => {
    const both = await Promise.allSettled([ask(portOf(asker)), ask(portOf(asker))])
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    for (let i = 1; i < limits.dialBacksPerHostPerMinute; i++)
      assert.deepEqual((await ask(portOf(asker))).open, [portOf(asker)])
    await assert.rejects(ask(portOf(asker)), { code: 'LIMIT_EXCEEDED' })
  })

  it('is nothing a client does, and nothing for one that came through a relay', async () => {
    const frame = encodeDialBack([portOf(asker)])
    const nowhere = (node: Node) => ({ peer: node.self, addresses: [] })
    const client = stack.use(await makeNode({ mode: 'client' }))
    const there = nextEvent(asker, 'connected', client.self)
    await client.dial(`${asker.contact().addresses[0]}/p2p/${asker.self}`, options())
    await there
    const toClient = asker.request(nowhere(client), dialBackMethod, frame, options())
    await assert.rejects(toClient, { code: 'METHOD_UNKNOWN' })
    const relay = stack.use(await makeNode({ relay: true }))
    const hidden = stack.use(await makeNode())
    const met = nextEvent(hidden, 'connected', asker.self)
    const contact = await placeAt(hidden, relay)
    await asker.request(contact, 'any', new Uint8Array(1), options()).catch(() => {})
    await met
    const fromHidden = hidden.request(nowhere(asker), dialBackMethod, frame, options())
    await assert.rejects(fromHidden, { code: 'PEER_REFUSED' })
  })
})

describe('a peer whose standing changes', () => {
  it('is told of, and no longer than it is connected, and not without end', async () => {
    await using stack = new AsyncDisposableStack()
    const [node, peer] = [stack.use(await makeNode()), stack.use(await makeNode())]
    const events: PeerEvent[] = []
    node.onPeer(event => void events.push(event))
    const tell = (server: boolean, ...addresses: string[]) =>
      peer.request(node.contact(), standingMethod, encodeStanding({ server, addresses }), options())
    const relayed = `/ip4/127.0.0.1/tcp/9/p2p/${node.self}/p2p-circuit`
    await tell(false, relayed, '/ip4/127.0.0.1/tcp/10')
    await tell(true, '/ip4/127.0.0.1/tcp/10')
    assert.deepEqual(
      events.map(({ type, server, contact }) => [type, server, contact.addresses]),
      [
        ['connected', true, peer.contact().addresses],
        ['changed', false, [relayed]],
        ['changed', true, ['/ip4/127.0.0.1/tcp/10']]
      ]
    )
    assert.deepEqual(node.connected()[0]?.server, true)
    for (let i = 2; i < limits.standingsBurst; i++) await tell(i % 2 === 0)
    await assert.rejects(tell(true), { code: 'LIMIT_EXCEEDED' })
    await assert.rejects(
      peer.request(node.contact(), standingMethod, Uint8Array.of(0), options()),
      { code: 'WIRE_MALFORMED' }
    )
  })
})
