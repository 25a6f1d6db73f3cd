import type { Millis } from '../../base/ports.ts'
import { asking, pings } from '../../routing/upkeep.ts'
import type { Foes } from './foes.ts'
import type { WideTables } from './tables.ts'

interface Parts {
  foes: Foes
  tables: WideTables
  /** Before the first hour it is below zero. */
  nowMs(): Millis
  /** Whether somebody looks at what a node sent as time goes by. */
  isFollowed(node: number): boolean
}

/** Of pings that nobody answers. */
const perMs = pings.atOnce / asking.timeoutMs

/**
 * How many of those that floods invented a node pings, as candidates for its table: those for whom there is room, as many as wait in line at a
 * time, and none again that it pinged in vain a while ago. Of these last only the number is kept; which they are is left to chance. Since nobody answers, those that
 * wait are sent at an even pace.
 */
export class FloodPings {
  readonly #p: Parts
  readonly #shunned: Float32Array
  readonly #waiting: Uint8Array
  readonly #lookedMs: Float64Array

  constructor(parts: Parts, capacity: number) {
    this.#p = parts
    this.#shunned = new Float32Array(capacity)
    this.#waiting = new Uint8Array(capacity)
    this.#lookedMs = new Float64Array(capacity)
  }

  static bytesPerNode = 4 + 1 + 8

  isBusy(node: number): boolean {
    return this.#waiting[node]! > 0
  }

  /** @returns how many were sent since it was last looked at. */
  sent(from: number): number {
    const nowMs = this.#p.nowMs()
    const passedMs = nowMs - this.#lookedMs[from]!
    const sent = Math.min(this.#waiting[from]!, Math.floor(passedMs * perMs))
    this.#waiting[from]! -= sent
    const shunned = this.#shunned[from]! * Math.max(0, 1 - passedMs / pings.shunMs)
    this.#shunned[from] = Math.min(pings.shunnedMax, shunned + sent)
    this.#lookedMs[from] = nowMs
    return sent
  }

  /** After a lookup of `from`. @returns how many were sent since the one before; of those that are not followed, all. */
  take(from: number): number {
    const { foes, tables, isFollowed } = this.#p
    const sent = this.sent(from)
    let wanted = 0
    for (const id of foes.told()) if (tables.wants(from, id)) wanted += 1
    const known = (this.#shunned[from]! + this.#waiting[from]!) / this.#pool(from)
    const waiting = this.#waiting[from]! + wanted * Math.max(0, 1 - known)
    this.#waiting[from] = Math.min(pings.queueMax, Math.round(waiting))
    if (isFollowed(from)) return sent
    const all = this.#waiting[from]!
    this.#waiting[from] = 0
    this.#shunned[from] = Math.min(pings.shunnedMax, this.#shunned[from]! + all)
    return sent + all
  }

  /** Of all invented ids those for whom it has room. */
  #pool(from: number): number {
    const { foes, tables } = this.#p
    return Math.max(1, foes.inventedCount * tables.roomShare(from))
  }
}
