import { toHex } from '../../src/base/bytes.ts'
import type { PeerId } from '../../src/base/ports.ts'
import { verifyRecord } from '../../src/keys/record.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import type { Node } from '../../src/net/node.ts'
import { makePeerKey, peerKeys } from '../../src/net/peer-key.ts'
import { placeOf } from '../../src/net/place.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { createSeedNode } from '../../src/seed/seed.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { log, makeNode } from './net-nodes.ts'
import { inlineStamper } from './stamps.ts'

/** What a seed saw: a request, who sent it, and the address that its connection came from. */
export interface Sight {
  holder: PeerId
  method: string
  from: PeerId
  /** Multiaddrs of all connections with that peer. */
  at: readonly string[]
  payload: string
}

/** A real seed in this process, in a network of others, that writes down all it is asked. */
export async function witness(
  through: string,
  sights: Sight[]
): Promise<AsyncDisposable & { peer: PeerId }> {
  await using stack = new AsyncDisposableStack()
  const privateKey = await makePeerKey()
  const node = stack.use(await makeNode({ privateKey }))
  const network = new Proxy(node, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (name === 'serve') return recording(target, sights)
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
  const parts = { network, clock, random, log, keys: peerKeys(privateKey), placeOf, verifyRecord }
  const store = memoryStore({ capBytes: 2 ** 24 })
  const seed = stack.use(
    createSeedNode({ ...parts, stamper: inlineStamper(), store, mode: 'server' })
  )
  await seed.join([await node.dial(through, { timeoutMs: 30_000 })])
  const all = stack.move()
  return { peer: node.self, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

const recording =
  (node: Node, sights: Sight[]): Node['serve'] =>
  (method, answer) =>
    node.serve(method, (payload, from, signal) => {
      const open = node.libp2p.getConnections().filter(c => c.remotePeer.toString() === from)
      const at = open.map(c => c.remoteAddr.toString())
      sights.push({ holder: node.self, method, from, at, payload: toHex(payload) })
      return answer(payload, from, signal)
    })
