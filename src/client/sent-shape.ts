import type { Millis } from '../base/ports.ts'
import type { Change } from '../store/state.ts'
import type { Blob } from '../wire/blob.ts'
import type { Closet } from './closet.ts'
import type { LetterRef } from './mailbox/conversation-rows.ts'
import type { Member } from './mailbox/conversations.ts'
import type { SentRow } from './sent-rows.ts'
import type { SentSecret } from './sent-secrets.ts'

/**
 * Sent letters on the disk: the row that changes, what it says (sealed in the closet), and its blob until it is over. While anybody has
 * a letter's row in hand there is one such object, so that who stores it, who watches it and who shows it see the same.
 */
export interface SentStore {
  /** The first write of a letter, with its place in a conversation: all of it or nothing. */
  insert(letter: NewSent, closet: Closet, also: readonly Change[]): Promise<void>
  /** Gives a letter that an older version kept its place in a conversation, and its secret today's form. */
  adopt(row: SentRow, secret: SentSecret, closet: Closet): Promise<void>
  /** Writes the row as it is then; calls that come while one is written share the next write. */
  save(row: SentRow): Promise<void>
  /** To be written with something else. */
  changes(row: SentRow): Change[]
  saveSealed(row: SentRow, blob: Blob): Promise<void>
  /** Takes back a letter that was never promised, or deletes one that is over. @param also written with it. */
  remove(row: SentRow, closet: Closet, also?: readonly Change[]): Promise<void>
  /**
   * A letter that another device of the person sends, as that one knows it; what we send ourselves stays as it is. @param secret null for
   * one that is here. @returns false for one that is not, and has no secret.
   */
  mirror(
    row: SentRow,
    secret: Uint8Array | null,
    closet: Closet,
    also: readonly Change[]
  ): Promise<boolean>
  /** Nothing is done for it here. */
  mayGo(row: SentRow): boolean
  /** Tells the other devices what became of letters while the vault was locked. */
  tell(ids: readonly string[]): Promise<Change[]>
  /** Nobody does anything for it any longer. */
  isOver(row: SentRow): boolean
  /** Another device of the person does what is to be done for it: here it is only shown, and kept among what is over. */
  isElsewhere(row: SentRow): boolean
  secret(id: string, closet: Closet): Promise<SentSecret>
  /** Of all letters, in no order. */
  ids(): AsyncIterable<LetterRef>
  /** For its conversation. */
  member(id: string, closet: Closet): Promise<Member | undefined>
  /** @throws {MuttrError} `HOME_DAMAGED` when it is not there. */
  blob(id: string): Promise<Blob>
  list(range: { limit: number }): Promise<SentRow[]>
  /** Letters that are not announced yet. Damaged rows are left out, and logged. */
  pending(): Promise<SentRow[]>
  /** Letters that lie with holders, as far as is known. */
  watched(): Promise<SentRow[]>
  unwatch(id: string): Promise<void>
  /** A recipient's certificate beside a receipt, so that it can be shown when the contact has another. */
  keepCertificate(
    fingerprint: string,
    certificate: Uint8Array,
    also?: readonly Change[]
  ): Promise<void>
  certificate(fingerprint: string): Promise<Uint8Array | undefined>
  find(id: string): Promise<SentRow | undefined>
  /** Drops the blobs of letters that have expired by `nowMs`; what was sent stays on the list. */
  sweep(nowMs: Millis): Promise<void>
  /** Seals what came to its end while the vault was locked. */
  tidy(): Promise<void>
}

interface NewSent {
  readonly row: SentRow
  readonly secret: SentSecret
  /** Null until it is sealed. */
  readonly blob: Blob | null
}
