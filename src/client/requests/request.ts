import type { Millis } from '../../base/ports.ts'

/** What is done with a letter of somebody before anything of it is fetched. Source: docs/protocol/letter.md#requests */
export type Policy =
  /** It is fetched at once. */
  | 'pull'
  /** It waits as a request until the person decides. */
  | 'ask'
  /** It is dropped, and its sender sees what one sees whose letter nobody looked at. */
  | 'ignore'

/** What the person says to a request. */
export type Decision =
  /** What waits is fetched; the next letter asks again. */
  | 'once'
  /** What waits is fetched, and what comes later is pulled. */
  | 'always'
  /** What waits is dropped, and what comes later is ignored. */
  | 'block'
  /** What waits is dropped; the next letter asks again. */
  | 'ignore'

/** Letters of one sender that wait for the person's word. Nothing of them was fetched. */
export interface LetterRequest {
  /** Of this sender, as long as it asks: SHA-256 of alias and fingerprint. */
  id: string
  /** As the slip says, which only the bearer of a certified key can have signed. */
  alias: string
  fingerprint: string
  /** The pod of the alias said that this is its key, and that key signed the slip. */
  certifiedByPod: boolean
  /** It is a contact, for whom the policy says `ask`. */
  contact: boolean
  /** An alias of ours or of a contact that this one could be mistaken for. */
  looksLike: string | null
  /** The key that a join link named for this alias, where another one asks. */
  invited: string | null
  /** The own pod that announced the newest. */
  pod: string
  /** How many wait, and what they have in all, sealed. */
  letters: number
  sizeBytes: number
  /** When the newest came. */
  atMs: Millis
  /** When the last of them is gone from the network. */
  expiryMs: Millis
}

/** A policy that the person chose for one alias. */
export interface ChosenPolicy {
  alias: string
  policy: Policy
  sinceMs: Millis
}
