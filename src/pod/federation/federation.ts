import { MuttrError } from '../../base/errors.ts'
import type { Clock, Datagrams, Log, Millis, Network, PeerKeys, Random } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { State } from '../../store/state.ts'
import type { Policy } from '../../wire/pod.ts'
import type { NoticeDatagrams } from '../datagrams.ts'
import type { PodLimits } from '../limits.ts'
import { newsOf } from '../news.ts'
import type { Audit } from '../office/audit.ts'
import type { Standings } from '../office/standings.ts'
import type { Maker } from '../rows.ts'
import { Forwarder } from './forwarder.ts'
import type { FriendState, OwnSummary, PodGossip } from './gossip.ts'
import { createGossip } from './gossip.ts'
import { Lines } from './lines.ts'
import type { FederationPolicy, Peer, PodFinder } from './peers.ts'
import { PeerPods } from './peers.ts'
import type { PodPorts, PortsParts, PortsView } from './ports.ts'
import { createPorts } from './ports.ts'
import type { Told } from './queue.ts'
import { Queue } from './queue.ts'

/** What a pod needs to have to do with others. */
export interface FederationParts {
  network: Pick<Network, 'self' | 'dial' | 'open' | 'onPeer'>
  finder: PodFinder
  policy: FederationPolicy
  /** What friends are told of this pod, beside what it knows itself. */
  about(): Pick<OwnSummary, 'version' | 'capabilities' | 'where'>
  /** Sends notices ahead where other pods take datagrams; nothing is sent so unless told. */
  datagrams?: Datagrams
  /** Looks for others whether their ports are open, and has them look; not at all unless told. */
  ports?: PortsParts
}

/** How this pod and another stand. */
export interface PeerState extends Peer {
  /** Notices that wait for it. */
  readonly queued: number
  /** What it has said of itself; null for a pod that is no friend, or was not heard. */
  readonly friend: FriendState | null
}

/** Other pods, as an operator sees them. */
export interface PeersView {
  readonly policy: FederationPolicy
  readonly peers: readonly PeerState[]
}

/** What an operator sees and says of other pods. Source: docs/protocol/federation.md#who-a-pod-talks-to */
export interface PodPeers {
  view(): PeersView
  /**
   * Lets a pod in where the policy is a list, and takes a block back.
   * @param fingerprint its key from now on, lower-case hex. @throws {MuttrError} `ALIAS_INVALID`, `KEY_INVALID`
   */
  allow(by: Maker, hostname: string, fingerprint?: string): Promise<PeerState>
  /** Nothing is taken from a pod any more, and nothing passed on to it. @throws {MuttrError} `ALIAS_INVALID` */
  block(by: Maker, hostname: string): Promise<PeerState>
  /** Has other pods try this one's ports. @throws {MuttrError} `CANCELLED`; `FEDERATION_REFUSED` where nobody is asked */
  ports(signal: AbortSignal): Promise<PortsView>
}

export interface Federation extends AsyncDisposable {
  /** Passes on what waited, from now on. */
  begin(): void
  readonly queue: Queue
  readonly peers: PeerPods
  readonly forwarder: Forwarder
  readonly lines: Lines
  readonly gossip: Pick<PodGossip, 'answer'>
  readonly ports: Pick<PodPorts, 'answer'> | undefined
  readonly operator: PodPeers
  /** This pod's own answer to `hello`. */
  hello(): Promise<Uint8Array>
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
    /** Names that it had before and answers for. */
    former: readonly string[]
    hello(): Promise<Uint8Array>
    /** Keeps a notice for an account of this pod. @returns the receipt's signature. */
    take(notice: Uint8Array, nowMs: Millis): Promise<Uint8Array>
    audit: Audit
    standings: Pick<Standings, 'check'>
    limits: PodLimits
    /** Of this pod's certificate, hex. */
    pin: string
    isShared: boolean
    registration: Policy
    /** From 0 to 3. */
    load(): number
    tell(told: readonly Told[]): void
    /** Undefined where none are taken. */
    arriving(): Pick<NoticeDatagrams, 'expect'> | undefined
  }
): Promise<Federation> {
  const queue = await Queue.open(parts)
  const peers = await PeerPods.open({ ...parts, peersMax: parts.limits.peersMax })
  const lines = new Lines({ ...parts, peers })
  const forwarder = new Forwarder({ ...parts, queue, peers, lines })
  const gossip = createGossip({
    ...parts,
    ...{ peers, lines, wake: hostname => forwarder.wake(hostname) },
    own: () => ({
      ...parts.about(),
      ...{ policy: parts.registration, federation: parts.policy, load: parts.load() }
    })
  })
  const ports =
    parts.ports &&
    createPorts({
      ...{ ...parts, ...parts.ports, peers, lines, sender: parts.datagrams },
      friend: hostname => gossip.of(hostname)
    })
  peers.heardOf(hostname => gossip.whereOf(hostname))
  // Pods are seeds: one that comes back is often seen before its notices are due.
  const watching = parts.network.onPeer(({ type, contact }) => {
    const hostname = type === 'connected' ? peers.hostnameOf(contact.peer) : undefined
    if (hostname !== undefined) forwarder.wake(hostname)
  })
  const stateOf = (peer: Peer): PeerState => ({
    ...peer,
    queued: queue.countFor(peer.hostname),
    friend: gossip.of(peer.hostname) ?? null
  })
  const say = async (
    by: Maker,
    named: string,
    standing: 'allowed' | 'blocked',
    fingerprint?: string
  ): Promise<PeerState> => {
    const apply = await parts.audit.act(parts.clock.now(), async () => {
      const { changes, apply } = await peers.word(named, standing, fingerprint)
      const action = standing === 'allowed' ? 'peer.allow' : 'peer.block'
      const detail = fingerprint === undefined ? '' : `key ${fingerprint}`
      return {
        changes: [...changes, newsOf({ what: 'peers' })],
        deed: { by, action, subject: named, detail },
        result: apply
      }
    })
    const peer = apply()
    forwarder.wake(peer.hostname)
    if (peers.isFriend(peer.hostname)) gossip.greet(peer.hostname)
    return stateOf(peer)
  }
  return {
    ...{ queue, peers, forwarder, lines, gossip, ports, hello: parts.hello },
    begin() {
      forwarder.start()
      gossip.begin()
    },
    operator: {
      view: () => ({ policy: parts.policy, peers: peers.list().map(stateOf) }),
      allow: (by, hostname, fingerprint) => say(by, hostname, 'allowed', fingerprint),
      block: (by, hostname) => say(by, hostname, 'blocked'),
      async ports(signal) {
        if (!ports || parts.policy === 'closed')
          throw new MuttrError('FEDERATION_REFUSED', 'this pod asks no others')
        return await ports.look(signal)
      }
    },
    async [Symbol.asyncDispose]() {
      watching[Symbol.dispose]()
      await gossip[Symbol.asyncDispose]()
      await lines[Symbol.asyncDispose]()
      await forwarder[Symbol.asyncDispose]()
    }
  }
}
