import type { Contact, Millis } from '../../base/ports.ts'
import { RepairAgenda } from '../../replicas/repair-agenda.ts'
import { usualRepair } from '../../replicas/repair-parameters.ts'
import { Lost } from '../../routing/lost.ts'
import { RoundTrip } from '../../routing/rtt.ts'
import { asking, upkeep } from '../../routing/upkeep.ts'

/** A node's number as the shipped parts take it. */
export const contactOf = (node: number): Contact => ({ peer: String(node), addresses: [] })
export const nodeOf = ({ peer }: Contact): number => Number(peer)

/** What one session of a node keeps that is followed: the shipped parts, and what `Table` of src/routing knows of each entry. */
export class Own {
  readonly roundTrip = new RoundTrip(asking.floorMs)
  readonly lost = new Lost()
  /** Whom it is connected to, where all fit. */
  readonly lines = new Set<number>()
  readonly seenMs = new Map<number, Millis>()
  /** By bucket: its last lookup. */
  readonly touchedMs: Millis[] = []
  /** Of one that holds copies: when it looks around. */
  readonly agenda: RepairAgenda | undefined
  readonly sinceMs: Millis
  readonly #sweepMs: Millis
  /** Of those near to it some came or went since it looked around. */
  isChanged = false
  /** When it last asked another for a sign of life, as some were cut off. */
  witnessMs = Number.NEGATIVE_INFINITY
  /** Its next tick. */
  tickMs: Millis = 0

  constructor(o: {
    nowMs: Millis
    holds: boolean
    sweepHours: number
    debounceMinutes: number
  }) {
    this.sinceMs = o.nowMs
    const sweepMs = o.sweepHours * 3_600_000
    this.#sweepMs = sweepMs
    if (!o.holds) return
    const debounceMs = o.debounceMinutes * 60_000
    this.agenda = new RepairAgenda({ ...usualRepair, sweepMs, debounceMs })
  }

  /** It has been there for long: its buckets have their turn at any time of an hour, and it sweeps at any time between two sweeps. */
  settle(nowMs: Millis, random: () => number): void {
    for (let i = 0; i < this.touchedMs.length; i++)
      this.touchedMs[i] = nowMs - random() * upkeep.staleMs
    const sweepAtMs = nowMs + random() * this.#sweepMs
    this.agenda?.joined({ nowMs, dice: random() }, false, sweepAtMs)
  }

  /** Of these entries so many not heard of since then, the longest silent first: `Table.silent`. */
  silent(entries: Iterable<number>, beforeMs: Millis, count: number): number[] {
    const nodes: number[] = []
    const atMs: Millis[] = []
    for (const node of entries) {
      const heardMs = this.seenMs.get(node) ?? this.sinceMs
      if (heardMs >= beforeMs) continue
      if (nodes.length === count && heardMs >= atMs[count - 1]!) continue
      let at = Math.min(nodes.length, count - 1)
      for (; at > 0 && atMs[at - 1]! > heardMs; at--) {
        nodes[at] = nodes[at - 1]!
        atMs[at] = atMs[at - 1]!
      }
      nodes[at] = node
      atMs[at] = heardMs
    }
    return nodes
  }

  /** The bucket longest without a lookup, if that was before then: `Table.stale`. */
  stale(depth: number, beforeMs: Millis): number | undefined {
    let worst: number | undefined
    const at = (bucket: number) => this.touchedMs[bucket] ?? this.sinceMs
    for (let bucket = 0; bucket <= depth; bucket++)
      if (at(bucket) < beforeMs && (worst === undefined || at(bucket) < at(worst))) worst = bucket
    return worst
  }
}
