import type { Connection, Libp2p, NewStreamOptions, Stream } from '@libp2p/interface'
import type { Clock, Contact, Log, PeerEvent, PeerId } from '../base/ports.ts'
import type { Standing } from '../wire/reach.ts'
import { believable, withoutPeer } from './addresses.ts'
import type { Answer, Slots, Traffic } from './channel/channel.ts'
import { Channel } from './channel/channel.ts'
import { connectLane, endSoon, laneOf } from './stream.ts'

export const controlProtocol = '/muttr/control/1'
export const bulkProtocol = '/muttr/bulk/1'

/** A connection with a channel on it. */
export interface Link {
  readonly peer: PeerId
  readonly connection: Connection
  readonly channel: Channel
  /** Known once the greeting has come. */
  contact: Contact
  server: boolean
}

interface Parts {
  libp2p: Libp2p
  clock: Clock
  log: Log
  slots: Slots
  traffic: Traffic
  /** What a greeting on a connection says of us. */
  greeting: (connection: Connection) => Standing
  /** It has been said. */
  greeted: (link: Link, said: Standing) => void
  answer: (link: Link) => Answer
}

interface Half {
  link?: Link
  bulk?: Stream
}

/** The channels on our connections: made by the side that dialled, at most one per connection and opener. */
export class Links {
  readonly #parts: Parts
  readonly #byPeer = new Map<PeerId, Link[]>()
  readonly #halves = new Map<string, Half>()
  readonly #opening = new Map<string, Promise<Link>>()
  readonly #parted = new WeakSet<Connection>()
  readonly #listeners = new Set<(event: PeerEvent) => void>()

  constructor(parts: Parts) {
    this.#parts = parts
    const { libp2p } = parts
    const options = { maxInboundStreams: 2, maxOutboundStreams: 2 }
    const take = (name: 'control' | 'bulk') => (stream: Stream, connection: Connection) => {
      this.#add(name, stream, connection, `in ${connection.id}`)
    }
    void libp2p.handle(controlProtocol, take('control'), options)
    void libp2p.handle(bulkProtocol, take('bulk'), options)
  }

  /** The channel to use for a new request: the oldest that is not on its way out. */
  best(peer: PeerId): Link | undefined {
    return this.#byPeer.get(peer)?.find(({ channel }) => !channel.leaving)
  }

  /** One side has said goodbye on it: nothing new belongs there. */
  parted(connection: Connection): boolean {
    return this.#parted.has(connection)
  }

  all(): Link[] {
    return [...this.#byPeer.values()].flat()
  }

  /** Those that have greeted, one per peer: the last, whose word about the peer holds. */
  greeted(): Link[] {
    return [...this.#byPeer.values()].flatMap(links => links.findLast(greeted) ?? [])
  }

  isConnected(peer: PeerId): boolean {
    return this.#byPeer.get(peer)?.some(greeted) ?? false
  }

  listen(listener: (event: PeerEvent) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) }
  }

  /** The channel on this very connection, opened when there is none. @throws what libp2p throws */
  async on(connection: Connection, signal: AbortSignal): Promise<Link> {
    const peer = connection.remotePeer.toString()
    const known = this.#byPeer
      .get(peer)
      ?.find(link => link.connection === connection && !link.channel.leaving)
    if (known) return known
    const key = `out ${connection.id}`
    const opening = this.#opening.get(key) ?? this.#open(connection, key, signal)
    this.#opening.set(key, opening)
    try {
      return await opening
    } finally {
      this.#opening.delete(key)
    }
  }

