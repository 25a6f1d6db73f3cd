import { toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import {
  bool,
  bytes,
  decodeCbor,
  literal,
  mapped,
  nullable,
  text,
  tuple,
  uint
} from '../../wire/cbor.ts'
import type { SentSecret } from '../sent-secrets.ts'
import type { LetterRow, Mark } from './letter-rows.ts'

/** How letters lay on the disk before there were conversations. Read once, by the migration. Source: docs/protocol/store.md */

const alias = text(limits.fullAliasCharsMax)
const id = mapped(bytes(32), toHex)
const fingerprint = mapped(bytes(20, 32), toHex)

const letterRow = mapped(
  tuple(
    literal(2),
    tuple(id, id, nullable(id)),
    tuple(alias, fingerprint, alias),
    tuple(text(limits.letterSubjectBytesMax), text(limits.mimeTypeBytesMax)),
    tuple(uint(), uint(), uint()),
    uint(),
    id,
    tuple(nullable(id), nullable(id), bool)
  ),
  ([, ids, parties, says, times, sizeBytes, key, flags]): LetterRow => ({
    ...{ id: ids[0], thread: ids[1], parent: ids[2] },
    ...{ fromAlias: parties[0], fromFingerprint: parties[1], to: parties[2] },
    ...{ subject: says[0], mimeType: says[1] },
    ...{ sentMs: times[0], receivedMs: times[1], expiryMs: times[2] },
    ...{ sizeBytes, key, attachments: 0 },
    ...{ corrects: flags[0], retracts: flags[1], receiptRequested: flags[2] }
  })
)

/** @throws {MuttrError} `HOME_DAMAGED` */
export const decodeOldLetter = (plaintext: Uint8Array): LetterRow =>
  decodeCbor(plaintext, 'a letter on the list', letterRow, 4_096, 'HOME_DAMAGED')

const secret = mapped(
  tuple(
    literal(2),
    bytes(32),
    bytes(32),
    nullable(bytes(32)),
    nullable(bytes(32)),
    text(limits.mimeTypeBytesMax, 3),
    text(limits.letterSubjectBytesMax),
    bytes(0, limits.letterBodyBytesMax),
    tuple(nullable(bytes(32)), nullable(bytes(32)), bool)
  ),
  ([, retract, accept, thread, parent, mimeType, subject, body, flags]): SentSecret => ({
    secrets: { retract, accept },
    ...{ thread, conversation: null, parent, mimeType, subject, body, attachments: 0 },
    flags: {
      ...{ retracts: flags[0], corrects: flags[1], receiptRequested: flags[2] },
      escrowDisclosed: false
    }
  })
)

/** @throws {MuttrError} `HOME_DAMAGED` */
export const decodeOldSecret = (plaintext: Uint8Array): SentSecret =>
  decodeCbor(plaintext, 'a sent letter', secret, 64 * 1_024, 'HOME_DAMAGED')

const mark = mapped(
  tuple(literal(1), nullable(id), uint(), nullable(id)),
  ([, correctedBy, correctedMs, forgetAsked]): Mark & { correctedMs: Millis } => ({
    correctedBy,
    correctedMs,
    forgetAsked
  })
)

/** @throws {MuttrError} `HOME_DAMAGED` */
export const decodeOldMark = (row: Uint8Array): Mark =>
  decodeCbor(row, 'a mark', mark, 128, 'HOME_DAMAGED')
