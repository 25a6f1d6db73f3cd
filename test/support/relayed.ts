import type { Contact } from '../../src/base/ports.ts'
import type { Node } from '../../src/net/node.ts'
import { parsePeer } from '../../src/net/place.ts'
import type { RelayTransport } from '../../src/net/relay/transport.ts'

/** The transport that a node was made with. */
export function transportOf({ libp2p }: Node): RelayTransport {
  const { components } = libp2p as unknown as {
    components: { transportManager: { getTransports(): { [Symbol.toStringTag]: string }[] } }
  }
  const all = components.transportManager.getTransports()
  return all.find(t => t[Symbol.toStringTag] === 'muttr-relay') as RelayTransport
}

export const connectionsTo = ({ libp2p }: Node, peer: string) =>
  libp2p.getConnections(parsePeer(peer))

/** Dials a relay and asks it for a place. @returns by what others reach the node then */
export async function placeAt(node: Node, relay: Node): Promise<Contact> {
  const at = `${relay.contact().addresses[0]}/p2p/${relay.self}`
  const signal = AbortSignal.timeout(60_000)
  await node.dial(at, { timeoutMs: 30_000, signal })
  await transportOf(node).reserve(connectionsTo(node, relay.self)[0]!, signal)
  return { peer: node.self, addresses: [`${at}/p2p-circuit`] }
}
