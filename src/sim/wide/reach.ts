import type { Millis } from '../../base/ports.ts'

/** Partitions that may be there at the same time: a node's side is a bit for each of them. */
export const partsMax = 8

/**
 * Who is there, and whom each of them reaches: seeds that can be dialled, on its own side of a network that has fallen apart. Where nothing
 * parts them and all can be dialled, all of this is one array.
 */
export class Reach {
  /** By node: 1 for who is there, whether others can dial it or not. */
  readonly there: Uint8Array
  /** The same of those that can be dialled: tables name them and they hold copies. The truth, whatever parts them. */
  readonly seeds: Uint8Array
  /** How many {@link seeds} there are. */
  seedCount = 0
  /** When sides last changed. */
  changedMs: Millis = Number.NEGATIVE_INFINITY
  /** 1 for those behind routers, which are clients and hold nothing. */
  readonly #hidden: Uint8Array | undefined
  /** By node, the partitions that cut it off; none where a scenario has no partition. */
  readonly #sides: Uint8Array | undefined
  /** The same before sides last changed. */
  #before: Uint8Array | undefined
  /** By side, those of it among {@link seeds}. */
  readonly #views: (Uint8Array | undefined)[]
  /** By side, how many these are. */
  readonly #counts: number[] = []
  #parts = 0

  constructor(capacity: number, o: { hides?: boolean; parts?: boolean } = {}) {
    this.there = new Uint8Array(capacity)
    this.seeds = o.hides ? new Uint8Array(capacity) : this.there
    this.#hidden = o.hides ? new Uint8Array(capacity) : undefined
    this.#sides = o.parts ? new Uint8Array(capacity) : undefined
    this.#views = [this.seeds]
  }

  /** @param views sides at a time. */
  static bytesPerNode = (o: { hides: boolean; views: number }): number =>
    1 + (o.hides ? 2 : 0) + (o.views > 1 ? 2 + o.views : 0)

  /** A new one: whether others can dial it. Nothing cuts it off. */
  born(node: number, isHidden: boolean): void {
    if (this.#hidden) this.#hidden[node] = isHidden ? 1 : 0
    if (this.#sides) this.#sides[node] = 0
    if (this.#before) this.#before[node] = 0
  }

  come(node: number): void {
    this.there[node] = 1
    this.#mark(node, 1)
  }

  leave(node: number): void {
    this.there[node] = 0
    this.#mark(node, 0)
  }

  /** Whether it can be dialled, there or not. */
  isSeed(node: number): boolean {
    return this.#hidden?.[node] !== 1
  }

  /** By node: 1 for the seeds that `node` reaches. It may be among them itself. */
  of(node: number): Uint8Array {
    return this.#sides ? this.#views[this.#sides[node]!]! : this.seeds
  }

  /** How many seeds are on its side. */
  countOf(node: number): number {
    return this.#parts === 0 ? this.seedCount : this.#counts[this.#sides![node]!]!
  }

  apart(a: number, b: number): boolean {
    return this.#parts !== 0 && this.#sides![a] !== this.#sides![b]
  }

  /** When they came to be on one side, if that was by the last change of sides. */
  metMs(a: number, b: number): Millis {
    const before = this.#before
    return before && before[a] !== before[b] ? this.changedMs : Number.NEGATIVE_INFINITY
  }

  /** Of each side that anybody is on. */
  *views(): Generator<Uint8Array> {
    for (const view of this.#views) if (view) yield view
  }

  /** From now on these and the others do not reach each other. @returns what {@link heal} takes. */
  part(nodes: Iterable<number>, nowMs: Millis): number {
    this.#before = this.#sides!.slice()
    const part = ~this.#parts & (this.#parts + 1)
    for (const node of nodes) this.#sides![node]! |= part
    this.#parts |= part
    this.#look(nowMs)
    return part
  }

  heal(part: number, nowMs: Millis): void {
    this.#before = this.#sides!.slice()
    this.#parts &= ~part
    for (let node = 0; node < this.there.length; node++) this.#sides![node]! &= ~part
    this.#look(nowMs)
  }

  /** Who is on which side. */
  #look(nowMs: Millis): void {
    this.changedMs = nowMs
    this.#views.fill(undefined)
    this.#counts.length = 0
    for (let node = 0; node < this.there.length; node++) {
      const side = this.#sides![node]!
      const view = (this.#views[side] ??= new Uint8Array(this.there.length))
      view[node] = this.seeds[node]!
      this.#counts[side] = (this.#counts[side] ?? 0) + view[node]!
    }
    this.#views[0] ??= new Uint8Array(this.there.length)
    // Of one side: its view is kept up to date as that of all.
    if (this.#parts === 0) this.#views[0] = this.seeds
  }

  #mark(node: number, is: 0 | 1): void {
    if (!this.isSeed(node)) return
    const change = is === 1 ? 1 : -1
    this.seedCount += change
    this.seeds[node] = is
    if (!this.#sides) return
    this.of(node)[node] = is
    const side = this.#sides[node]!
    if (this.#parts !== 0) this.#counts[side] = this.#counts[side]! + change
  }
}
