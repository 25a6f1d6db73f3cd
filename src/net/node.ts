import type { Connection, Libp2p, PeerInfo } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { MuttrError } from '../base/errors.ts'
import type {
  Clock,
  Contact,
  Handler,
  Log,
  Network,
  PeerId,
  Reachability,
  RequestOptions
} from '../base/ports.ts'
import { dialable, readAddress, withoutPeer } from './addresses.ts'
import { bounded } from './bounded.ts'
import { type Answer, Slots, Traffic } from './channel/channel.ts'
import type { TrafficOptions } from './channel/traffic.ts'
import { systemClock } from './clock.ts'
import { Subnets } from './crowd.ts'
import { identifyForeign } from './kad.ts'
import { cannotListen, makeLibp2p } from './libp2p.ts'
import type { Link } from './links.ts'
import { Links } from './links.ts'
import type { PrivateKey } from './peer-key.ts'
import { PeerShelf } from './peer-shelf.ts'
import { parsePeer } from './place.ts'
import { Presence } from './reach/presence.ts'
import { type ReachInit, usualReach } from './reach/reacher.ts'
import type { RelayCaps } from './relay/server.ts'
import type { RelayTransport } from './relay/transport.ts'
import { Sessions } from './sessions.ts'
import type { NameGuard } from './transport/names.ts'
import type { Wake } from './wakes.ts'
import { watchMachine } from './wakes.ts'
import { Warmth } from './warmth.ts'

export interface NodeInit {
  privateKey: PrivateKey
  /** Multiaddrs; a client may have none. */
  listen: readonly string[]
  /** A server offers its methods and tells where it can be dialled; a client does neither. */
  mode: 'server' | 'client'
  /** Folder of the peer store; null keeps it in memory. */
  datastore: string | null
  /** Multiaddrs to find the first peers at, with or without `/p2p/`. */
  bootstrap?: readonly string[]
  /** Names that others name lead to public addresses alone, unless the network is a local one; without it anywhere. */
  guard?: NameGuard
  /** Look for peers on the local network. */
  mdns?: boolean
  clock?: Clock
  log: Log
  limits?: {
    /** Connections kept at once, 24 unless told; more are closed once they have been idle for a while. */
    connections?: number
    /** How long an unneeded connection may be idle before it is closed. */
    idleMs?: number
    /** Count loopback and private ranges as networks too: for tests, and for a network that lives in them. */
    groupLocal?: boolean
    /** Of what all channels together send and receive. */
    bandwidth?: TrafficOptions
  }
  /** How others reach us; unless told, by our own addresses alone. */
  reach?: Partial<ReachInit>
  /** Relays others that cannot be dialled; with other bounds than the usual ones for tests. */
  relay?: boolean | Partial<RelayCaps>
  /** Other ways to see that the machine slept or moved; for tests. */
  machine?: Pick<Parameters<typeof watchMachine>[0], 'steadyMs' | 'addresses' | 'everyMs'>
  /** Hears of peers found by mdns, bootstrap, the peer store or kad-dht: hearsay, not yet asked. */
  onCandidate?: (contact: Contact) => void
}

export interface Node extends Network, AsyncDisposable {
  readonly libp2p: Libp2p
  /** What our channels received and sent so far. */
  traffic(): { inBytes: number; outBytes: number }
  /** Whether and how others can dial us. */
  reach(): Reachability
  /** Wherever it may be dialled, from near or far. */
  places(): string[]
  /** Others, as they are seen from here. */
  outside(): Pick<Presence, 'hostOf' | 'tries'>
  /** What we relay for others; undefined where we do not. */
  relaying(): { reservations: number; connections: number } | undefined
  /** Hears when this machine slept, moved, or had its clock set; connections are being looked after meanwhile. */
  onWake(listener: (wake: Wake) => void): Disposable
}

