import type { Millis } from '../base/ports.ts'
import type { Note } from './trace.ts'

/** A look into a run. It changes nothing there and counts in no hash, so that the run goes on as if nobody had looked. */
export interface Look {
  /** The moment: before anything later than so long after hour zero, */
  readonly atMs: Millis
  /** and when so many events have been; whichever is first. Infinity is never, and then it is the end of the run. */
  readonly events: number
  /** Told once. The nodes are to be read before it returns. */
  see(seen: Seen): void
  /**
   * Told each request from seed to seed as it is sent, up to the moment, as a note `request` with who asks, who is asked and the method. At the
   * scale wide none is sent.
   */
  request?(note: Note): void
}

/** A run as it stands. */
export interface Seen {
  /** Since hour zero; null while the network is made. */
  readonly atMs: Millis | null
  readonly events: number
  /** Online or away. */
  readonly nodes: Iterable<SeenNode>
}

/** One of them: who it is, and what it has. Numbers are those of the notes; a node that is replaced has another than who comes after it. */
export interface SeenNode {
  readonly node: number
  readonly online: boolean
  readonly hostile: boolean
  /** Nodes in its routing table, also dead ones of which it does not know yet, in no order that means anything; none while it is away. */
  readonly knows: readonly number[]
  /**
   * First eight bytes of the keys of the workload's blobs that it holds, in hex: neither expired nor given up by who put them. Of hostile
   * ones none, since their copies count for nothing.
   */
  readonly holds: readonly string[]
}