  async #open(connection: Connection, key: string, signal: AbortSignal): Promise<Link> {
    const { log } = this.#parts
    const options = { signal, maxOutboundStreams: 2 }
    const control = connection.newStream(controlProtocol, options)
    this.#openBulk(connection, key, options).catch(err => log.debug('no bulk stream', { err }))
    const link = this.#add('control', await control, connection, key)
    if (!link) throw new Error('the connection closed')
    return link
  }

  async #openBulk(connection: Connection, key: string, options: NewStreamOptions): Promise<void> {
    const stream = await connection.newStream(bulkProtocol, options)
    // An opened stream tells nobody before its first bytes: so that the window is wide when a large payload comes.
    stream.send(new Uint8Array(0))
    this.#add('bulk', stream, connection, key)
  }

  #add(name: 'control' | 'bulk', stream: Stream, connection: Connection, key: string) {
    const half = this.#halves.get(key) ?? {}
    const used = name === 'control' ? half.link : half.bulk
    if (used || stream.status !== 'open') {
      stream.abort(new Error('one stream of a kind'))
      return undefined
    }
    this.#halves.set(key, half)
    if (name === 'control') half.link = this.#link(stream, connection, key)
    else {
      half.bulk = stream
      stream.addEventListener('close', () => {
        if (!half.link) this.#halves.delete(key)
      })
    }
    if (half.link && half.bulk) {
      connectLane(half.bulk, half.link.channel, 'bulk')
      half.link.channel.attachBulk(laneOf(half.bulk))
    }
    return half.link
  }

  #link(control: Stream, connection: Connection, key: string): Link {
    const { clock, log, slots, traffic, greeting, answer } = this.#parts
    const peer = connection.remotePeer.toString()
    const said = greeting(connection)
    const channel = new Channel({
      clock,
      log,
      slots,
      traffic,
      control: laneOf(control),
      greeting: said,
      onGreeting: heard => {
        hear(link, heard)
        this.#connected(link)
      },
      onLeaving: () => void this.#parted.add(connection),
      close: error => {
        const { bulk } = this.#halves.get(key) ?? {}
        if (error) {
          this.#parted.add(connection)
          endSoon(connection, error)
        } else for (const stream of [control, bulk]) if (stream) endSoon(stream)
        this.#gone(link, key)
      }
    })
    const link: Link = {
      peer,
      connection,
      channel,
      contact: { peer, addresses: [] },
      server: false
    }
    channel.serve(answer(link))
    this.#parts.greeted(link, said)
    this.#byPeer.set(peer, [...(this.#byPeer.get(peer) ?? []), link])
    connectLane(control, channel, 'control')
    return link
  }

  /** A peer told that its greeting no longer holds. */
  heard(link: Link, said: Standing): void {
    hear(link, said)
    this.#tell('changed', link)
  }

  /** A peer that has moved greets again while its old connection still stands here, dead. */
  #connected(link: Link): void {
    const others = this.#byPeer.get(link.peer)?.filter(other => other !== link && greeted(other))
    if (!others?.length) this.#tell('connected', link)
    else if (others.some(({ server }) => server !== link.server)) this.#tell('changed', link)
  }

  #gone(link: Link, key: string): void {
    this.#halves.delete(key)
    const left = (this.#byPeer.get(link.peer) ?? []).filter(other => other !== link)
    if (left.length > 0) this.#byPeer.set(link.peer, left)
    else this.#byPeer.delete(link.peer)
    if (greeted(link) && !left.some(greeted)) this.#tell('disconnected', link)
  }

  #tell(type: PeerEvent['type'], { contact, server, channel }: Link): void {
    const event = {
      type,
      contact,
      server,
      ...(type === 'disconnected' && { inPeace: channel.inPeace })
    }
    for (const listener of this.#listeners)
      try {
        listener(event)
      } catch (err) {
        // Told from within a stream's events, where nobody else catches a mistake, and the others are to hear it too.
        this.#parts.log.warn('a listener to peers failed', { err })
      }
  }
}

/** Of one that is no server, only relays can lead to it, and the way by which we have just reached it. */
function hear(link: Link, { server, addresses }: Standing): void {
  const { peer, connection } = link
  const dialled = connection.direction === 'outbound' ? [withoutPeer(connection.remoteAddr)] : []
  const told = server ? addresses : addresses.filter(address => address.endsWith('/p2p-circuit'))
  link.server = server
  link.contact = { peer, addresses: believable([...dialled, ...told], connection.remoteAddr) }
}

const greeted = ({ channel }: Link): boolean => channel.greeting !== undefined