/** Starts a node: the {@link Network} port over libp2p. @throws {MuttrError} `HOME_IN_USE` when the peer store is open elsewhere. */
export async function createNode(init: NodeInit): Promise<Node> {
  const { connections = 24, groupLocal = false } = init.limits ?? {}
  const subnets = new Subnets(groupLocal)
  const bootstrap = (init.bootstrap ?? []).map(readAddress)
  const { libp2p, transport, close } = await makeLibp2p({
    privateKey: init.privateKey,
    listen: init.listen,
    mode: init.mode,
    datastore: init.datastore,
    bootstrap: bootstrap.flatMap(({ address, peer }) => (peer ? [`${address}/p2p/${peer}`] : [])),
    mdns: init.mdns ?? false,
    connections,
    subnets,
    guard: groupLocal ? undefined : init.guard
  })
  const node = new LibNode({ libp2p, transport, close, init, connections, subnets })
  try {
    await node.start(bootstrap.flatMap(({ address, peer }) => (peer ? [] : [address])))
  } catch (err) {
    await node[Symbol.asyncDispose]()
    throw err
  }
  return node
}

const dialMs = 8_000
/** Over all connections, besides two for each: each may hold an answer of 320 KiB that nobody reads. */
const requestsAtWork = 128

interface LibParts {
  libp2p: Libp2p
  transport: RelayTransport
  close: () => Promise<void>
  init: NodeInit
  connections: number
  subnets: Subnets
}

class LibNode implements Node {
  readonly libp2p: Libp2p
  readonly self: PeerId
  readonly #close: () => Promise<void>
  readonly #init: NodeInit
  readonly #clock: Clock
  readonly #log: Log
  readonly #handlers = new Map<string, Handler>()
  readonly #links: Links
  readonly #sessions: Sessions
  readonly #presence: Presence
  readonly #warmth: Warmth
  readonly #subnets: Subnets
  readonly #traffic: Traffic
  readonly #shelf: PeerShelf
  readonly #closing = new AbortController()
  readonly #wakeListeners = new Set<(wake: Wake) => void>()
  readonly #watching: Disposable
  #contact: Contact | undefined

  constructor({ libp2p, transport, close, init, connections, subnets }: LibParts) {
    const { mode, log, clock = systemClock } = init
    this.#subnets = subnets
    this.libp2p = libp2p
    this.self = libp2p.peerId.toString()
    this.#close = close
    this.#init = init
    this.#clock = clock
    this.#log = log
    this.#shelf = new PeerShelf({ libp2p, clock, log })
    const answer = (link: Link) => this.#answer(link)
    const slots = new Slots(requestsAtWork)
    const traffic = (this.#traffic = new Traffic(clock, init.limits?.bandwidth))
    const presence = (this.#presence = this.#makePresence(transport))
    const greeting = (connection: Connection) => presence.greeting(connection)
    const { greeted } = presence
    this.#links = new Links({ libp2p, clock, log, slots, traffic, greeting, greeted, answer })
    this.#sessions = new Sessions({ libp2p, clock, log, mode, slots, traffic })
    this.#warmth = new Warmth({
      libp2p,
      clock,
      log,
      links: this.#links,
      connections,
      idleMs: init.limits?.idleMs ?? 60_000,
      inUse: connection => this.#sessions.isOn(connection) || presence.isOn(connection),
      dial: wanted => this.#reach(wanted, { timeoutMs: dialMs, signal: this.#closing.signal })
    })
    this.#watching = watchMachine({ ...init.machine, clock, onWake: wake => this.#woke(wake) })
  }

  #makePresence(transport: RelayTransport): Presence {
    const { libp2p } = this
    return new Presence({
      libp2p,
      clock: this.#clock,
      log: this.#log,
      links: {
        greeted: () => this.#links.greeted(),
        listen: listener => this.#links.listen(listener),
        heard: (link, said) => this.#links.heard(link, said)
      },
      transport,
      init: { ...usualReach, ...this.#init.reach },
      client: this.#init.mode === 'client',
      relay: this.#init.relay ?? false,
      closing: this.#closing.signal,
      connect: (address, signal) => libp2p.dial(multiaddr(address), { signal }),
      onChange: () => {
        this.#contact = undefined
      }
    })
  }

