import type { Clock, Log, Network, PeerKeys, Random } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { State } from '../../store/state.ts'
import type { PodLimits } from '../limits.ts'
import { Forwarder } from './forwarder.ts'
import type { FederationPolicy, Peer, PodFinder } from './peers.ts'
import { PeerPods } from './peers.ts'
import type { Told } from './queue.ts'
import { Queue } from './queue.ts'

/** What a pod needs to have to do with others. */
export interface FederationParts {
  network: Pick<Network, 'self' | 'dial' | 'open' | 'onPeer'>
  finder: PodFinder
  policy: FederationPolicy
}

/** How this pod and another stand. */
interface PeerState extends Peer {
  /** Notices that wait for it. */
  readonly queued: number
}

/** What an operator sees and says of other pods. */
export interface PodPeers {
  readonly policy: FederationPolicy
  list(): PeerState[]
  /** Lets a pod in where the policy is a list, and takes a block back. @param fingerprint its key from now on. @throws {MuttrError} `ALIAS_INVALID` */
  allow(hostname: string, fingerprint?: string): Promise<void>
  /** Nothing is taken from a pod any more, and nothing passed on to it. */
  block(hostname: string): Promise<void>
}

export interface Federation extends AsyncDisposable {
  /** Passes on what waited, from now on. */
  begin(): void
  readonly queue: Queue
  readonly peers: PeerPods
  readonly forwarder: Forwarder
  readonly operator: PodPeers
}

export async function openFederation(
  parts: FederationParts & {
    state: State
    clock: Clock
    random: Random
    log: Log
    crypto: Crypto
    keys: PeerKeys
    hostname: string
    hello(): Promise<Uint8Array>
    limits: PodLimits
    tell(told: readonly Told[]): void
  }
): Promise<Federation> {
  const queue = await Queue.open(parts)
  const peers = await PeerPods.open({ ...parts, peersMax: parts.limits.peersMax })
  const forwarder = new Forwarder({ ...parts, queue, peers })
  // Pods are seeds: one that comes back is often seen before its notices are due.
  const watching = parts.network.onPeer(({ type, contact }) => {
    const hostname = type === 'connected' ? peers.hostnameOf(contact.peer) : undefined
    if (hostname !== undefined) forwarder.wake(hostname)
  })
  return {
    ...{ queue, peers, forwarder },
    begin: () => forwarder.start(),
    operator: {
      policy: parts.policy,
      list: () => peers.list().map(p => ({ ...p, queued: queue.countFor(p.hostname) })),
      async allow(hostname, fingerprint) {
        await peers.allow(hostname, fingerprint)
        forwarder.wake(hostname)
      },
      block: hostname => peers.block(hostname)
    },
    async [Symbol.asyncDispose]() {
      watching[Symbol.dispose]()
      await forwarder[Symbol.asyncDispose]()
    }
  }
}
