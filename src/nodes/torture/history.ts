import type { Millis } from '../../base/ports.ts'
import type { Fault } from './plan.ts'

/**
 * What was done and what was seen, in the order in which we learned of it. Letters and blobs go by their number in the plan; keys and ids
 * are hex. Written to `history.jsonl`, a line each, and all that {@link ./checks.ts} needs to judge.
 */
export type Happening =
  | { type: 'up'; node: string; pid: number }
  /** `ended`: by itself, which no node may. */
  | { type: 'down'; node: string; how: 'killed' | 'stopped' | 'ended'; detail?: string }
  /** What it kept for others is gone, and with it what it knew of releases. */
  | { type: 'wiped'; node: string }
  | { type: 'fault'; fault: Fault }
  | { type: 'over'; fault: Fault }
  /** No fault from here on, every node runs and every line is open. */
  | { type: 'healed' }
  /** Since then every node has had the time to look through all that it keeps. */
  | { type: 'swept' }
  | { type: 'sending'; letter: number; from: string; to: string }
  | { type: 'sent'; letter: number; id: string; key: string | null; state: string }
  /** `sure`: refused, so that nothing was kept. Otherwise the answer was lost, and the letter may be on its way. */
  | { type: 'unsent'; letter: number; code: string; sure: boolean }
  /** The sender's node says something else of a letter than before. */
  | { type: 'claim'; letter: number; state: string; key: string | null }
  | { type: 'retracting'; letter: number }
  | { type: 'retracted'; letter: number; outcome: string }
  /** A node's own word that it opened a letter. */
  | { type: 'opened'; who: string; id: string }
  | { type: 'refused'; who: string; key: string; code: string }
  /** A whole inbox, oldest first; -1 is a letter that we did not plan. */
  | { type: 'inbox'; who: string; letters: readonly number[] }
  | { type: 'read'; who: string; letter: number; same: boolean }
  /** Asked directly: which of the keys it would serve, and of which it shows a tombstone. */
  | { type: 'asked'; node: string; copies: readonly string[]; tombstones: readonly string[] }
  /** A node's answer to a get of its own client for a key that was released. */
  | { type: 'served'; node: string; key: string }
  | { type: 'put'; blob: number; node: string; key: string; copies: number; wanted: number }
  | { type: 'unput'; blob: number; node: string; code: string }
  | { type: 'got'; blob: number; node: string; result: 'same' | 'other' | (string & {}) }
  /** A node answered `INTERNAL`, the code for mistakes of ours, or does not end when it is asked to. */
  | { type: 'mistake'; node: string; what: string }
  /** Everybody has been asked for the last time. */
  | { type: 'end' }

export type Happened = { readonly atMs: Millis } & Happening

/** What must be true, whatever the faults are. */
export const invariants = {
  'letter-lost': 'a letter that was taken is shown to its reader in the end, and stays there',
  'letter-strayed': 'a letter is shown to nobody but its reader',
  'letter-twice': 'a letter is shown once',
  'letter-changed': 'a letter is read as it was written',
  'letter-unknown': 'nothing is shown that nobody wrote',
  'claim-false': 'a letter said to be accepted is there, and one said to have never left is not',
  'release-undone': 'a node that saw a release never serves the blob again',
  'release-late': 'one sweep after healing no node serves a released blob',
  'blob-lost': 'a blob that was acknowledged can be fetched after healing',
  'blob-changed': 'a blob is fetched as it was put',
  'node-ended': 'a node runs until it is ended, and starts again',
  'node-mistaken': 'no answer of a node is INTERNAL, and each ends when it is asked to'
} as const
export type Invariant = keyof typeof invariants

export interface Violation {
  readonly invariant: Invariant
  readonly atMs: Millis
  readonly what: string
  /** What happened before that has to do with it, oldest first. */
  readonly because: readonly Happened[]
}
