import { createPublicKey, verify } from 'node:crypto'
import { compareBytes, concatBytes, sha256, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { bytes, decodeCbor, encodeCbor, literal, oneOf, text, tuple, uint } from './cbor.ts'

/**
 * Who signs a record. Scheme 0: an Ed25519 key, 32 bytes (a peer or a device). Scheme 1: OpenPGP packets that start with the
 * public primary key in the new packet format; what else the signature needs (a signing subkey) may follow.
 */
export interface RecordAuthor {
  readonly scheme: 0 | 1
  readonly bytes: Uint8Array
}

/** A small signed, sequenced, replaceable statement. Source: docs/protocol/record.md */
export interface DhtRecord {
  /** SHA-256("muttr record 1" || [kind, author id]), 32 bytes: one record per kind and author. */
  readonly key: Uint8Array
  /** What it says, by name; 1 to 32 characters. */
  readonly kind: string
  readonly author: RecordAuthor
  /** max(previous + 1, unix ms): the higher one wins, equals by the lower hash of the frame. */
  readonly sequence: number
  readonly body: Uint8Array
  readonly signature: Uint8Array
  /** The exact bytes carried. */
  readonly frame: Uint8Array
}

/**
 * Checks a scheme 1 author's signature over `signed`; `keys` does it with OpenPGP.
 * @throws {MuttrError} `SIGNATURE_INVALID` or `KEY_INVALID`
 */
export type VerifyRecord = (o: {
  author: Uint8Array
  signed: Uint8Array
  signature: Uint8Array
  nowMs: Millis
}) => Promise<void>

const label = utf8('muttr record 1')

const record = tuple(
  literal(1),
  text(limits.recordKindBytesMax, 1),
  tuple(oneOf(0, 1), bytes(1, limits.recordAuthorBytesMax)),
  uint(),
  bytes(0, limits.recordBytesMax),
  bytes(1, limits.recordSignatureBytesMax)
)

/**
 * What names an author: the Ed25519 key itself, or SHA-256 of the primary key packet's body (the pin).
 * @throws {MuttrError} `RECORD_INVALID`
 */
export function authorId({ scheme, bytes: author }: RecordAuthor): Uint8Array {
  if (scheme === 1) return sha256(primaryKeyBody(author))
  if (author.byteLength !== 32) throw invalid('an author key that is not 32 bytes')
  return author
}

/** RFC 9580, 4.2: tag 6 in the new format, its length in the shortest form. */
function primaryKeyBody(packets: Uint8Array): Uint8Array {
  const [tag, a = 0, b = 0, c = 0, d = 0, e = 0] = packets
  const [head, length] =
    a < 192
      ? [2, a]
      : a < 224
        ? [3, (a - 192) * 256 + b + 192]
        : [6, b * 2 ** 24 + c * 65_536 + d * 256 + e]
  const shortest = a < 224 || (a === 255 && length >= 8_384)
  if (tag !== 0xc6 || !shortest || length === 0 || head + length > packets.byteLength)
    throw invalid('an author without a primary key packet')
  return packets.subarray(head, head + length)
}

const invalid = (message: string, cause?: unknown) =>
  new MuttrError('RECORD_INVALID', message, { cause })

export const recordKeyOf = (kind: string, scheme: 0 | 1, id: Uint8Array): Uint8Array =>
  sha256(label, encodeCbor([kind, [scheme, id]]))

/** @throws {MuttrError} `RECORD_INVALID` when the author has no id. */
export const recordKey = (kind: string, author: RecordAuthor): Uint8Array =>
  recordKeyOf(kind, author.scheme, authorId(author))

type Statement = Pick<DhtRecord, 'kind' | 'author' | 'sequence' | 'body'>

/** What the author signs: the label and the record without its signature. */
const recordSignedBytes = ({ kind, author, sequence, body }: Statement): Uint8Array =>
  concatBytes(label, encodeCbor([1, kind, [author.scheme, author.bytes], sequence, body]))

/** Makes a record. `sign` gets the bytes of {@link recordSignedBytes}. @throws {MuttrError} `RECORD_INVALID` above 4 KiB. */
export async function makeRecord(
  statement: Statement,
  sign: (signed: Uint8Array) => Uint8Array | Promise<Uint8Array>
): Promise<DhtRecord> {
  const { kind, author, sequence, body } = statement
  const signature = await sign(recordSignedBytes(statement))
  const frame = encodeCbor([1, kind, [author.scheme, author.bytes], sequence, body, signature])
  return decodeRecord(frame)
}

/** Reads a record without checking its signature. @throws {MuttrError} `RECORD_INVALID`, and nothing else. */
export function decodeRecord(frame: Uint8Array): DhtRecord {
  if (frame.byteLength > limits.recordBytesMax) throw invalid('a record above 4 KiB')
  const most = limits.recordBytesMax
  const decoded = decodeCbor(frame, 'a record', record, most, 'RECORD_INVALID')
  const [, kind, [scheme, author], sequence, body, signature] = decoded
  const who: RecordAuthor = { scheme, bytes: author }
  return { key: recordKey(kind, who), kind, author: who, sequence, body, signature, frame }
}

const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')

function verifyEd25519(key: Uint8Array, signed: Uint8Array, signature: Uint8Array): boolean {
  try {
    const der = Buffer.concat([spkiPrefix, key])
    return verify(
      null,
      signed,
      createPublicKey({ key: der, format: 'der', type: 'spki' }),
      signature
    )
  } catch {
    return false
  }
}

/**
 * Reads a stranger's record and checks that its author signed it, and, where one was asked for, that it is the one.
 * @throws {MuttrError} `RECORD_INVALID`, and nothing else.
 */
export async function readRecord(
  frame: Uint8Array,
  {
    verifyRecord,
    nowMs,
    wanted
  }: { verifyRecord?: VerifyRecord | undefined; nowMs: Millis; wanted?: Uint8Array }
): Promise<DhtRecord> {
  const read = decodeRecord(frame)
  if (wanted && compareBytes(read.key, wanted) !== 0)
    throw invalid('the record belongs to another key')
  const signed = recordSignedBytes(read)
  const { author, signature } = read
  if (author.scheme === 0) {
    if (!verifyEd25519(author.bytes, signed, signature)) throw invalid('not signed by its author')
    return read
  }
  if (!verifyRecord) throw invalid('a kind of author that this node cannot check')
  try {
    await verifyRecord({ author: author.bytes, signed, signature, nowMs })
  } catch (cause) {
    throw invalid('not signed by its author', cause)
  }
  return read
}

/** @returns below 0 when `a` beats `b`: the higher sequence, then the lower hash of the frame. */
export const compareRecords = (
  a: Pick<DhtRecord, 'sequence' | 'frame'>,
  b: Pick<DhtRecord, 'sequence' | 'frame'>
): number => b.sequence - a.sequence || compareBytes(sha256(a.frame), sha256(b.frame))
