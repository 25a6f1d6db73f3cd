import { toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import {
  array,
  bool,
  bytes,
  literal,
  mapped,
  nullable,
  oneOf,
  text,
  tuple,
  uint
} from '../../wire/cbor.ts'
import type { SealedTable } from './sealed-table.ts'
import { createSealedTable } from './sealed-table.ts'

/** Somebody else in a conversation. */
export interface Participant {
  readonly alias: string
  /** Hex; null for somebody who was written to before the key was known, or of an imported letter. */
  readonly fingerprint: string | null
}

/** What is known of a conversation without its letters. All but labels and `archived` follows from them. */
export interface ConversationRow {
  /** Hex. */
  readonly thread: string
  readonly subject: string
  readonly others: readonly Participant[]
  readonly letters: number
  readonly unread: number
  readonly firstMs: Millis
  readonly lastMs: Millis
  readonly lastFrom: string
  readonly snippet: string
  readonly attachments: number
  readonly labels: readonly string[]
  readonly archived: boolean
}

/** Which letter: where a received one lies, or a sent one's id. */
export interface LetterRef {
  readonly direction: 'in' | 'out'
  readonly ref: string
}

export const participantsMax = 64
export const labelsMax = 32
export const labelCharsMax = 64
export const snippetBytesMax = 1_024
export const addressBytesMax = 512
const id = mapped(bytes(32), toHex)
const alias = text(addressBytesMax)
const participant = mapped(
  tuple(alias, nullable(mapped(bytes(20, 32), toHex))),
  ([alias, fingerprint]): Participant => ({ alias, fingerprint })
)
export const unhex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

const row = mapped(
  tuple(
    literal(1),
    id,
    text(limits.letterSubjectBytesMax),
    array(participant, participantsMax),
    tuple(uint(), uint(), uint()),
    tuple(uint(), uint(), alias, text(snippetBytesMax)),
    array(text(4 * labelCharsMax, 1), labelsMax),
    bool
  ),
  ([, thread, subject, others, counts, last, labels, archived]): ConversationRow => ({
    ...{ thread, subject, others, labels, archived },
    ...{ letters: counts[0], unread: counts[1], attachments: counts[2] },
    ...{ firstMs: last[0], lastMs: last[1], lastFrom: last[2], snippet: last[3] }
  })
)

/** By the closet's tag of the conversation. */
export const conversationTable = (state: State, log: Log): SealedTable<ConversationRow> =>
  createSealedTable({
    state,
    log,
    name: 'conversations',
    field: row,
    write: c => [
      1,
      unhex(c.thread),
      c.subject,
      c.others.map(({ alias, fingerprint }) => [alias, fingerprint && unhex(fingerprint)]),
      [c.letters, c.unread, c.attachments],
      [c.firstMs, c.lastMs, c.lastFrom, c.snippet],
      c.labels,
      c.archived
    ],
    maxBytes: 128 * 1_024
  })

const letterRef = mapped(
  tuple(literal(1), oneOf('in', 'out'), text(200, 1)),
  ([, direction, ref]): LetterRef => ({ direction, ref })
)

/** By the conversation's tag, the letter's time and the letter's tag, joined by `-`. */
export const memberTable = (state: State, log: Log): SealedTable<LetterRef> =>
  createSealedTable({
    state,
    log,
    name: 'conversation-letters',
    field: letterRef,
    write: ({ direction, ref }) => [1, direction, ref],
    maxBytes: 300
  })
