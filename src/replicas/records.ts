import type { PeerId } from '../base/ports.ts'
import type { DhtRecord } from '../wire/record.ts'
import { compareRecords } from '../wire/record.ts'

/** Collects what the R nearest hold of one record: the best of them wins, and the others are given it. */
export class RecordRead {
  readonly #answers = new Map<PeerId, DhtRecord | null>()
  #best: DhtRecord | undefined

  /** @param record verified, or null where the peer has none. */
  heard(peer: PeerId, record: DhtRecord | null): void {
    this.#answers.set(peer, record)
    if (record && (!this.#best || compareRecords(record, this.#best) < 0)) this.#best = record
  }

  get best(): DhtRecord | undefined {
    return this.#best
  }

  get answers(): number {
    return this.#answers.size
  }

  /** Who answered with nothing or with an older one. */
  behind(): PeerId[] {
    const best = this.#best
    if (!best) return []
    const isBehind = (held: DhtRecord | null) => !held || compareRecords(best, held) < 0
    return [...this.#answers].filter(([, held]) => isBehind(held)).map(([peer]) => peer)
  }
}
