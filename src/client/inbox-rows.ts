import { sha256, toHex } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import {
  bool,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  text,
  tuple,
  uint
} from '../wire/cbor.ts'
import type { Table } from './table.ts'
import { createTable } from './table.ts'

/** A notice that was acknowledged to its pod and whose letter is not opened yet. */
export interface NoticeRow {
  readonly pod: string
  /** The blob's key. 32 bytes. */
  readonly key: Uint8Array
  readonly sizeBytes: number
  readonly expiryMs: Millis
  readonly slip: Uint8Array
  readonly failures: number
}

const hostname = text(limits.hostnameCharsMax, 1)
const alias = text(limits.fullAliasCharsMax)
const id = mapped(bytes(32), toHex)
const fingerprint = mapped(bytes(20, 32), toHex)
const unhex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

const noticeRow = mapped(
  tuple(
    literal(1),
    hostname,
    bytes(32),
    uint(limits.blobBytesMax, 1),
    uint(),
    bytes(1, limits.slipBytes),
    uint()
  ),
  ([, pod, key, sizeBytes, expiryMs, slip, failures]): NoticeRow => ({
    pod,
    key,
    sizeBytes,
    expiryMs,
    slip,
    failures
  })
)

/** One notice among several of the same blob: anybody who holds a blob can announce it, with a slip of their own. Hex. */
export const noticeId = ({ key, slip }: Pick<NoticeRow, 'key' | 'slip'>): string =>
  toHex(sha256(key, slip))

/** By {@link noticeId}. */
export const noticeTable = (state: State, log: Log): Table<NoticeRow> =>
  createTable({
    state,
    log,
    name: 'notices',
    field: noticeRow,
    write: n => [1, n.pod, n.key, n.sizeBytes, n.expiryMs, n.slip, n.failures],
    maxBytes: 2_048
  })

/** What the list of letters shows; sealed in the closet. */
export interface LetterRow {
  /** Hex, like all ids and keys here. */
  readonly id: string
  readonly thread: string
  readonly parent: string | null
  readonly fromAlias: string
  readonly fromFingerprint: string
  readonly to: string
  readonly subject: string
  readonly mimeType: string
  readonly sentMs: Millis
  readonly receivedMs: Millis
  readonly expiryMs: Millis
  readonly sizeBytes: number
  readonly key: string
  /** The earlier letter that this one replaces, or asks to forget. */
  readonly corrects: string | null
  readonly retracts: string | null
  readonly receiptRequested: boolean
}

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
    id: ids[0],
    thread: ids[1],
    parent: ids[2],
    fromAlias: parties[0],
    fromFingerprint: parties[1],
    to: parties[2],
    subject: says[0],
    mimeType: says[1],
    sentMs: times[0],
    receivedMs: times[1],
    expiryMs: times[2],
    sizeBytes,
    key,
    corrects: flags[0],
    retracts: flags[1],
    receiptRequested: flags[2]
  })
)

export const encodeLetterRow = (r: LetterRow): Uint8Array =>
  encodeCbor([
    2,
    [unhex(r.id), unhex(r.thread), r.parent && unhex(r.parent)],
    [r.fromAlias, unhex(r.fromFingerprint), r.to],
    [r.subject, r.mimeType],
    [r.sentMs, r.receivedMs, r.expiryMs],
    r.sizeBytes,
    unhex(r.key),
    [r.corrects && unhex(r.corrects), r.retracts && unhex(r.retracts), r.receiptRequested]
  ])

/** @throws {MuttrError} `HOME_DAMAGED` */
export const decodeLetterRow = (plaintext: Uint8Array): LetterRow =>
  decodeCbor(plaintext, 'a letter on the list', letterRow, 4_096, 'HOME_DAMAGED')

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

/** By the earlier letter's id and its sender's fingerprint, joined by `-`. */
export const markTable = (state: State, log: Log): Table<Mark> =>
  createTable({
    state,
    log,
    name: 'inbox-marks',
    field: mark,
    write: m => [
      1,
      m.correctedBy && unhex(m.correctedBy),
      m.correctedMs,
      m.forgetAsked && unhex(m.forgetAsked)
    ],
    maxBytes: 128
  })
