import type { Connection, Libp2p } from '@libp2p/interface'
import type { Clock, Contact, Log, PeerId } from '../base/ports.ts'
import type { Link, Links } from './links.ts'
import { endSoon } from './stream.ts'

interface Parts {
  libp2p: Libp2p
  clock: Clock
  log: Log
  links: Links
  /** Connections kept at once. */
  connections: number
  idleMs: number
  /** Carries a private stream. */
  inUse: (connection: Connection) => boolean
  dial: (contact: Contact) => Promise<Link>
}

const sweepMs = 5_000
/** How long an unneeded connection may be idle when half as many again are open as should be. */
const crowdedIdleMs = 2_000
const dialsAtOnce = 4
const retryMs = 30_000

/** Which connections stay: those to the neighbourhood are made and kept, what exceeds the limit goes once it is idle. */
export class Warmth implements Disposable {
  readonly #parts: Parts
  #wanted: Contact[] = []
  #kept = new Set<PeerId>()
  readonly #dialling = new Set<PeerId>()
  readonly #failedMs = new Map<PeerId, number>()
  readonly #seenMs = new WeakMap<Connection, number>()
  #timer: Disposable

  constructor(parts: Parts) {
    this.#parts = parts
    this.#timer = parts.clock.after(sweepMs, () => this.#sweep())
  }

  /**
   * A third of the connections at most. As many come to us from those who want us near, and are closed by nobody as long as the
   * rest suffices for lookups; with two thirds, nodes closed and dialled each other without end.
   */
  keep(contacts: readonly Contact[]): void {
    this.#wanted = contacts.slice(0, Math.max(1, Math.floor(this.#parts.connections / 3)))
    this.#kept = new Set(this.#wanted.map(({ peer }) => peer))
    for (const peer of this.#failedMs.keys()) if (!this.#kept.has(peer)) this.#failedMs.delete(peer)
    this.#dialMissing()
  }

  #dialMissing(): void {
    const { clock, links, dial, log } = this.#parts
    for (const contact of this.#wanted) {
      const { peer } = contact
      if (this.#dialling.size >= dialsAtOnce) return
      if (links.best(peer) || this.#dialling.has(peer)) continue
      if (clock.now() - (this.#failedMs.get(peer) ?? -retryMs) < retryMs) continue
      this.#dialling.add(peer)
      dial(contact)
        .then(
          () => this.#failedMs.delete(peer),
          err => {
            this.#failedMs.set(peer, clock.now())
            log.debug('neighbour not reached', { peer, err })
          }
        )
        .finally(() => {
          this.#dialling.delete(peer)
          this.#dialMissing()
        })
    }
  }

  /** Connections may be dead, and what could not be reached before may be there now. */
  woke(): void {
    this.#failedMs.clear()
    this.#dialMissing()
  }

  #sweep(): void {
    this.#closeExcess()
    this.#dialMissing()
    this.#timer = this.#parts.clock.after(sweepMs, () => this.#sweep())
  }

  /** The longest unused go first; none that is kept, busy, or was used lately. */
  #closeExcess(): void {
    const { libp2p, links, clock, connections, idleMs, inUse } = this.#parts
    const open = libp2p.getConnections().filter(({ status }) => status === 'open')
    const now = clock.now()
    const byConnection = new Map(links.all().map(link => [link.connection, link]))
    const excess = open.length - connections
    // A crowd of newcomers must not find the door shut because the last ones still stand in it.
    const patienceMs = excess > connections / 2 ? Math.min(idleMs, crowdedIdleMs) : idleMs
    const idle = open
      .map(connection => {
        const link = byConnection.get(connection)
        if (!this.#seenMs.has(connection)) this.#seenMs.set(connection, now)
        return { connection, link, usedMs: link?.channel.usedMs ?? this.#seenMs.get(connection)! }
      })
      .filter(
        ({ connection, link, usedMs }) =>
          now - usedMs >= patienceMs &&
          !link?.channel.busy &&
          !inUse(connection) &&
          !this.#kept.has(connection.remotePeer.toString())
      )
      .sort((a, b) => a.usedMs - b.usedMs)
    for (const { connection, link } of idle.slice(0, Math.max(0, excess)))
      void this.#part(connection, link)
  }

  async #part(connection: Connection, link: Link | undefined): Promise<void> {
    await link?.channel.leave()
    endSoon(connection)
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
    this.#wanted = []
    this.#kept.clear()
  }
}
