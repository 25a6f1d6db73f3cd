import type { Millis } from '../base/ports.ts'
import type { StampedBlob } from '../wire/blob.ts'

/** What is known here of a key. A tombstone beats a blob. */
export type Holding = 'none' | 'blob' | 'tombstone'

/** What stands under a key, without the bytes. */
export interface Entry {
  readonly key: Uint8Array
  readonly kind: 'blob' | 'tombstone'
  readonly expiryMs: Millis
  /** Of a blob's sealed bytes; 0 for a tombstone. */
  readonly lengthBytes: number
}

export interface Usage {
  blobs: number
  /** Bytes that count against the cap: sealed bytes, headers, stamps, records and tombstones, with a stated overhead each. */
  bytes: number
  capBytes: number
}

/**
 * What a seed keeps for others. Whatever a `put` acknowledged survives `kill -9` at any moment; a put that failed leaves nothing.
 * Values are checked by the caller; the store checks only caps, expiry and tombstones.
 */
export interface SeedStore extends AsyncDisposable {
  /**
   * Idempotent.
   * @throws {MuttrError} `STORE_FULL` over the cap, `DISK_FULL`, `BLOB_RELEASED` where a tombstone stands.
   */
  putBlob(blob: StampedBlob): Promise<void>
  /** @returns undefined when it was never here, has expired by `nowMs`, or was released. */
  getBlob(key: Uint8Array, nowMs: Millis): Promise<StampedBlob | undefined>
  holding(keys: readonly Uint8Array[], nowMs: Millis): Promise<Holding[]>
  /** Drops the bytes and keeps the tombstone until `expiryMs`. `frame` replaces a former one. @throws as putBlob */
  putTombstone(key: Uint8Array, frame: Uint8Array, expiryMs: Millis): Promise<void>
  getTombstone(key: Uint8Array, nowMs: Millis): Promise<Uint8Array | undefined>
  /** Replaces what stands there; the caller compared sequences. @throws {MuttrError} `STORE_FULL`, `DISK_FULL` */
  putRecord(key: Uint8Array, frame: Uint8Array, expiryMs: Millis): Promise<void>
  getRecord(key: Uint8Array, nowMs: Millis): Promise<Uint8Array | undefined>
  /** Blobs and tombstones, ascending by key; what has expired and is not swept yet is among them. */
  entries(range?: { gte?: Uint8Array; lt?: Uint8Array }): AsyncIterable<Entry>
  /** Forgets a blob, as if it had never been here; not a tombstone. */
  drop(key: Uint8Array): Promise<void>
  /** Drops what has expired by `nowMs`, at most `limit` entries. @returns how many were dropped. */
  expire(nowMs: Millis, limit: number): Promise<number>
  usage(): Usage
}
