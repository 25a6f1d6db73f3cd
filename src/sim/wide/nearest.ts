import type { Millis } from '../../base/ports.ts'
import { Avoided } from '../../replicas/avoided.ts'
import { usualRepair } from '../../replicas/repair-parameters.ts'
import type { Calendar } from './calendar.ts'
import type { Foes } from './foes.ts'
import type { Places } from './places.ts'
import { nobody, Shortlist } from './places.ts'
import type { Reach } from './reach.ts'
import type { WideTables } from './tables.ts'

/** Beyond R: to find our own rank, as repair's view of a place does. */
const moreThanR = 12

interface Parts {
  places: Places
  tables: WideTables
  reach: Reach
  foes: Foes
  calendar: Calendar
  replicas: number
  /** Those who were there before the first hour came just before it. */
  isYoung: boolean
}

/** What a holder keeps of those that lose what they are given, until it leaves. */
interface Judged {
  readonly avoided: Avoided
  /** `BLOB NODE` */
  readonly given: Set<string>
}

/**
 * Those nearest to a blob, as they are; and where some are hostile as one holder sees them: without ids that were minted and for which its table
 * had no room, and without those that it passes over because they lose what it gives them (`src/replicas/avoided.ts` itself).
 */
export class Nearest {
  /** What of it counts is {@link size}. */
  nodes: Uint32Array
  size = 0
  readonly #p: Parts
  readonly #all: Shortlist
  readonly #seen: Uint32Array
  readonly #most: number
  readonly #judged = new Map<number, Judged>()

  constructor(parts: Parts) {
    this.#p = parts
    this.#most = parts.replicas + moreThanR
    this.#all = new Shortlist(parts.places, this.#most + parts.foes.minted.length)
    this.#seen = new Uint32Array(this.#all.nodes.length)
    this.nodes = this.#all.nodes
  }

  /** @param count so many of `among`; as many as repair looks at, and those minted around them, unless told. */
  look(hi: number, lo: number, among: Uint8Array, count = this.#most): void {
    const { foes } = this.#p
    this.#all.begin(hi, lo, count)
    this.#all.fill(among, nobody)
    const isMinted = this.#all.nodes.subarray(0, this.#all.size).some(node => foes.isMinted(node))
    if (isMinted && count === this.#most) {
      this.#all.begin(hi, lo, this.#all.nodes.length)
      this.#all.fill(among, nobody)
    }
    this.nodes = this.#all.nodes
    this.size = this.#all.size
  }

  /** From here on what `holder` sees of them. */
  seeAs(holder: number): void {
    const { foes, tables, calendar } = this.#p
    const { nodes, size } = this.#all
    this.nodes = nodes
    this.size = Math.min(size, this.#most)
    if (foes.count === 0) return
    const avoided = this.#judged.get(holder)?.avoided
    this.nodes = this.#seen
    this.size = 0
    for (let i = 0; i < size && this.size < this.#most; i++) {
      const node = nodes[i]!
      if (node !== holder && foes.isMinted(node) && !tables.has(holder, node)) continue
      if (avoided?.has(String(node), calendar.nowMs)) continue
      this.#seen[this.size++] = node
    }
  }

  /** `holder` gave a copy to one that keeps none. */
  gave(holder: number, blob: number, node: number): void {
    const judged = this.#judged.get(holder) ?? { avoided: new Avoided(), given: new Set() }
    this.#judged.set(holder, judged)
    judged.given.add(`${blob} ${node}`)
  }

  /** It says that it has none. */
  missed(holder: number, blob: number, node: number): void {
    const judged = this.#judged.get(holder)
    if (judged?.given.delete(`${blob} ${node}`))
      judged.avoided.strike(String(node), false, this.#p.calendar.nowMs)
  }

  /** It leaves, and a restart forgets whom it judged. */
  left(holder: number): void {
    this.#judged.delete(holder)
  }

  /** Its rank among them; behind all of them where it is none. */
  rankOf(node: number): number {
    let rank = 0
    while (rank < this.size && this.nodes[rank] !== node) rank += 1
    return rank
  }

  /**
   * How many before this rank `node` has known for long enough, as `src/replicas/neighbours.ts` has it; of more than two it says two.
   * @param sinceMs by node, since when it is there.
   */
  settledBefore(rank: number, node: number, sinceMs: ArrayLike<Millis>): number {
    const { calendar, reach, isYoung } = this.#p
    const latestMs = calendar.nowMs - usualRepair.settledMs
    let settled = 0
    for (let i = 0; i < rank && settled < 2; i++) {
      const other = this.nodes[i]!
      if (reach.metMs(node, other) > latestMs) continue
      // Whom it met when it came itself was there before.
      const wasThere = sinceMs[other]! <= sinceMs[node]!
      const knownMs = isYoung ? Math.max(sinceMs[other]!, 0) : sinceMs[other]!
      if (wasThere || knownMs <= latestMs) settled += 1
    }
    return settled
  }
}
