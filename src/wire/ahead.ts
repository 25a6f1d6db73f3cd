import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { array, bytes, mapped, nullable, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'

// What a client asks of its own pod so that it fetches a file ahead. Source: docs/protocol/ahead.md

/** What a file is called between them. */
const task = bytes(16)
const count = uint(limits.aheadChunksMax)
const chunkIndex = uint(limits.aheadChunksMax - 1)
const hours = mapped(uint(10_000_000, 1), (value): Millis => value * limits.expiryStepMs)

/** One file to be fetched: how many chunks, and until when they are kept. */
export interface AheadRequest {
  /** Of the client's own dice. 16 bytes. */
  readonly task: Uint8Array
  readonly chunks: number
  readonly expiryMs: Millis
}

export const aheadRequest: Codec<AheadRequest> = codec(
  'a request to fetch ahead',
  64,
  tuple(task, uint(limits.aheadChunksMax, 1), hours),
  ([task, chunks, expiryMs]) => ({ task, chunks, expiryMs }),
  r => [r.task, r.chunks, r.expiryMs / limits.expiryStepMs]
)

/** How far a pod is with a file. */
export interface AheadStatus {
  /** Of so many chunks it knows the key: those from the first on. */
  readonly keys: number
  readonly here: number
  /** Nobody has them, or they were taken back: it asks no more. */
  readonly lost: number
}

export const aheadStatus: Codec<AheadStatus> = codec(
  'how far a file is fetched ahead',
  32,
  tuple(count, count, count),
  ([keys, here, lost]) => ({ keys, here, lost }),
  s => [s.keys, s.here, s.lost]
)

/** Keys of the chunks from `from` on. */
export interface AheadKeys {
  readonly task: Uint8Array
  readonly from: number
  readonly keys: readonly Uint8Array[]
}

export const aheadKeys: Codec<AheadKeys> = codec(
  'keys to fetch ahead',
  limits.aheadKeysPageMax * 34 + 64,
  tuple(task, chunkIndex, array(bytes(32), limits.aheadKeysPageMax)),
  ([task, from, keys]) => ({ task, from, keys }),
  k => [k.task, k.from, k.keys]
)

/** A request about one file: `ahead-status`, `ahead-drop`. */
export const aheadTask: Codec<{ task: Uint8Array }> = codec(
  'a request about a file fetched ahead',
  32,
  tuple(task),
  ([task]) => ({ task }),
  t => [t.task]
)

export const aheadTake: Codec<{ task: Uint8Array; chunk: number }> = codec(
  'a request for a chunk',
  32,
  tuple(task, chunkIndex),
  ([task, chunk]) => ({ task, chunk }),
  t => [t.task, t.chunk]
)

/** A blob as it came from its holder, not checked yet; null while the pod has none. */
export type AheadChunk = { readonly headerBytes: Uint8Array; readonly sealed: Uint8Array } | null

export const aheadChunk: Codec<AheadChunk> = codec(
  'a chunk',
  limits.blobBytesMax + limits.blobHeaderBytesMax + 64,
  tuple(nullable(tuple(bytes(1, limits.blobHeaderBytesMax), bytes(1, limits.blobBytesMax)))),
  ([blob]) => blob && { headerBytes: blob[0], sealed: blob[1] },
  c => [c && [c.headerBytes, c.sealed]]
)
