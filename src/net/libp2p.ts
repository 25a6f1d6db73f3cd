import { bootstrap } from '@libp2p/bootstrap'
import { identify } from '@libp2p/identify'
import type { AddressSorter, Libp2p, Logger, PeerDiscovery, PrivateKey } from '@libp2p/interface'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { mdns } from '@libp2p/mdns'
import { ping } from '@libp2p/ping'
import { LevelDatastore } from 'datastore-level'
import { createLibp2p } from 'libp2p'
import { MuttrError } from '../base/errors.ts'
import { isRelayed, scopeOf, scopes } from './addresses.ts'
import type { Subnets } from './crowd.ts'
import { Crowd } from './crowd.ts'
import { tameKad } from './kad.ts'
import { tamePing } from './ping.ts'
import { RelayTransport } from './relay/transport.ts'
import { quickYamux } from './transport/muxer.ts'
import type { NameGuard } from './transport/names.ts'
import { createLookups, guardedDnsaddr } from './transport/names.ts'
import { quickNoise } from './transport/noise.ts'
import { quickTcp } from './transport/tcp.ts'

interface Parts {
  privateKey: PrivateKey
  listen: readonly string[]
  mode: 'server' | 'client'
  /** Folder of the peer store; null keeps it in memory. */
  datastore: string | null
  /** Multiaddrs with `/p2p/`. */
  bootstrap: readonly string[]
  mdns: boolean
  connections: number
  subnets: Subnets
  /** None: names may lead anywhere. */
  guard: NameGuard | undefined
}

const dayMs = 86_400_000

const silent: Logger = Object.assign(() => {}, {
  enabled: false,
  error() {},
  trace() {},
  newScope: () => silent
})

/** What the standard clients of our network walk it by. */
export const kadProtocol = '/muttr/kad/1.0.0'

const services = (mode: 'server' | 'client') => ({
  // Asked of foreign peers only: what ours have to say stands in their greeting.
  identify: identify({ runOnConnectionOpen: false }),
  ping: ping(),
  kad: kadDHT({
    protocol: kadProtocol,
    clientMode: mode === 'client',
    // Which addresses are told is our table's choice; the default would drop those of a network on one machine.
    peerInfoMapper: passthroughMapper
  })
})

async function openStore(folder: string): Promise<LevelDatastore> {
  const store = new LevelDatastore(folder)
  try {
    // Not by its own open(), which keeps the reason to itself.
    await store.db.open()
  } catch (cause) {
    const locked = (cause as { cause?: { code?: string } }).cause?.code === 'LEVEL_LOCKED'
    const code = locked ? 'HOME_IN_USE' : 'HOME_DAMAGED'
    throw new MuttrError(code, `cannot open the peer store in ${folder}`, { cause })
  }
  return store
}

/** Ways through a relay last; else in the order of who named them, the farthest seen first. */
const directFirst: AddressSorter = (a, b) => {
  const rank = ({ multiaddr }: typeof a) =>
    isRelayed(multiaddr) ? scopes.length : -scopes.indexOf(scopeOf(multiaddr))
  return Math.sign(rank(a) - rank(b)) as -1 | 0 | 1
}

/** A libp2p node, not yet started. The reasons for its settings: docs/decisions/010-libp2p-settings.md */
export async function makeLibp2p(
  parts: Parts
): Promise<{ libp2p: Libp2p; transport: RelayTransport; close: () => Promise<void> }> {
  const store = parts.datastore === null ? undefined : await openStore(parts.datastore)
  const discovery: ((components: never) => PeerDiscovery)[] = []
  if (parts.mdns)
    discovery.push(
      mdns({ serviceTag: '_muttr._udp.local' }) as (components: never) => PeerDiscovery
    )
  if (parts.bootstrap.length > 0)
    discovery.push(
      bootstrap({ list: [...parts.bootstrap], timeout: 0 }) as (components: never) => PeerDiscovery
    )
  let transport: RelayTransport | undefined
  try {
    const libp2p = await createLibp2p({
      start: false,
      // libp2p makes some ten loggers for each stream; they are worth it only when somebody listens.
      ...(process.env.DEBUG === undefined && { logger: { forComponent: () => silent } }),
      privateKey: parts.privateKey,
      ...(store && { datastore: store }),
      addresses: { listen: [...parts.listen] },
      transports: [
        quickTcp(
          new Crowd(parts.connections, parts.subnets),
          parts.guard && createLookups(parts.guard)
        ),
        components => (transport = new RelayTransport(components as never))
      ],
      connectionEncrypters: [quickNoise()],
      streamMuxers: [
        quickYamux(p => p.startsWith('/muttr/') && p !== kadProtocol, {
          streamOptions: { maxStreamWindowSize: 1024 * 1024 }
        })
      ],
      peerDiscovery: discovery as never,
      connectionManager: {
        // A bound against floods; `Links` closes what exceeds the wanted number more gently.
        maxConnections: 2 * parts.connections + 32,
        inboundConnectionThreshold: 200,
        maxIncomingPendingConnections: 128,
        // Who says nothing holds one of those places no longer than an honest handshake over a bad line takes.
        inboundUpgradeTimeout: 5_000,
        maxParallelDials: 64,
        dialTimeout: 6_000,
        addressDialTimeout: 3_000,
        addressSorter: directFirst,
        ...(parts.guard && { resolvers: { dnsaddr: guardedDnsaddr(parts.guard) } })
      },
      connectionMonitor: { enabled: false },
      peerStore: { maxAddressAge: 30 * dayMs, maxPeerAge: 30 * dayMs },
      services: services(parts.mode)
    })
    tameKad(libp2p.services.kad)
    tamePing(libp2p.services.ping)
    return {
      libp2p,
      transport: transport!,
      async close() {
        // In this order: a node that stops still writes to its store.
        await libp2p.stop()
        await store?.close()
      }
    }
  } catch (err) {
    await store?.close()
    throw err
  }
}

/** libp2p tells why in the middle of its message. */
export function cannotListen(cause: unknown): unknown {
  const message = cause instanceof Error ? cause.message : ''
  const found = /(\/\S+): Error: listen (EADDRINUSE|EADDRNOTAVAIL|EACCES)/.exec(message)
  if (!found) return cause
  return new MuttrError('ADDRESS_IN_USE', `cannot listen on ${found[1]}: ${found[2]}`, { cause })
}
