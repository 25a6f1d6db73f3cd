import type { PeerId } from '../base/ports.ts'

/** What a peer said of a key when asked after a read. */
export type Answer = 'none' | 'blob' | 'tombstone' | 'failed'

/**
 * Read repair: of the R nearest it is asked who has the key; those without it are given a copy, at most `pushesMax` of them,
 * nearest first. A tombstone anywhere ends it: what was released must not come back.
 */
export class ReadRepair {
  readonly #answers = new Map<PeerId, Answer | undefined>()
  readonly #pushesMax: number
  #released = false

  /** @param holders the R nearest, nearest first, without us. @param pushesMax copies given away per read. */
  constructor(holders: readonly PeerId[], pushesMax = 2) {
    for (const peer of holders) this.#answers.set(peer, undefined)
    this.#pushesMax = pushesMax
  }

  /** Reports what `peer` said; `tombstone` and `blob` only when it proved them. */
  heard(peer: PeerId, answer: Answer): void {
    if (!this.#answers.has(peer)) return
    this.#answers.set(peer, answer)
    if (answer === 'tombstone') this.#released = true
  }

  get complete(): boolean {
    return this.#released || [...this.#answers.values()].every(a => a !== undefined)
  }

  /** Whom to give a copy, once it is {@link complete}. */
  pushes(): PeerId[] {
    if (this.#released || !this.complete) return []
    const without = [...this.#answers].filter(([, answer]) => answer === 'none')
    return without.slice(0, this.#pushesMax).map(([peer]) => peer)
  }
}

/**
 * Whether a read gave reason to look after the copies: somebody nearer than the one who had it was away or had none, or this
 * read is drawn by lot.
 * @param lot 0 to 1
 */
export const isRepairDue = (o: { lacking: number; lot: number }): boolean =>
  o.lacking > 0 || o.lot < repairShare

/** One in sixteen undisturbed reads: a `have` of the R nearest costs as much as eight gets. */
const repairShare = 1 / 16
