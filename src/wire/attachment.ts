import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { array, bytes, decodeCbor, encodeCbor, literal, mapped, text, tuple, uint } from './cbor.ts'
import { mimeType } from './letter.ts'

/** One attached file, as the letter describes it. Source: docs/protocol/attachment.md */
export interface Manifest {
  /** As the sender says: to be cleaned before it is shown or written anywhere. At most {@link limits.attachmentNameBytesMax}. */
  readonly name: string
  readonly mimeType: string
  readonly sizeBytes: number
  /** When the network forgets the chunks: whole hours. */
  readonly expiryMs: Millis
  /** AES-256, of this file alone. 32 bytes. */
  readonly fileKey: Uint8Array
  /** Keys of the chunks of the topmost level: as many as {@link shapeOf} says. */
  readonly roots: readonly Uint8Array[]
}

/** What AES-GCM adds to a chunk: the nonce before it, the tag behind it. */
export const chunkOverheadBytes = 12 + 16
/** Bytes of the file in a full chunk. */
export const chunkContentBytes = limits.blobBytesMax - chunkOverheadBytes
export const chunkKeyBytes = 32
/** Keys in a full chunk of keys. */
export const keysPerChunk = Math.floor(chunkContentBytes / chunkKeyBytes)

/** Chunks of one kind: level 0 is the file, level n + 1 the keys of level n. */
interface Level {
  /** Counted through all levels, from the file's first chunk. */
  readonly first: number
  readonly count: number
  /** Content of all its chunks together. */
  readonly bytes: number
}

/** A file's chunks, which its size alone decides: nobody can make them loop, or be more. */
export interface Shape {
  readonly levels: readonly Level[]
  /** Of all levels. */
  readonly chunks: number
  /** How many keys stand in the manifest. */
  readonly roots: number
}

/** Where a chunk stands, and how long it is. */
export interface ChunkPlace {
  readonly level: number
  /** Within its level. */
  readonly index: number
  readonly contentBytes: number
  /** One of {@link limits.sealedSizes}: padded, so that holders see a class and not a length. */
  readonly sealedBytes: number
}

export function shapeOf(sizeBytes: number): Shape {
  let count = Math.ceil(sizeBytes / chunkContentBytes)
  const levels: Level[] = [{ first: 0, count, bytes: sizeBytes }]
  let chunks = count
  while (count > limits.attachmentRootsMax) {
    const level = { first: chunks, count: Math.ceil(count / keysPerChunk), bytes: 0 }
    levels.push({ ...level, bytes: count * chunkKeyBytes })
    count = level.count
    chunks += count
  }
  return { levels, chunks, roots: count }
}

const fullBytes = (level: number): number =>
  level === 0 ? chunkContentBytes : keysPerChunk * chunkKeyBytes

/** @param chunk from 0, counted through all levels. */
export function chunkAt({ levels }: Shape, chunk: number): ChunkPlace {
  const level = levels.findIndex(({ first, count }) => chunk < first + count)
  const { first, bytes: total } = levels[level]!
  const index = chunk - first
  const full = fullBytes(level)
  const contentBytes = Math.min(full, total - index * full)
  const sealedBytes = limits.sealedSizes.find(size => size >= contentBytes + chunkOverheadBytes)!
  return { level, index, contentBytes, sealedBytes }
}

/** Where the key of a chunk stands: in another chunk, from a byte of its content on, or (`chunk` null) in the manifest. */
export function keyPlaceOf({ levels }: Shape, { level, index }: ChunkPlace) {
  const above = levels[level + 1]
  if (!above) return { chunk: null, at: index }
  const chunk = above.first + Math.floor(index / keysPerChunk)
  return { chunk, at: (index % keysPerChunk) * chunkKeyBytes }
}

const manifest = mapped(
  tuple(
    literal(1),
    text(limits.attachmentNameBytesMax, 1),
    mimeType,
    uint(limits.attachmentBytesMax),
    uint(10_000_000, 1),
    bytes(32),
    array(bytes(chunkKeyBytes), limits.attachmentRootsMax)
  ),
  ([, name, type, sizeBytes, hours, fileKey, roots]): Manifest => {
    if (roots.length !== shapeOf(sizeBytes).roots) throw new TypeError('as many keys as it takes')
    const expiryMs = hours * limits.expiryStepMs
    return { name, mimeType: type, sizeBytes, expiryMs, fileKey, roots }
  }
)

/** @throws {MuttrError} `ATTACHMENT_INVALID` for a field out of its bounds. */
export function encodeManifest(m: Manifest): Uint8Array {
  if (!m.name.isWellFormed())
    throw new MuttrError('ATTACHMENT_INVALID', 'a name with half of a surrogate pair')
  const hours = m.expiryMs / limits.expiryStepMs
  const made = encodeCbor([1, m.name, m.mimeType, m.sizeBytes, hours, m.fileKey, m.roots])
  decodeManifest(made) // one set of bounds, also for ourselves
  return made
}

/** @throws {MuttrError} `ATTACHMENT_INVALID` or `WIRE_TOO_LARGE`, and nothing else, ever. */
export const decodeManifest = (frame: Uint8Array): Manifest =>
  decodeCbor(frame, 'an attachment', manifest, limits.letterManifestBytesMax, 'ATTACHMENT_INVALID')
