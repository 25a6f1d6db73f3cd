import { sha256 } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Millis, Random } from '../../base/ports.ts'
import { chunkCipher } from '../../keys/chunk.ts'
import type { SpoolFile } from '../../store/spool.ts'
import type { ChunkPlace, Shape } from '../../wire/attachment.ts'
import {
  chunkAt,
  chunkContentBytes,
  chunkKeyBytes,
  keysPerChunk,
  shapeOf
} from '../../wire/attachment.ts'
import { blobKey, encodeBlobHeader } from '../../wire/blob.ts'
import type { OutSecret } from './out-rows.ts'
import { headerOf, recordBytes, recordOf, retractOf, spotOf } from './out-rows.ts'

interface SealingParts {
  secret: OutSecret
  expiryMs: Millis
  random: Random
  /** The sealed chunks, and a record of each. */
  chunks: SpoolFile
  records: SpoolFile
  signal: AbortSignal
  /** May refuse before a chunk is written. */
  onChunk(sizeBytes: number): Promise<void>
}

/** What was sealed: how long the file is, and the keys of its topmost level. */
interface Sealed {
  sizeBytes: number
  roots: Uint8Array[]
}

/**
 * Seals a file chunk by chunk as it is read, then the keys of the chunks, level by level. Holds one chunk at a time.
 * @throws {MuttrError} `ATTACHMENT_INVALID` above 1 TiB, `DISK_FULL`, `CANCELLED`, and what the source throws
 */
export async function sealFile(
  source: AsyncIterable<Uint8Array>,
  parts: SealingParts
): Promise<Sealed> {
  const { secret, random, chunks, records, signal, onChunk, expiryMs } = parts
  const cipher = await chunkCipher(secret.fileKey)
  const write = async (chunk: number, place: ChunkPlace, content: Uint8Array) => {
    signal.throwIfAborted()
    const sealed = await cipher.seal(place, content, random.bytes(12))
    const retract = sha256(retractOf(secret.retract, chunk))
    await chunks.write(spotOf(chunk), sealed)
    await records.write(chunk * recordBytes, recordOf({ hash: sha256(sealed), retract }))
  }
  let sizeBytes = 0
  for await (const content of inChunks(source)) {
    const chunk = sizeBytes / chunkContentBytes
    sizeBytes += content.byteLength
    if (sizeBytes > limits.attachmentBytesMax)
      throw new MuttrError('ATTACHMENT_INVALID', 'the file is larger than 1 TiB')
    await onChunk(sizeBytes)
    await write(chunk, placeOf(chunk, content.byteLength), content)
  }
  const shape = shapeOf(sizeBytes)
  const keysOf = (from: number, count: number) => readKeys(records, shape, expiryMs, from, count)
  for (const [n, { first, count }] of shape.levels.entries()) {
    const below = shape.levels[n - 1]
    if (!below) continue
    for (let i = 0; i < count; i++) {
      const place = chunkAt(shape, first + i)
      const keys = await keysOf(below.first + i * keysPerChunk, place.contentBytes / chunkKeyBytes)
      await write(first + i, place, Buffer.concat(keys))
    }
  }
  await chunks.sync()
  await records.sync()
  const top = shape.levels.at(-1)!
  return { sizeBytes, roots: await keysOf(top.first, top.count) }
}

/** A chunk of the file is the same wherever the file ends behind it. */
const placeOf = (index: number, contentBytes: number): ChunkPlace => ({
  ...chunkAt(shapeOf(contentBytes), 0),
  index
})

/** Blob keys of chunks, made again from their records. */
async function readKeys(
  records: SpoolFile,
  shape: Shape,
  expiryMs: Millis,
  from: number,
  count: number
): Promise<Uint8Array[]> {
  const page = await records.read(from * recordBytes, count * recordBytes)
  return Array.from({ length: count }, (_, i) => {
    const record = page.subarray(i * recordBytes, (i + 1) * recordBytes)
    return blobKey(encodeBlobHeader(headerOf(chunkAt(shape, from + i), expiryMs, record)))
  })
}

/** Full chunks, and at the end what is left. Each is valid until the next is asked for. */
async function* inChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(chunkContentBytes)
  let filled = 0
  for await (const piece of source)
    for (let at = 0; at < piece.byteLength; ) {
      const taken = piece.subarray(at, at + chunkContentBytes - filled)
      buffer.set(taken, filled)
      at += taken.byteLength
      filled += taken.byteLength
      if (filled < chunkContentBytes) continue
      yield buffer
      filled = 0
    }
  if (filled > 0) yield buffer.subarray(0, filled)
}
