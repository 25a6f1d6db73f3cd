import type { Millis } from '../../base/ports.ts'
import { pings } from '../../routing/upkeep.ts'
import type { Foes } from './foes.ts'
import type { WideTables } from './tables.ts'

interface Parts {
  foes: Foes
  tables: WideTables
  nowMs(): Millis
}

/**
 * How many of those that floods invented a node pings, as candidates for its table: those for whom there is room, as many as wait in line at a
 * time, and none again that it pinged in vain a while ago. Of these last only the number is kept; which they are is left to chance.
 */
export class FloodPings {
  readonly #p: Parts
  readonly #shunned: Float32Array
  readonly #lookedMs: Float64Array

  constructor(parts: Parts, capacity: number) {
    this.#p = parts
    this.#shunned = new Float32Array(capacity)
    this.#lookedMs = new Float64Array(capacity)
  }

  static bytesPerNode = 4 + 8

  /** After a lookup of `from`. */
  take(from: number): number {
    const { foes, tables, nowMs } = this.#p
    let wanted = 0
    for (const id of foes.told()) if (tables.wants(from, id)) wanted += 1
    if (wanted === 0) return 0
    const passedMs = nowMs() - this.#lookedMs[from]!
    this.#lookedMs[from] = nowMs()
    const shunned = this.#shunned[from]! * Math.max(0, 1 - passedMs / pings.shunMs)
    const fresh = Math.max(0, 1 - shunned / this.#pool(from))
    const count = Math.min(pings.queueMax, wanted * fresh)
    this.#shunned[from] = Math.min(pings.shunnedMax, shunned + count)
    return count
  }

  /** Of all invented ids those for whom it has room. */
  #pool(from: number): number {
    const { foes, tables } = this.#p
    return Math.max(1, foes.inventedCount * tables.roomShare(from))
  }
}
