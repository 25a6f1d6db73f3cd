import { equalBytes, sha256 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { BlobHeader } from './blob.ts'
import { blobKey, decodeBlobHeader } from './blob.ts'
import { bytes, decodeCbor, encodeCbor, literal, mapped, nullable, tuple } from './cbor.ts'

/**
 * Says that a blob is released: its header and at least one preimage, so that anybody can check it without the bytes.
 * Source: docs/protocol/blob.md
 */
export interface Tombstone {
  readonly headerBytes: Uint8Array
  readonly retract: Uint8Array | null
  readonly accept: Uint8Array | null
  /** The recipient's signature, sealed to the sender; only beside `accept`. */
  readonly receipt: Uint8Array | null
}

const tombstone = mapped(
  tuple(
    literal(1),
    bytes(1, limits.blobHeaderBytesMax),
    nullable(bytes(32)),
    nullable(bytes(32)),
    nullable(bytes(1, limits.receiptBytesMax))
  ),
  ([, headerBytes, retract, accept, receipt]): Tombstone => ({
    headerBytes,
    retract,
    accept,
    receipt
  })
)

export const encodeTombstone = (t: Tombstone): Uint8Array =>
  encodeCbor([1, t.headerBytes, t.retract, t.accept, t.receipt])

/**
 * Reads and verifies a stranger's tombstone.
 * @returns the tombstone with the key and header it releases.
 * @throws {MuttrError} `BLOB_INVALID` when a preimage does not fit the header or none is given; `WIRE_TOO_LARGE`.
 */
export function readTombstone(
  frame: Uint8Array
): Tombstone & { key: Uint8Array; header: BlobHeader } {
  const what = 'a tombstone'
  const t = decodeCbor(frame, what, tombstone, limits.tombstoneBytesMax, 'BLOB_INVALID')
  const header = decodeBlobHeader(t.headerBytes)
  const opens = (preimage: Uint8Array | null, commitment: Uint8Array | null) =>
    preimage === null || (commitment !== null && equalBytes(sha256(preimage), commitment))
  if (t.retract === null && t.accept === null)
    throw new MuttrError('BLOB_INVALID', 'a tombstone without a preimage')
  if (!opens(t.retract, header.retract) || !opens(t.accept, header.accept))
    throw new MuttrError('BLOB_INVALID', 'the preimage does not fit the header')
  if (t.receipt !== null && t.accept === null)
    throw new MuttrError('BLOB_INVALID', 'a receipt without an acceptance')
  return { ...t, key: blobKey(t.headerBytes), header }
}

/** Whether `shown` says something of the same blob that `there` does not. A receipt is only ever added: which of two is the better nobody but the sender can tell. */
export const isNews = (there: Tombstone, shown: Tombstone): boolean =>
  (shown.retract !== null && there.retract === null) ||
  (shown.accept !== null && there.accept === null) ||
  (shown.receipt !== null && there.receipt === null)

/** All that two tombstones of one blob say. Nothing that stood there is lost, the receipt that came first included. */
export const mergeTombstones = (there: Tombstone, shown: Tombstone): Tombstone => ({
  headerBytes: there.headerBytes,
  retract: there.retract ?? shown.retract,
  accept: there.accept ?? shown.accept,
  receipt: there.receipt ?? shown.receipt
})

/** What it says, as a byte: 1 for `retract`, 2 for `accept`, 4 for a receipt. */
export const saysOf = ({ retract, accept, receipt }: Tombstone): number =>
  (retract === null ? 0 : 1) | (accept === null ? 0 : 2) | (receipt === null ? 0 : 4)
