import type { Millis, PeerId } from '../base/ports.ts'

/** Who came and who went. */
export interface Changes {
  readonly joined: readonly PeerId[]
  readonly left: readonly PeerId[]
}

/** Since when we know whom. Sans-IO: is shown the routing table from time to time. */
export class Neighbours {
  readonly #since = new Map<PeerId, Millis>()
  readonly #settledMs: Millis
  #isFirst = true

  /** @param settledMs how long a peer must have been known to count on what it holds. */
  constructor(settledMs: Millis) {
    this.#settledMs = settledMs
  }

  /** Those that are there at the first look were there before us: they are settled, and no change. */
  look(peers: Iterable<PeerId>, nowMs: Millis): Changes {
    const there = new Set(peers)
    const left = [...this.#since.keys()].filter(peer => !there.has(peer))
    for (const peer of left) this.#since.delete(peer)
    const joined = [...there].filter(peer => !this.#since.has(peer))
    for (const peer of joined) this.#since.set(peer, this.#isFirst ? -Infinity : nowMs)
    if (!this.#isFirst) return { joined, left }
    this.#isFirst = false
    return { joined: [], left: [] }
  }

  isSettled(peer: PeerId, nowMs: Millis): boolean {
    const since = this.#since.get(peer)
    return since !== undefined && nowMs - since >= this.#settledMs
  }
}
