import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Clock, Log } from '../base/ports.ts'

/** Peers that are remembered across restarts. */
const keptMax = 1_000
const sweepMs = 60 * 60_000

/**
 * Keeps libp2p's peer store small: libp2p writes a row for each peer id that ever opened a stream, and ids cost nothing. What stays
 * are peers that can be dialled again, the latest thousand of them.
 */
export class PeerShelf implements Disposable {
  readonly #libp2p: Libp2p
  readonly #clock: Clock
  readonly #log: Log
  /** The latest stand last. */
  readonly #kept = new Map<string, PeerId>()
  #timer: Disposable | undefined

  constructor({ libp2p, clock, log }: { libp2p: Libp2p; clock: Clock; log: Log }) {
    this.#libp2p = libp2p
    this.#clock = clock
    this.#log = log
    libp2p.addEventListener('peer:disconnect', ({ detail }) => this.#quietly(this.#left(detail)))
  }

  /** Looks through what former runs left, now and every hour. */
  tidy(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = this.#clock.after(sweepMs, () => this.tidy())
    this.#quietly(this.#sweep())
  }

  async #sweep(): Promise<void> {
    const { peerStore } = this.#libp2p
    for (const { id, addresses } of await peerStore.all())
      if (addresses.length > 0) await this.#keep(id)
      else await this.#forget(id)
  }

  async #left(peer: PeerId): Promise<void> {
    const { peerStore } = this.#libp2p
    if (!(await peerStore.has(peer))) return
    const { addresses } = await peerStore.get(peer)
    if (addresses.length > 0) await this.#keep(peer)
    else await this.#forget(peer)
  }

  async #keep(peer: PeerId): Promise<void> {
    const name = peer.toString()
    if (peer.equals(this.#libp2p.peerId)) return
    this.#kept.delete(name)
    this.#kept.set(name, peer)
    if (this.#kept.size <= keptMax) return
    const [oldest, id] = this.#kept.entries().next().value!
    this.#kept.delete(oldest)
    await this.#forget(id)
  }

  async #forget(peer: PeerId): Promise<void> {
    const { peerStore, peerId } = this.#libp2p
    if (peer.equals(peerId) || this.#libp2p.getConnections(peer).length > 0) return
    await peerStore.delete(peer)
  }

  #quietly(work: Promise<void>): void {
    work.catch(err => this.#log.debug('peer store not tidied', { err }))
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }
}
