import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Node } from '../../src/net/node.ts'
import { parsePeer } from '../../src/net/place.ts'
import type { RelayCaps } from '../../src/net/relay/server.ts'
import type { RelayTransport } from '../../src/net/relay/transport.ts'
import { makeNode } from '../support/net-nodes.ts'

const options = () => ({ timeoutMs: 5_000, signal: AbortSignal.timeout(10_000) })

/** The transport that a node was made with. */
function transportOf({ libp2p }: Node): RelayTransport {
  const { components } = libp2p as unknown as {
    components: { transportManager: { getTransports(): { [Symbol.toStringTag]: string }[] } }
  }
  const all = components.transportManager.getTransports()
  return all.find(t => t[Symbol.toStringTag] === 'muttr-relay') as RelayTransport
}

const connectionsTo = ({ libp2p }: Node, peer: string) => libp2p.getConnections(parsePeer(peer))

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
    const [address] = relay.contact().addresses
    const at = `${address}/p2p/${relay.self}`
    await hidden.dial(at, options())
    const [connection] = connectionsTo(hidden, relay.self)
    const untilMs = await transportOf(hidden).reserve(connection!, options().signal)
    const contact = { peer: hidden.self, addresses: [`${at}/p2p-circuit`] }
    return { relay, hidden, contact, at, connection: connection!, untilMs }
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
})
