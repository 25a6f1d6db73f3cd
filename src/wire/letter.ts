import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import {
  array,
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
} from './cbor.ts'
import { fingerprintOctets } from './fingerprint.ts'

/** Somebody a letter names: an OpenPGP fingerprint, and the alias it goes by, empty when it has none. */
export interface Party {
  /** 20 bytes (v4) or 32 (v6). */
  readonly fingerprint: Uint8Array
  readonly alias: string
}

export interface LetterFlags {
  /** Asks the reader to forget an earlier letter of the same sender: its id. */
  readonly retracts: Uint8Array | null
  /** Replaces an earlier letter of the same sender: its id. */
  readonly corrects: Uint8Array | null
  readonly receiptRequested: boolean
  /** The sender says that somebody else can read along. */
  readonly escrowDisclosed: boolean
}

/** What a person writes, as it stands inside the signed and sealed bytes. Source: docs/protocol/letter.md */
export interface Letter {
  /** 32 random bytes. */
  readonly id: Uint8Array
  /** The id of the first letter of the conversation; its own id when it begins one. */
  readonly thread: Uint8Array
  /** The id of the letter that this one answers. */
  readonly parent: Uint8Array | null
  readonly sender: Party
  /** All who get this letter, each in a blob of their own; the reader finds itself among them. */
  readonly recipients: readonly Party[]
  readonly sentMs: Millis
  /** As in `text/plain`. Open: what a reader does not know it shows as a file. */
  readonly mimeType: string
  readonly subject: string
  /** At most {@link limits.letterBodyBytesMax}. */
  readonly body: Uint8Array
  /** Encoded manifests; a reader that does not know them shows that they are there. */
  readonly attachments: readonly Uint8Array[]
  readonly flags: LetterFlags
  /** The preimage of the blob header's `accept`: lets the recipient release the blob. 32 bytes. */
  readonly accept: Uint8Array | null
  /** The sender's OpenPGP certificate, binary, so that a first letter can be read without asking anybody. */
  readonly certificate: Uint8Array | null
}

const aliasBytesMax = limits.aliasCharsMax + 1 + limits.hostnameCharsMax
const id = bytes(32)

/** RFC 6838, 4.2: names of type and subtype, lower case; parameters such as charset may follow. */
export const isMimeType = (type: string): boolean =>
  type.length <= limits.mimeTypeBytesMax &&
  /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*(; ?[\x20-\x7e]+)?$/.test(type)

export const mimeType = (value: unknown): string => {
  if (typeof value !== 'string' || !isMimeType(value)) throw new TypeError('a MIME type')
  return value
}

/** A subject is one line: no control characters, so that no terminal or mail header is led astray. */
const line = (value: unknown): string => {
  const read = text(limits.letterSubjectBytesMax)(value)
  if (/\p{Cc}/u.test(read)) throw new TypeError('control characters')
  return read
}

const party = mapped(
  tuple(fingerprintOctets, text(aliasBytesMax)),
  ([print, alias]): Party => ({ fingerprint: print, alias })
)

const flags = mapped(
  tuple(nullable(id), nullable(id), bool, bool),
  ([retracts, corrects, receiptRequested, escrowDisclosed]): LetterFlags => ({
    retracts,
    corrects,
    receiptRequested,
    escrowDisclosed
  })
)

const letter = mapped(
  tuple(
    literal(1),
    id,
    id,
    nullable(id),
    party,
    array(party, limits.letterRecipientsMax, 1),
    uint(),
    mimeType,
    line,
    bytes(0, limits.letterBodyBytesMax),
    array(bytes(1, limits.letterManifestBytesMax), limits.letterAttachmentsMax),
    flags,
    nullable(id),
    nullable(bytes(1, limits.certificateBytesMax))
  ),
  (f): Letter => ({
    id: f[1],
    thread: f[2],
    parent: f[3],
    sender: f[4],
    recipients: f[5],
    sentMs: f[6],
    mimeType: f[7],
    subject: f[8],
    body: f[9],
    attachments: f[10],
    flags: f[11],
    accept: f[12],
    certificate: f[13]
  })
)

const partyFields = (p: Party) => [p.fingerprint, p.alias]

/**
 * @returns bytes that {@link decodeLetter} takes.
 * @throws {MuttrError} `LETTER_TOO_LARGE` for a body above 48 KiB, `LETTER_INVALID` for any other field out of its bounds.
 */
export function encodeLetter(l: Letter): Uint8Array {
  if (l.body.byteLength > limits.letterBodyBytesMax)
    throw new MuttrError('LETTER_TOO_LARGE', `a body of ${l.body.byteLength} bytes`)
  if (!l.subject.isWellFormed())
    throw new MuttrError('LETTER_INVALID', 'a subject with half of a surrogate pair')
  const { retracts, corrects, receiptRequested, escrowDisclosed } = l.flags
  const made = encodeCbor([
    1,
    l.id,
    l.thread,
    l.parent,
    partyFields(l.sender),
    l.recipients.map(partyFields),
    l.sentMs,
    l.mimeType,
    l.subject,
    l.body,
    l.attachments,
    [retracts, corrects, receiptRequested, escrowDisclosed],
    l.accept,
    l.certificate
  ])
  decodeLetter(made) // one set of bounds, also for ourselves
  return made
}

/** @throws {MuttrError} `LETTER_INVALID` or `WIRE_TOO_LARGE`, and nothing else, ever. */
export const decodeLetter = (frame: Uint8Array): Letter =>
  decodeCbor(frame, 'a letter', letter, limits.blobBytesMax, 'LETTER_INVALID')