  onWake(listener: (wake: Wake) => void): Disposable {
    this.#wakeListeners.add(listener)
    return { [Symbol.dispose]: () => this.#wakeListeners.delete(listener) }
  }

  #woke(wake: Wake): void {
    if (this.#closing.signal.aborted) return
    this.#log.info('this machine woke up, or moved, or had its clock set', { ...wake })
    this.#presence.look()
    const awayMs = wake.type === 'slept' ? wake.ms : undefined
    for (const { channel } of this.#links.all()) channel.probe(awayMs)
    this.#sessions.probe(awayMs)
    this.#warmth.woke()
    for (const listener of this.#wakeListeners) listener(wake)
  }

  async start(bootstrap: readonly string[]): Promise<void> {
    const { libp2p } = this
    libp2p.addEventListener('connection:open', ({ detail }) => void this.#opened(detail))
    libp2p.addEventListener('self:peer:update', () => this.#presence.look())
    libp2p.addEventListener('peer:discovery', ({ detail }) => this.#discovered(detail))
    try {
      await libp2p.start()
    } catch (cause) {
      throw cannotListen(cause)
    }
    await this.#presence.start()
    const options = { timeoutMs: dialMs, signal: this.#closing.signal }
    for (const address of bootstrap)
      this.dial(address, options).then(this.#init.onCandidate, err =>
        this.#log.info('bootstrap address not reached', { address, err })
      )
    if (this.#init.onCandidate)
      for (const { id, addresses } of await libp2p.peerStore.all({ limit: 500 }))
        this.#discovered({ id, multiaddrs: addresses.map(a => a.multiaddr) })
    this.#shelf.tidy()
  }

  contact(): Contact {
    this.#contact ??= { peer: this.self, addresses: this.#presence.addresses() }
    return this.#contact
  }

  isServer = (): boolean => this.#presence.isServer()
  reach = (): Reachability => this.#presence.reach()
  places = () => this.#presence.places()
  relaying = () => this.#presence.relaying()
  outside = (): Presence => this.#presence

  serve(method: string, handler: Handler): void {
    this.#handlers.set(method, handler)
  }

  request(
    to: Contact,
    method: string,
    payload: Uint8Array,
    options: RequestOptions
  ): Promise<Uint8Array> {
    const link = this.#links.best(to.peer)
    if (link) return link.channel.request(method, payload, options)
    return this.#reachAndAsk(to, method, payload, options)
  }

  async #reachAndAsk(
    to: Contact,
    method: string,
    payload: Uint8Array,
    options: RequestOptions
  ): Promise<Uint8Array> {
    const untilMs = this.#clock.now() + options.timeoutMs
    const { channel } = await this.#reach(to, options)
    const timeoutMs = Math.max(1, untilMs - this.#clock.now())
    return channel.request(method, payload, { ...options, timeoutMs })
  }

  open(to: Contact, protocol: string, options: RequestOptions) {
    return this.#bounded(to.peer, options, async signal =>
      this.#sessions.open(await this.#connect(to, signal), protocol, signal)
    )
  }

  accept(protocol: string, take: Parameters<Network['accept']>[1]): void {
    this.#sessions.accept(protocol, take)
  }

  dial(text: string, options: RequestOptions): Promise<Contact> {
    return this.#bounded(text, options, async signal => {
      const { address, peer } = readAddress(text)
      const connection = await this.libp2p.dial(
        multiaddr(peer ? `${address}/p2p/${peer}` : address),
        { signal }
      )
      return { peer: connection.remotePeer.toString(), addresses: [address] }
    })
  }

  connected(): { contact: Contact; server: boolean }[] {
    return this.#links.greeted().map(({ contact, server }) => ({ contact, server }))
  }

  isConnected(peer: PeerId): boolean {
    return this.#links.isConnected(peer)
  }

  traffic(): { inBytes: number; outBytes: number } {
    const { inBytes, outBytes } = this.#traffic
    return { inBytes, outBytes }
  }

  subnetOf(peer: PeerId): string | undefined {
    const [connection] = this.libp2p.getConnections(parsePeer(peer))
    return connection && this.#subnets.of(connection)
  }

  onPeer(listener: Parameters<Network['onPeer']>[0]): Disposable {
    return this.#links.listen(listener)
  }

  keepWarm(contacts: readonly Contact[]): void {
    this.#warmth.keep(contacts.filter(({ peer }) => peer !== this.self))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new MuttrError('CANCELLED', 'the node is closing'))
    this.#watching[Symbol.dispose]()
    this.#warmth[Symbol.dispose]()
    await this.#presence[Symbol.asyncDispose]()
    this.#shelf[Symbol.dispose]()
    await this.#close()
  }

  /** A channel to a peer, dialling where there is no connection. */
  #reach(to: Contact, options: RequestOptions): Promise<Link> {
    return this.#bounded(to.peer, options, async signal =>
      this.#links.on(await this.#connect(to, signal), signal)
    )
  }

  async #connect(to: Contact, signal: AbortSignal): Promise<Connection> {
    const peer = parsePeer(to.peer)
    const open = this.libp2p.getConnections(peer).filter(c => c.status === 'open')
    const kept = open.find(c => !this.#links.parted(c))
    if (kept) return kept
    const options = { signal, force: open.length > 0 }
    const named = dialable(to)
    if (named.length > 0) return this.libp2p.dial(named, options)
    // Never libp2p's own search by kad-dht: our routing knows better, and it would take seconds.
    const known = (await this.libp2p.peerStore.has(peer)) && (await this.libp2p.peerStore.get(peer))
    const addresses = known ? known.addresses.map(a => withoutPeer(a.multiaddr)) : []
    const stored = dialable({ peer: to.peer, addresses })
    if (stored.length === 0) throw new MuttrError('PEER_UNREACHABLE', 'no address is known')
    return this.libp2p.dial(stored, options)
  }

  #bounded<T>(
    what: string,
    options: RequestOptions,
    run: (signal: AbortSignal) => Promise<T>
  ): Promise<T> {
    return bounded(what, { ...options, clock: this.#clock, closing: this.#closing.signal }, run)
  }

  #answer(link: Link): Answer {
    const from = link.peer
    return (method, payload, signal) => {
      const own = this.#presence.answer(link, method, payload, signal)
      if (own) return own
      const handler = this.#init.mode === 'server' ? this.#handlers.get(method) : undefined
      if (!handler) throw new MuttrError('METHOD_UNKNOWN', `no method ${method} here`)
      return handler(payload, from, signal)
    }
  }

  /** The side that dialled opens the channel, without waiting to be asked for it. */
  async #opened(connection: Connection): Promise<void> {
    if (connection.direction !== 'outbound' || this.#presence.isTrial(connection)) return
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(dialMs)])
    try {
      const { channel } = await this.#links.on(connection, signal)
      await channel.closed
      if (channel.greeting) return
    } catch (err) {
      this.#log.debug('connection without a channel', { err })
    }
    // No peer of ours; perhaps one of kad-dht's.
    if (connection.status === 'open') await identifyForeign(this.libp2p, connection)
  }

  #discovered({ id, multiaddrs }: PeerInfo): void {
    if (multiaddrs.length === 0 || id.equals(this.libp2p.peerId)) return
    this.#init.onCandidate?.({ peer: id.toString(), addresses: multiaddrs.map(withoutPeer) })
  }
}
