import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import { chunkAt, shapeOf } from '../../wire/attachment.ts'
import { stampPrice } from '../../wire/stamp.ts'
import { sealedBytesOf } from './out-rows.ts'

/** Hashes a second of one core: measured in docs/decisions/023-stamps.md. */
const hashesPerSecond = 3_400_000
/** Each chunk goes to so many seeds before it counts as stored. */
const copies = 5

/** What it takes to send a file, as long as no seed is pressed: known before a byte of it is read. */
export interface AttachmentCost {
  chunks: number
  /** Work for the stamps, of one core. */
  workMs: Millis
  /** To be sent to holders. */
  uploadBytes: number
}

export function attachmentCost(sizeBytes: number, lifeMs: Millis): AttachmentCost {
  const shape = shapeOf(sizeBytes)
  const expiryMs = Math.ceil(lifeMs / limits.expiryStepMs) * limits.expiryStepMs
  const price = (lengthBytes: number) => stampPrice({ lengthBytes, expiryMs, issuedMs: 0 })
  const hashes = shape.levels.reduce((sum, { first, count }) => {
    if (count === 0) return sum
    const last = chunkAt(shape, first + count - 1).sealedBytes
    return sum + (count - 1) * price(limits.blobBytesMax) + price(last)
  }, 0)
  return {
    chunks: shape.chunks,
    workMs: Math.round((1_000 * hashes) / hashesPerSecond),
    uploadBytes: copies * sealedBytesOf(sizeBytes)
  }
}
