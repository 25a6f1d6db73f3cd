import type { Failure, Millis, PeerId } from './ports.ts'

/**
 * What happened on a letter's way, as it happens: the twelve steps and what can come between them. Keys and ids are hex.
 * People see them (`muttr net up --story`, the local API's event stream); nothing decides by them.
 */
export type MuttrEvent =
  | { type: 'seeds-asked'; pod: string }
  | { type: 'seeds-received'; pod: string; count: number; ms: Millis }
  | { type: 'identified'; pod: string; ms: Millis }
  | { type: 'registered'; alias: string; ms: Millis }
  | { type: 'listening'; pod: string }
  | {
      type: 'looked-up'
      alias: string
      fingerprint: string
      pin: 'new' | 'known'
      ms: Millis
    }
  | { type: 'sealed'; letter: string; sizeBytes: number; ms: Millis }
  /** The work for storing takes more than a second: `factor` times the usual, and with probability `share` done by now. */
  | { type: 'stamping'; key: string; factor: number; share: number }
  | { type: 'stored'; key: string; copies: number; needed: number; wanted: number; ms: Millis }
  /** An own pod has the notice, and is to pass it on. */
  | { type: 'handed'; letter: string; pod: string }
  | { type: 'announced'; letter: string; pod: string; ms: Millis }
  | { type: 'accepted'; letter: string; receipt: boolean }
  | { type: 'withdrawn'; letter: string; took: number; asked: number }
  | { type: 'mended'; letter: string; copies: number }
  | { type: 'released'; key: string; took: number; asked: number; receipt: boolean }
  | { type: 'waiting'; letter: string; code: string; retryAtMs: Millis }
  | { type: 'notified'; key: string; pod: string; how: 'push' | 'playback' }
  | { type: 'delayed'; key: string; pod: string; code: string; retryAtMs: Millis }
  | { type: 'fetched'; key: string; from: PeerId; sizeBytes: number; ms: Millis }
  | { type: 'opened'; letter: string; from: string; ms: Millis }
  | { type: 'refused'; key: string; code: string }
  /** Of the daemon: its node is started again, or its vault was locked or opened. */
  | { type: 'node'; state: 'starting' | 'running' | 'failed'; locked: boolean }
  /** A file on its way: at most a few a second, and at each change of its state. `id` is an attachment's, or a letter's with the file's `index`. */
  | {
      type: 'transfer'
      direction: 'out' | 'in'
      id: string
      index: number | null
      state: string
      sizeBytes: number
      doneBytes: number
      bytesPerSecond: number | null
      remainingMs: Millis | null
    }
  /** Another device of ours has told us what was done there: lists may be others now. */
  | { type: 'mirrored'; device: string }
  | { type: 'device-revoked'; device: string }
  /** What a pod has of a file that it was asked to fetch ahead: of the letter `id` the file `index`. */
  | {
      type: 'ahead'
      id: string
      index: number
      pod: string
      state: string
      sizeBytes: number
      haveBytes: number
    }
  /** Letters to us are sealed to a new subkey from now on: its fingerprint. */
  | { type: 'rotated'; subkey: string }
  /** The secrets of old subkeys are gone: what was sealed to them opens nowhere any more. */
  | { type: 'erased'; subkeys: string[] }
  /** Our key is another from now on: fingerprints. */
  | { type: 'succeeded'; from: string; to: string }
  /** A pod has given our aliases to the new key. */
  | { type: 'handed-over'; pod: string; fingerprint: string }
  /** A contact has another key, which the one before and their pod agree on: its owner changed it at `atMs`. */
  | { type: 'followed'; alias: string; from: string; to: string; atMs: Millis }
  /** We have another alias in the place of one of ours from now on. */
  | { type: 'left'; from: string; to: string }
  /** The pod of the former alias has signed for that, and tells it to whoever asks. */
  | { type: 'agreed'; from: string; to: string }
  /** A contact has another alias, as their key says; `agreed` when each pod that they left has signed for it. */
  | { type: 'moved'; alias: string; to: string; atMs: Millis; agreed: boolean }
  /** A contact is said to have another alias, and is not followed: `code` says why. */
  | { type: 'not-moved'; alias: string; to: string; code: string }
  /** A contact's old key named two others, or was taken back since: none is followed, and nothing is sent. */
  | { type: 'disputed'; alias: string; pinned: string; shown: string }
  /**
   * A pod shows something else of an own alias than we gave it, or contradicts itself about anybody's, as `what` says; `shown` is the
   * fingerprint, where one was shown.
   */
  | { type: 'alarm'; alias: string; what: string; shown: string | null }
  /** A correspondent was given an address of their own, or gave us one (`taken`), or took theirs back. */
  | { type: 'address'; contact: string; what: 'given' | 'taken' | 'dropped' }
  /** A backup was written to its end; `madeMs` is the moment that it holds. */
  | { type: 'backed-up'; madeMs: Millis }
  /** How the backup in the network gets on: at most a few a second, and at each of its steps. */
  | {
      type: 'network-backup'
      making: {
        step: string
        sizeBytes: number
        doneBytes: number
        remainingMs: Millis | null
      } | null
      problem: Failure | null
    }
  /** Somebody asks to be read: `letters` of theirs wait for the person's word, and nothing of them was fetched. */
  | {
      type: 'requested'
      request: string
      from: string
      certifiedByPod: boolean
      letters: number
    }

export type Emit = (event: MuttrEvent) => void
