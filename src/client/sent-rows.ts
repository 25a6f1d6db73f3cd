import { toHex } from '../base/bytes.ts'
import type { ErrorCode } from '../base/errors.ts'
import { isErrorCode, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Log, Millis, PeerId } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import type { Blob } from '../wire/blob.ts'
import { readBlob } from '../wire/blob.ts'
import {
  array,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  oneOf,
  text,
  tuple,
  uint
} from '../wire/cbor.ts'
import type { Secrets } from './compose.ts'
import type { Table } from './table.ts'
import { createTable } from './table.ts'

type Stage = 'draft' | 'sealed' | 'stored' | 'announced' | 'expired'

interface Copy {
  readonly holder: PeerId
  readonly storedMs: Millis
  /** The holder's signed word. 64 bytes. */
  readonly signature: Uint8Array
}

/** What is known of a sent letter, apart from what it says. Changes as it goes on its way. */
export interface SentRow {
  /** Hex. */
  readonly id: string
  /** The own alias that it is written from. */
  readonly from: string
  readonly to: string
  readonly sentMs: Millis
  readonly expiryMs: Millis
  stage: Stage
  /** Of the key it is sealed to, hex. */
  fingerprint: string | null
  /** The blob's key, hex. */
  key: string | null
  sizeBytes: number
  copies: readonly Copy[]
  wanted: number
  /** Sealed to the reader; made with the blob's key. */
  slip: Uint8Array | null
  announced: { pod: string; atMs: Millis; signature: Uint8Array } | null
  waiting: { code: ErrorCode; message: string; retryAtMs: Millis } | null
  failures: number
}

const messageBytesMax = 400
const id = mapped(bytes(32), toHex)
const fingerprint = mapped(bytes(20, 32), toHex)
const alias = text(limits.fullAliasCharsMax, 3)
const unhex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

const code = (value: unknown): ErrorCode => {
  if (!isErrorCode(value)) throw new TypeError('an error code')
  return value
}

const copy = mapped(
  tuple(text(limits.peerIdCharsMax, 1), uint(), bytes(64)),
  ([holder, storedMs, signature]): Copy => ({ holder, storedMs, signature })
)

const row = mapped(
  tuple(
    literal(1),
    tuple(id, alias, alias, uint(), uint()),
    oneOf<Stage>('draft', 'sealed', 'stored', 'announced', 'expired'),
    tuple(nullable(fingerprint), nullable(id), uint(limits.blobBytesMax)),
    tuple(array(copy, 64), uint(64)),
    nullable(bytes(1, limits.slipBytesMax)),
    nullable(tuple(text(limits.hostnameCharsMax, 1), uint(), bytes(0, 256))),
    nullable(tuple(code, text(messageBytesMax), uint())),
    uint()
  ),
  ([
    ,
    [i, from, to, sentMs, expiryMs],
    stage,
    sealed,
    store,
    slip,
    announced,
    waiting,
    failures
  ]) => {
    const made: SentRow = {
      id: i,
      from,
      to,
      sentMs,
      expiryMs,
      stage,
      fingerprint: sealed[0],
      key: sealed[1],
      sizeBytes: sealed[2],
      copies: store[0],
      wanted: store[1],
      slip,
      announced: announced && { pod: announced[0], atMs: announced[1], signature: announced[2] },
      waiting: waiting && { code: waiting[0], message: waiting[1], retryAtMs: waiting[2] },
      failures
    }
    return made
  }
)

const rowFields = (r: SentRow): unknown[] => [
  1,
  [unhex(r.id), r.from, r.to, r.sentMs, r.expiryMs],
  r.stage,
  [r.fingerprint && unhex(r.fingerprint), r.key && unhex(r.key), r.sizeBytes],
  [r.copies.slice(0, 64).map(c => [c.holder, c.storedMs, c.signature]), r.wanted],
  r.slip,
  r.announced && [r.announced.pod, r.announced.atMs, r.announced.signature],
  r.waiting && [r.waiting.code, clip(r.waiting.message), Math.round(r.waiting.retryAtMs)],
  r.failures
]

const clip = (message: string): string => message.toWellFormed().slice(0, messageBytesMax / 4)

export const sentTable = (state: State, log: Log): Table<SentRow> =>
  createTable({ state, log, name: 'sent', field: row, write: rowFields, maxBytes: 32 * 1_024 })

/** What the sender alone may know of a letter; sealed in the closet. */
export interface SentSecret {
  readonly secrets: Secrets
  /** Null for the first letter of a conversation: its own id. */
  readonly thread: Uint8Array | null
  readonly parent: Uint8Array | null
  readonly mimeType: string
  readonly subject: string
  readonly body: Uint8Array
}

const secret = mapped(
  tuple(
    literal(1),
    bytes(32),
    bytes(32),
    nullable(bytes(32)),
    nullable(bytes(32)),
    text(limits.mimeTypeBytesMax, 3),
    text(limits.letterSubjectBytesMax),
    bytes(0, limits.letterBodyBytesMax)
  ),
  ([, retract, accept, thread, parent, mimeType, subject, body]): SentSecret => ({
    secrets: { retract, accept },
    thread,
    parent,
    mimeType,
    subject,
    body
  })
)

export const encodeSecret = (s: SentSecret): Uint8Array =>
  encodeCbor([
    1,
    s.secrets.retract,
    s.secrets.accept,
    s.thread,
    s.parent,
    s.mimeType,
    s.subject,
    s.body
  ])

/** @throws {MuttrError} `HOME_DAMAGED` */
export const decodeSecret = (plaintext: Uint8Array): SentSecret =>
  decodeCbor(plaintext, 'a sent letter', secret, 64 * 1_024, 'HOME_DAMAGED')

const blobRow = tuple(
  literal(1),
  bytes(1, limits.blobHeaderBytesMax),
  bytes(1, limits.blobBytesMax)
)

export const encodeBlobRow = (blob: Blob): Uint8Array =>
  encodeCbor([1, blob.headerBytes, blob.sealed])

/** @throws {MuttrError} `HOME_DAMAGED` */
export function decodeBlobRow(stored: Uint8Array): Blob {
  const maxBytes = limits.payloadBytesMax
  const [, headerBytes, sealed] = decodeCbor(
    stored,
    'a kept blob',
    blobRow,
    maxBytes,
    'HOME_DAMAGED'
  )
  try {
    return readBlob(headerBytes, sealed)
  } catch (cause) {
    throw new MuttrError('HOME_DAMAGED', 'a kept blob does not match its header', { cause })
  }
}
