import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { Density } from '../../routing/density.ts'
import { densityBy } from '../../routing/density.ts'
import { eldersPerShell, membersMax, rarely, shells, wantedInShell } from '../../routing/region.ts'
import { asking } from '../../routing/upkeep.ts'
import type { Dice } from '../dice.ts'
import type { Places } from './places.ts'
import { nobody } from './places.ts'
import { WideRegion } from './region.ts'
import type { WideTables } from './tables.ts'
import type { Walker } from './walk.ts'

interface Parts {
  places: Places
  tables: WideTables
  walker: Walker
  dice: Dice
  parameters: { k: number; alpha: number; replicas: number }
  /** Members that a region shall have; 0 where nobody looks into it. */
  share: number
  /** Nodes that `from` reaches, as far as they stand where chance put them: what it estimates. */
  nodes(from: number): number
}

/**
 * Where a place looks crowded, or a get found nothing: the region around it, as src/seed/region.ts has it. Its three lookups go one after the
 * other here, and take as long as the longest. What nodes estimate of the size of the network is the truth, of their side where it has fallen apart.
 */
export class Wider {
  /** What was called last: requests of a get, those of lookups into the region, pings of whom others named; and the time. */
  gets = 0
  lookups = 0
  pings = 0
  /** Of the gets and of the lookups, to those who could not be dialled. */
  vainGets = 0
  vainLookups = 0
  tookMs: Millis = 0
  readonly #p: Parts
  readonly #region: WideRegion
  readonly #drawn = new Uint32Array(membersMax)

  constructor(parts: Parts) {
    this.#p = parts
    this.#region = new WideRegion(parts.places)
  }

  get share(): number {
    return this.#p.share
  }

  /** How crowded it is around a place. @param nearest of which as many as shall hold a copy are looked at, nearest first. */
  density(from: number, hi: number, lo: number, nearest: Uint32Array): Density {
    const { places, parameters, share } = this.#p
    const nodes = this.#p.nodes(from)
    const wanted = parameters.replicas
    if (share === 0 || nodes < wanted) return 'natural'
    if (nearest.length < wanted) return 'sparse'
    return densityBy(places.share(nearest[wanted - 1]!, hi, lo) * nodes, { wanted, ...rarely })
  }

  /** Of those that live in the region of a place at most `count`, drawn evenly over the space. */
  draw(from: number, hi: number, count: number): Uint32Array {
    this.#begin()
    this.#explore(from, hi, asking.operationMs)
    return this.#drawn.subarray(0, this.#region.draw(count, this.#p.dice, this.#drawn))
  }

  /**
   * As {@link Walker.get}, and where that finds nothing all that live in the region are asked.
   * @param onAsked when those are asked that a get is led to.
   */
  get(
    from: number,
    hi: number,
    lo: number,
    holds: (node: number) => boolean,
    onAsked: () => void
  ): boolean {
    const { walker, nodes, share } = this.#p
    const isFound = walker.get(from, hi, lo, nodes(from), holds)
    const { tookMs } = walker
    onAsked()
    this.#begin()
    this.#countGet()
    this.tookMs = tookMs
    if (isFound || share === 0 || tookMs >= asking.operationMs) return isFound
    const isFoundThere = this.#ask(from, hi, lo, asking.operationMs - tookMs, holds)
    this.tookMs += tookMs
    return isFoundThere
  }

  #begin(): void {
    this.gets = this.lookups = this.pings = 0
    this.vainGets = this.vainLookups = 0
  }

  #countGet(): void {
    const { walker } = this.#p
    this.gets += walker.requests
    this.vainGets += walker.vain
    this.pings += walker.pings
  }

  #ask(
    from: number,
    hi: number,
    lo: number,
    leftMs: Millis,
    holds: (node: number) => boolean
  ): boolean {
    const { walker, dice, parameters } = this.#p
    const before = new Set(walker.seen('asked'))
    this.#explore(from, hi, leftMs)
    const most = limits.regionRequestsMax
    const drawn = this.#drawn.subarray(0, this.#region.draw(most, dice, this.#drawn))
    const only = drawn.filter(node => !before.has(node))
    const deadlineMs = leftMs - this.tookMs
    if (only.length === 0 || deadlineMs <= 0) return false
    walker.walk(from, hi, lo, {
      ...{ want: only.length, named: 0, burst: only.length, alpha: parameters.replicas },
      ...{ paths: 1, deadlineMs, patienceMs: asking.timeoutMs, requestsMax: most },
      ...{ holds, only, isClosed: true }
    })
    this.#countGet()
    this.tookMs += walker.tookMs
    return walker.holder !== nobody
  }

  /** Begins anew with whom `from` knows itself. */
  #explore(from: number, hi: number, deadlineMs: Millis): void {
    const { tables, walker, dice, parameters, share, nodes } = this.#p
    const region = this.#region
    region.begin(hi, { nodes: nodes(from), share })
    for (const node of tables.entries(from)) region.hear(node)
    this.tookMs = 0
    for (let shell = 0; shell < shells; shell++) {
      region.look(shell, dice)
      walker.walk(from, region.hi, region.lo, {
        ...{ want: wantedInShell, named: parameters.k, burst: wantedInShell },
        ...{ alpha: parameters.alpha, deadlineMs, elders: eldersPerShell, only: 'elders' },
        requestsMax: Math.floor(limits.regionRequestsMax / shells)
      })
      for (const node of walker.seen('there')) if (node !== from) region.hear(node)
      this.lookups += walker.requests
      this.vainLookups += walker.vain
      this.pings += walker.pings
      this.tookMs = Math.max(this.tookMs, walker.tookMs)
    }
  }
}
