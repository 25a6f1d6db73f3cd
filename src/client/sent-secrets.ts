import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Blob } from '../wire/blob.ts'
import { readBlob } from '../wire/blob.ts'
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
import type { LetterFlags } from '../wire/letter.ts'
import type { Secrets } from './compose.ts'

/** What the sender alone may know of a letter; sealed in the closet. */
export interface SentSecret {
  readonly secrets: Secrets
  /** Null for the first letter of a conversation: its own id. */
  readonly thread: Uint8Array | null
  /** The conversation where it is shown, when that is another than the letter says. */
  readonly conversation: Uint8Array | null
  readonly parent: Uint8Array | null
  readonly mimeType: string
  readonly subject: string
  readonly body: Uint8Array
  readonly flags: LetterFlags
  /** How many files go with it. */
  readonly attachments: number
}

const secret = mapped(
  tuple(
    literal(3),
    bytes(32),
    bytes(32),
    tuple(nullable(bytes(32)), nullable(bytes(32)), nullable(bytes(32))),
    text(limits.mimeTypeBytesMax, 3),
    text(limits.letterSubjectBytesMax),
    bytes(0, limits.letterBodyBytesMax),
    tuple(nullable(bytes(32)), nullable(bytes(32)), bool),
    uint(limits.letterAttachmentsMax)
  ),
  ([, retract, accept, place, mimeType, subject, body, flags, attachments]): SentSecret => ({
    secrets: { retract, accept },
    thread: place[0],
    conversation: place[1],
    parent: place[2],
    mimeType,
    subject,
    body,
    flags: {
      retracts: flags[0],
      corrects: flags[1],
      receiptRequested: flags[2],
      escrowDisclosed: false
    },
    attachments
  })
)

export const encodeSecret = (s: SentSecret): Uint8Array =>
  encodeCbor([
    3,
    s.secrets.retract,
    s.secrets.accept,
    [s.thread, s.conversation, s.parent],
    s.mimeType,
    s.subject,
    s.body,
    [s.flags.retracts, s.flags.corrects, s.flags.receiptRequested],
    s.attachments
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
