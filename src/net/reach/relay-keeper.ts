import type { Connection } from '@libp2p/interface'
import type { Clock, Log, Millis, PeerId } from '../../base/ports.ts'
import { isRelayed, readAddress, withoutPeer } from '../addresses.ts'
import type { Links } from '../links.ts'
import type { RelayTransport } from '../relay/transport.ts'

interface Parts {
  clock: Clock
  log: Log
  links: Pick<Links, 'greeted'>
  transport: RelayTransport
  closing: AbortSignal
  /** Multiaddrs with `/p2p/`, asked before others. */
  preferred: () => readonly string[]
  connect: (address: string, signal: AbortSignal) => Promise<Connection>
}

interface Place {
  connection: Connection
  address: string
  renewMs: Millis
  untilMs: Millis
}

const wanted = 2
/** Asked for a place in one go, besides the preferred. */
const othersTried = 4
const reserveMs: Millis = 6_000
const retryMs: Millis = 5 * 60_000
const triedMax = 256

/** Keeps places at relays while nobody can dial us: at our pods first, else at peers that turn out to relay. */
export class RelayKeeper {
  readonly #p: Parts
  readonly #places = new Map<PeerId, Place>()
  readonly #failedMs = new Map<PeerId, Millis>()

  constructor(parts: Parts) {
    this.#p = parts
  }

  /** Where we can be dialled through them. */
  addresses(): string[] {
    const nowMs = this.#p.clock.now()
    return [...this.#places.values()]
      .filter(({ untilMs }) => untilMs > nowMs)
      .map(({ address }) => address)
  }

  /** @returns whether a place was lost with a connection. */
  lost(connection: Connection): boolean {
    const peer = connection.remotePeer.toString()
    if (this.#places.get(peer)?.connection !== connection) return false
    this.#drop(peer)
    return true
  }

  /** It is there again: what it refused, or did not hear, it may be asked anew. */
  back(peer: PeerId): void {
    this.#failedMs.delete(peer)
  }

  release(): void {
    for (const peer of [...this.#places.keys()]) this.#drop(peer)
    this.#failedMs.clear()
  }

  async keep(): Promise<void> {
    const { clock } = this.#p
    for (const [peer, { connection, renewMs }] of [...this.#places])
      if (renewMs <= clock.now() && !(await this.#reserve(connection))) this.#drop(peer)
    for (const address of this.#p.preferred())
      if (this.#places.size < wanted) await this.#reserveAt(address)
    const others = this.#p.links.greeted().filter(({ server }) => server)
    for (const { peer, connection } of others.slice(0, othersTried))
      if (this.#places.size < wanted && this.#mayTry(peer)) await this.#reserve(connection)
  }

  async #reserveAt(text: string): Promise<void> {
    const { peer } = readAddress(text)
    if (!peer || !this.#mayTry(peer)) return
    const signal = AbortSignal.any([this.#p.closing, AbortSignal.timeout(reserveMs)])
    try {
      await this.#reserve(await this.#p.connect(text, signal))
    } catch {
      this.#failed(peer)
    }
  }

  #mayTry(peer: PeerId): boolean {
    const failedMs = this.#failedMs.get(peer) ?? Number.NEGATIVE_INFINITY
    return !this.#places.has(peer) && this.#p.clock.now() - failedMs >= retryMs
  }

  /** Only at one that we dialled ourselves, since only that address is known to work. */
  async #reserve(connection: Connection): Promise<boolean> {
    const { clock, log, transport, closing } = this.#p
    const peer = connection.remotePeer.toString()
    try {
      if (connection.direction !== 'outbound' || isRelayed(connection.remoteAddr))
        throw new TypeError('not dialled by us')
      const signal = AbortSignal.any([closing, AbortSignal.timeout(reserveMs)])
      const untilMs = await transport.reserve(connection, signal)
      const address = `${withoutPeer(connection.remoteAddr)}/p2p/${peer}/p2p-circuit`
      const nowMs = clock.now()
      const renewMs = nowMs + Math.max(0, untilMs - nowMs) / 2
      this.#places.set(peer, { connection, address, renewMs, untilMs })
      return true
    } catch (err) {
      log.debug('no place at a relay', { peer, err })
      this.#failed(peer)
      return false
    }
  }

  #failed(peer: PeerId): void {
    this.#failedMs.set(peer, this.#p.clock.now())
    if (this.#failedMs.size > triedMax) this.#failedMs.delete(this.#failedMs.keys().next().value!)
  }

  #drop(peer: PeerId): void {
    this.#places.delete(peer)
    this.#p.transport.release(peer)
  }
}
