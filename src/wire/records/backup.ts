import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import { chunkKeyBytes, type Manifest, shapeOf } from '../attachment.ts'
import { array, bytes, decodeCbor, encodeCbor, literal, mapped, tuple, uint } from '../cbor.ts'

/** The record that says where a person's backup lies; its author is a key that the twelve words give. */
export const backupKind = 'backup'

/** What stands in it, sealed: when the backup was made, and the file that it is. Source: docs/protocol/backup.md#in-the-network */
export interface BackupPlace extends Omit<Manifest, 'name' | 'mimeType'> {
  readonly madeMs: Millis
}

const placeBytesMax = 1_024

const place = mapped(
  tuple(
    literal(1),
    uint(),
    uint(limits.attachmentBytesMax, 1),
    uint(10_000_000, 1),
    bytes(32),
    array(bytes(chunkKeyBytes), limits.attachmentRootsMax)
  ),
  ([, madeMs, sizeBytes, hours, fileKey, roots]): BackupPlace => {
    if (roots.length !== shapeOf(sizeBytes).roots) throw new TypeError('as many keys as it takes')
    return { madeMs, sizeBytes, expiryMs: hours * limits.expiryStepMs, fileKey, roots }
  }
)

/** @throws {MuttrError} `BACKUP_INVALID` for a field out of its bounds */
export function encodeBackupPlace(p: BackupPlace): Uint8Array {
  const hours = p.expiryMs / limits.expiryStepMs
  const made = encodeCbor([1, p.madeMs, p.sizeBytes, hours, p.fileKey, p.roots])
  decodeBackupPlace(made)
  return made
}

/** @throws {MuttrError} `BACKUP_INVALID`, and nothing else */
export function decodeBackupPlace(encoded: Uint8Array): BackupPlace {
  try {
    return decodeCbor(encoded, 'where a backup lies', place, placeBytesMax, 'BACKUP_INVALID')
  } catch (cause) {
    throw new MuttrError('BACKUP_INVALID', 'the record does not say where the backup lies', {
      cause
    })
  }
}
