import type { Connection, Libp2p, PeerInfo, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { sha256 } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Contact, PeerId, Place } from '../base/ports.ts'
import { believable, withoutPeer } from './addresses.ts'
import { parsePeer } from './place.ts'
import { boundInput } from './stream.ts'

export interface KadHooks {
  /** Our own table's answer: the nearest to a place, nearest first. */
  nearest(place: Place, count: number): Contact[]
  /** Hears of peers that kad-dht met: hearsay, not yet asked. */
  candidate(contact: Contact): void
  /** Whether a peer may ask once more; what it asks here counts like any other request. */
  admits(peer: PeerId): boolean
}

/** Message types of kad-dht, as its handlers are named by them. */
const refused = ['PUT_VALUE', 'ADD_PROVIDER'] as const
const answered = ['FIND_NODE', 'GET_VALUE', 'GET_PROVIDERS', 'PING'] as const

interface Message {
  type: string
  key?: Uint8Array
}
interface MessageHandler {
  handle(from: unknown, message: Message): Promise<unknown>
}
interface Startable {
  start?(): unknown
  afterStart?(): unknown
}

/** The fields of a kad-dht service that we reach for; they are of no public interface, so {@link check} looks before we start. */
interface Inside {
  onPeerConnect(peer: PeerInfo): Promise<void>
  peerRouting: {
    getClosestPeersOffline(key: Uint8Array, options?: { exclude?: unknown[] }): Promise<PeerInfo[]>
  }
  rpc: {
    handlers: Record<string, MessageHandler>
    onIncomingStream(stream: Stream, connection: Connection): Promise<void>
  }
  routingTable: Startable
  routingTableRefresh: Startable
  querySelf: Startable
  reprovider: Startable
}

/** @throws {TypeError} when an update of kad-dht took away what the adapter needs: better at the start than unnoticed. */
function check(service: unknown): Inside {
  const kad = service as Partial<Inside> | undefined
  const missing: string[] = []
  if (typeof kad?.onPeerConnect !== 'function') missing.push('onPeerConnect')
  if (typeof kad?.peerRouting?.getClosestPeersOffline !== 'function')
    missing.push('peerRouting.getClosestPeersOffline')
  for (const type of [...refused, ...answered])
    if (typeof kad?.rpc?.handlers[type]?.handle !== 'function') missing.push(`rpc ${type}`)
  if (typeof kad?.rpc?.onIncomingStream !== 'function') missing.push('rpc.onIncomingStream')
  for (const part of ['routingTable', 'routingTableRefresh', 'querySelf', 'reprovider'] as const)
    if (typeof (kad?.[part]?.start ?? kad?.[part]?.afterStart) !== 'function') missing.push(part)
  if (missing.length > 0) throw new TypeError(`@libp2p/kad-dht has changed: ${missing.join(', ')}`)
  return kad as Inside
}

/**
 * Makes kad-dht a mere doorman, before it is started: it has no table, no upkeep and no store of its own, and refuses what would be
 * stored. Until {@link attachKad} it knows nobody. Source: docs/protocol/kad.md
 */
export function tameKad(service: unknown): void {
  const kad = check(service)
  kad.peerRouting.getClosestPeersOffline = async () => []
  kad.onPeerConnect = async () => {}
  for (const part of ['routingTable', 'routingTableRefresh', 'querySelf', 'reprovider'] as const) {
    kad[part].start = () => {}
    kad[part].afterStart = () => {}
  }
  const { handlers } = kad.rpc
  const onIncomingStream = kad.rpc.onIncomingStream.bind(kad.rpc)
  kad.rpc.onIncomingStream = (stream, connection) => {
    boundInput(stream, streamBytesMax)
    return onIncomingStream(stream, connection)
  }
  for (const type of refused)
    handlers[type]!.handle = async () => {
      throw new Error(`${type} is refused: this network stores by a protocol of its own`)
    }
  // Neither has anything to give but those who are nearer: no values, no keys of peers, no providers.
  for (const type of ['GET_VALUE', 'GET_PROVIDERS'] as const)
    handlers[type]!.handle = async (_from, { key }) => {
      if (!key || key.byteLength > keyBytesMax) throw new Error('no key')
      const closer = await kad.peerRouting.getClosestPeersOffline(key)
      return { type, key, closer: closer.map(encoded), providers: [] }
    }
}

const keyBytesMax = 1_024
/** A standard client asks once per stream, in some fifty bytes; kad-dht itself would collect messages of 4 MiB, 32 at once. */
const streamBytesMax = 64 * 1_024

const encoded = ({ id, multiaddrs }: PeerInfo) => ({
  id: id.toMultihash().bytes,
  multiaddrs: multiaddrs.map(address => address.bytes)
})

/** Lets kad-dht's standard clients walk our network by our own table, and hear of peers by them. */
export function attachKad({ libp2p }: { readonly libp2p: Libp2p }, hooks: KadHooks): void {
  const kad = check(libp2p.services.kad)
  kad.peerRouting.getClosestPeersOffline = async (key, { exclude = [] } = {}) => {
    const hidden = new Set(exclude.map(String))
    return hooks
      .nearest(sha256(key), limits.contactsMax + hidden.size)
      .filter(({ peer }) => !hidden.has(peer))
      .slice(0, limits.contactsMax)
      .map(info)
  }
  for (const type of answered) {
    const handler = kad.rpc.handlers[type]!
    const handle = handler.handle.bind(handler)
    handler.handle = async (from, message) => {
      if (!hooks.admits(String(from))) throw new Error('more requests than one peer is given')
      return handle(from, message)
    }
  }
  kad.onPeerConnect = async ({ id, multiaddrs }) => {
    const [connection] = libp2p.getConnections(id)
    if (!connection) return
    const addresses = believable(multiaddrs.map(withoutPeer), connection.remoteAddr)
    if (addresses.length > 0) hooks.candidate({ peer: id.toString(), addresses })
  }
}

const info = ({ peer, addresses }: Contact): PeerInfo => ({
  id: parsePeer(peer),
  multiaddrs: addresses.map(address => multiaddr(address))
})

/** Asks a foreign peer who it is, so that kad-dht's topology hears of it. Never throws. */
export async function identifyForeign(libp2p: Libp2p, connection: Connection): Promise<void> {
  const service = libp2p.services.identify as {
    identify(connection: Connection): Promise<unknown>
  }
  await service.identify(connection).catch(() => {})
}
