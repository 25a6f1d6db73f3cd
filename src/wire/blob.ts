import { equalBytes, sha256, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { bytes, decodeCbor, encodeCbor, literal, mapped, nullable, tuple, uint } from './cbor.ts'

/** What a blob's key commits to. Source: docs/protocol/blob.md */
export interface BlobHeader {
  /** Milliseconds since the epoch, a multiple of {@link limits.expiryStepMs}. On the wire: whole hours. */
  readonly expiryMs: Millis
  /** Length of the sealed bytes: 1 to {@link limits.blobBytesMax}. */
  readonly lengthBytes: number
  /** SHA-256 of the sealed bytes. */
  readonly hash: Uint8Array
  /** SHA-256 of a secret that only the sender has: its preimage withdraws the blob. */
  readonly retract: Uint8Array
  /** SHA-256 of a secret that the sender put into the letter: its preimage releases the blob. */
  readonly accept: Uint8Array | null
}

/** A header as carried: the exact bytes, what they say, and the key they make. */
export interface Blob {
  /** SHA-256("muttr blob 1" || header), 32 bytes. */
  readonly key: Uint8Array
  readonly header: BlobHeader
  readonly headerBytes: Uint8Array
  readonly sealed: Uint8Array
}

/** A blob with the work that was done for it: as it is put and kept, and shown again by whoever repairs. */
export interface StampedBlob extends Blob {
  /** See docs/protocol/stamp.md */
  readonly stamp: Uint8Array
}

const label = utf8('muttr blob 1')
const hash32 = bytes(32)

const header = mapped(
  tuple(
    literal(1),
    uint(10_000_000, 1),
    uint(limits.blobBytesMax, 1),
    hash32,
    hash32,
    nullable(hash32)
  ),
  ([, hours, lengthBytes, hash, retract, accept]): BlobHeader => ({
    expiryMs: hours * limits.expiryStepMs,
    lengthBytes,
    hash,
    retract,
    accept
  })
)

export const encodeBlobHeader = (h: BlobHeader): Uint8Array =>
  encodeCbor([1, h.expiryMs / limits.expiryStepMs, h.lengthBytes, h.hash, h.retract, h.accept])

/** @throws {MuttrError} `BLOB_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export const decodeBlobHeader = (headerBytes: Uint8Array): BlobHeader =>
  decodeCbor(headerBytes, 'a blob header', header, limits.blobHeaderBytesMax, 'BLOB_INVALID')

export const blobKey = (headerBytes: Uint8Array): Uint8Array => sha256(label, headerBytes)

/** The next whole hour at or after `atMs`. */
export const expiryAt = (atMs: Millis): Millis =>
  Math.ceil(atMs / limits.expiryStepMs) * limits.expiryStepMs

/** Makes a blob of sealed bytes. @throws {MuttrError} `BLOB_TOO_LARGE`, or `BLOB_INVALID` when empty. */
export function makeBlob(
  sealed: Uint8Array,
  { expiryMs, retract, accept }: Pick<BlobHeader, 'expiryMs' | 'retract' | 'accept'>
): Blob {
  if (sealed.byteLength > limits.blobBytesMax)
    throw new MuttrError('BLOB_TOO_LARGE', `a blob of ${sealed.byteLength} bytes`)
  if (sealed.byteLength === 0)
    throw new MuttrError('BLOB_INVALID', 'an empty blob', {
      hint: 'A blob holds at least one byte.'
    })
  const made: BlobHeader = {
    expiryMs,
    lengthBytes: sealed.byteLength,
    hash: sha256(sealed),
    retract,
    accept
  }
  const headerBytes = encodeBlobHeader(made)
  return { key: blobKey(headerBytes), header: made, headerBytes, sealed }
}

/** What a header alone tells. @throws {MuttrError} `BLOB_INVALID`, and nothing else. */
export function readHeader(headerBytes: Uint8Array, wanted?: Uint8Array): Omit<Blob, 'sealed'> {
  const decoded = decodeBlobHeader(headerBytes)
  const key = blobKey(headerBytes)
  if (wanted && !equalBytes(key, wanted))
    throw new MuttrError('BLOB_INVALID', 'the header belongs to another key')
  return { key, header: decoded, headerBytes }
}

/** @throws {MuttrError} `BLOB_INVALID` unless the bytes are those of the header. */
export function checkSealed({ lengthBytes, hash }: BlobHeader, sealed: Uint8Array): void {
  if (sealed.byteLength !== lengthBytes || !equalBytes(sha256(sealed), hash))
    throw new MuttrError('BLOB_INVALID', 'the bytes do not match the header')
}

/**
 * Checks bytes from a stranger against the header they came with, and, where one was asked for, the key.
 * @throws {MuttrError} `BLOB_INVALID`, and nothing else.
 */
export function readBlob(headerBytes: Uint8Array, sealed: Uint8Array, wanted?: Uint8Array): Blob {
  const head = readHeader(headerBytes, wanted)
  checkSealed(head.header, sealed)
  return { ...head, sealed }
}

/** Refuses what has expired by `nowMs` or lives too long. @throws {MuttrError} `BLOB_EXPIRED` */
export function checkExpiry({ expiryMs }: BlobHeader, nowMs: Millis): void {
  if (expiryMs <= nowMs) throw new MuttrError('BLOB_EXPIRED', 'the blob has expired')
  if (expiryMs > nowMs + limits.blobLifeMsMax + limits.expiryStepMs + limits.clockSkewMs)
    throw new MuttrError('BLOB_EXPIRED', 'the blob would live longer than 100 days')
}
