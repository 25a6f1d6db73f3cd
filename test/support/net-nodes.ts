import type { Contact, Network, PeerEvent } from '../../src/base/ports.ts'
import { createLog } from '../../src/net/log.ts'
import type { Node, NodeInit } from '../../src/net/node.ts'
import { createNode } from '../../src/net/node.ts'
import { makePeerKey } from '../../src/net/peer-key.ts'

const level = process.env.MUTTR_TEST_LOG === 'debug' ? 'debug' : 'silent'
export const log = createLog({ level, write: line => console.error(line) })

/** A node on loopback, a server unless told, with nothing on disk. */
export const makeNode = async (init: Partial<NodeInit> = {}): Promise<Node> =>
  createNode({
    privateKey: await makePeerKey(),
    listen: init.mode === 'client' ? [] : ['/ip4/127.0.0.1/tcp/0'],
    mode: 'server',
    datastore: null,
    log,
    ...init
  })

export const noAddress = ({ self }: Pick<Network, 'self'>): Contact => ({
  peer: self,
  addresses: []
})

/** Resolves with the next event of a kind about a peer. */
export function nextEvent(
  node: Network,
  type: PeerEvent['type'],
  peer: string
): Promise<PeerEvent> {
  const { promise, resolve } = Promise.withResolvers<PeerEvent>()
  const listening = node.onPeer(event => {
    if (event.type !== type || event.contact.peer !== peer) return
    listening[Symbol.dispose]()
    resolve(event)
  })
  return promise
}

/** Resolves once `check` holds, looking again at each event of either node. */
export function whenever(nodes: readonly Network[], check: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const listening: Disposable[] = []
  const look = () => {
    if (!check()) return
    for (const l of listening) l[Symbol.dispose]()
    resolve()
  }
  for (const node of nodes) listening.push(node.onPeer(look))
  look()
  return promise
}
