import { toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import type { Blob } from '../../wire/blob.ts'
import {
  array,
  bool,
  bytes,
  literal,
  mapped,
  nullable,
  text,
  tuple,
  uint
} from '../../wire/cbor.ts'
import type { OpenedLetter } from '../open-letter.ts'
import type { Participant } from './conversation-rows.ts'
import { addressBytesMax, participantsMax, snippetBytesMax, unhex } from './conversation-rows.ts'
import type { SealedTable } from './sealed-table.ts'
import { createSealedTable } from './sealed-table.ts'

/** What lists show of a received letter; the letter itself lies beside it. */
export interface LetterRow {
  /** Hex, like all ids and keys here. */
  readonly id: string
  /** As the letter says. */
  readonly thread: string
  readonly parent: string | null
  readonly fromAlias: string
  /** Empty for an imported letter: nobody's key says that it is theirs. */
  readonly fromFingerprint: string
  readonly to: string
  readonly subject: string
  readonly mimeType: string
  readonly sentMs: Millis
  readonly receivedMs: Millis
  readonly expiryMs: Millis
  readonly sizeBytes: number
  /** Empty for an imported letter. */
  readonly key: string
  /** The earlier letter that this one replaces, or asks to forget. */
  readonly corrects: string | null
  readonly retracts: string | null
  readonly receiptRequested: boolean
  readonly attachments: number
}

/** Of a letter that was opened just now. */
export function freshLetter(
  { letter, to }: Pick<OpenedLetter, 'letter' | 'to'>,
  { key, header, sealed }: Blob,
  receivedMs: Millis
): LetterRow {
  const { id, thread, parent, sender, subject, mimeType, sentMs, flags } = letter
  return {
    id: toHex(id),
    thread: toHex(thread),
    parent: parent && toHex(parent),
    fromAlias: sender.alias,
    fromFingerprint: toHex(sender.fingerprint),
    to,
    subject,
    mimeType,
    sentMs,
    receivedMs,
    expiryMs: header.expiryMs,
    sizeBytes: sealed.byteLength,
    key: toHex(key),
    corrects: flags.corrects && toHex(flags.corrects),
    retracts: flags.retracts && toHex(flags.retracts),
    receiptRequested: flags.receiptRequested,
    attachments: letter.attachments.length
  }
}

/** A letter in the mailbox: where it belongs, and what the person did with it. */
export interface KeptRow extends LetterRow {
  /** The conversation. */
  readonly conversation: string
  /** All but ourselves. */
  readonly others: readonly Participant[]
  readonly snippet: string
  readonly read: boolean
  /** From a file: nothing of it was checked. */
  readonly imported: boolean
}

const id = mapped(bytes(32), toHex)
const address = text(addressBytesMax)
const orEmpty = (field: (value: unknown) => string) => mapped(nullable(field), value => value ?? '')
const fingerprint = mapped(bytes(20, 32), toHex)
const participant = mapped(
  tuple(address, nullable(fingerprint)),
  ([alias, print]): Participant => ({ alias, fingerprint: print })
)

const row = mapped(
  tuple(
    literal(3),
    tuple(id, id, id, nullable(id)),
    tuple(address, orEmpty(fingerprint), address, array(participant, participantsMax)),
    tuple(text(limits.letterSubjectBytesMax), text(limits.mimeTypeBytesMax), text(snippetBytesMax)),
    tuple(uint(), uint(), uint()),
    tuple(uint(), orEmpty(id), uint(limits.letterAttachmentsMax)),
    tuple(nullable(id), nullable(id), bool),
    tuple(bool, bool)
  ),
  ([, ids, parties, says, times, size, flags, marks]): KeptRow => ({
    ...{ id: ids[0], conversation: ids[1], thread: ids[2], parent: ids[3] },
    ...{ fromAlias: parties[0], fromFingerprint: parties[1], to: parties[2], others: parties[3] },
    ...{ subject: says[0], mimeType: says[1], snippet: says[2] },
    ...{ sentMs: times[0], receivedMs: times[1], expiryMs: times[2] },
    ...{ sizeBytes: size[0], key: size[1], attachments: size[2] },
    ...{ corrects: flags[0], retracts: flags[1], receiptRequested: flags[2] },
    ...{ read: marks[0], imported: marks[1] }
  })
)

const hexOrNull = (hex: string | null) => (hex ? unhex(hex) : null)

/** By the time it came and the closet's tag of the letter, joined by `-`. */
export const letterTable = (state: State, log: Log): SealedTable<KeptRow> =>
  createSealedTable({
    state,
    log,
    name: 'mail',
    field: row,
    write: r => [
      3,
      [unhex(r.id), unhex(r.conversation), unhex(r.thread), hexOrNull(r.parent)],
      [
        r.fromAlias,
        hexOrNull(r.fromFingerprint),
        r.to,
        r.others.map(({ alias, fingerprint: print }) => [alias, hexOrNull(print)])
      ],
      [r.subject, r.mimeType, r.snippet],
      [r.sentMs, r.receivedMs, r.expiryMs],
      [r.sizeBytes, hexOrNull(r.key), r.attachments],
      [hexOrNull(r.corrects), hexOrNull(r.retracts), r.receiptRequested],
      [r.read, r.imported]
    ],
    maxBytes: 128 * 1_024
  })

/** What a later letter of the same sender says about an earlier one: hex ids, and when the correction was sent. */
export interface Mark {
  readonly correctedBy: string | null
  readonly correctedMs: Millis
  readonly forgetAsked: string | null
}

const mark = mapped(
  tuple(literal(1), nullable(id), uint(), nullable(id)),
  ([, correctedBy, correctedMs, forgetAsked]): Mark => ({ correctedBy, correctedMs, forgetAsked })
)

/** By the closet's tag of the earlier letter. */
export const markTable = (state: State, log: Log): SealedTable<Mark> =>
  createSealedTable({
    state,
    log,
    name: 'mail-marks',
    field: mark,
    write: m => [1, hexOrNull(m.correctedBy), m.correctedMs, hexOrNull(m.forgetAsked)],
    maxBytes: 128
  })
