import type { Contact, Log, Network } from '../base/ports.ts'
import { systemClock as clock } from '../net/clock.ts'
import { attachKad } from '../net/kad.ts'
import type { Node } from '../net/node.ts'
import type { PrivateKey } from '../net/peer-key.ts'
import { peerKeys } from '../net/peer-key.ts'
import { placeOf } from '../net/place.ts'
import { systemRandom as random } from '../net/random.ts'
import type { SeedNode, SeedParts } from '../seed/seed.ts'
import { createSeedNode } from '../seed/seed.ts'

type Given = 'network' | 'clock' | 'random' | 'log' | 'keys' | 'placeOf'

export interface OpenSeedOptions {
  privateKey: PrivateKey
  log: Log
  /** Starts the node. What it hears of others is for `hear`. */
  startNode(hear: (contact: Contact) => void): Promise<Node>
  /** Through which the seed sees the node; as it is unless told. The stack is disposed after the seed and before the node. */
  through?: (node: Node, stack: AsyncDisposableStack) => Network | Promise<Network>
  seed: Omit<SeedParts, Given>
}

export interface OpenSeed extends AsyncDisposable {
  readonly network: Node
  /** As the seed sees it. */
  readonly seen: Network
  readonly seed: SeedNode
}

/** A node with a seed on it and kad-dht beside, which has not joined yet. */
export async function openSeed(options: OpenSeedOptions): Promise<OpenSeed> {
  const { privateKey, log, startNode, through = node => node } = options
  await using stack = new AsyncDisposableStack()
  // Peers are discovered before there is a seed to tell of them.
  const early: Contact[] = []
  let hear = (contact: Contact): void => void early.push(contact)
  const network = stack.use(await startNode(contact => hear(contact)))
  const keys = peerKeys(privateKey)
  const seen = await through(network, stack)
  const parts = { network: seen, clock, random, log, keys, placeOf }
  const seed = stack.use(createSeedNode({ ...parts, ...options.seed }))
  hear = contact => seed.hear([contact])
  seed.hear(early)
  attachKad(network, {
    nearest: (place, count) => seed.table.nearest(place, count),
    candidate: contact => hear(contact),
    admits: peer => seed.admission.admits(peer)
  })
  const all = stack.move()
  return { network, seen, seed, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
