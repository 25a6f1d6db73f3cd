import type { Contact, Millis, PeerId } from '../base/ports.ts'
import type { Blob } from '../wire/blob.ts'

/** A holder's signed word that it stored a blob. Source: docs/protocol/dht.md */
export interface Acknowledgement {
  readonly holder: PeerId
  readonly key: Uint8Array
  readonly expiryMs: Millis
  readonly storedMs: Millis
  /** The holder's peer key over the label "muttr stored 1", key, expiry and time. 64 bytes. */
  readonly signature: Uint8Array
}

export interface PutProgress {
  /** Copies acknowledged so far. */
  readonly acknowledgements: readonly Acknowledgement[]
  /** W, or less where fewer nodes exist. */
  readonly needed: number
  /** R, or less where fewer nodes exist. */
  readonly wanted: number
  /** Fewer than R nodes were found, ourselves included. */
  readonly smallNetwork: boolean
}

export interface PutResult extends PutProgress {
  /** Resolves when R have acknowledged or nobody is left to ask; never rejects. */
  readonly settled: Promise<PutProgress>
}

export interface GetResult {
  readonly blob: Blob
  /** Who had it; our own peer id when it was in our store. */
  readonly from: PeerId
  readonly hops: number
}

export interface DhtOptions {
  signal?: AbortSignal
  /** The whole operation; 10 s unless told. */
  timeoutMs?: Millis
}

/** The distributed hash table as the floors above use it. */
export interface Dht {
  /**
   * Stores at the nearest seeds; resolves at W signed acknowledgements and goes on to R.
   * @throws {MuttrError} `NETWORK_EMPTY` with nobody reached, `QUORUM_MISSED` below W, `BLOB_EXPIRED`, `CANCELLED`, `PEER_TIMEOUT`.
   */
  put(
    blob: Blob,
    options?: DhtOptions & { onProgress?: (progress: PutProgress) => void }
  ): Promise<PutResult>
  /** @throws {MuttrError} `BLOB_UNKNOWN`, `BLOB_RELEASED`, `NETWORK_EMPTY`, `CANCELLED`, `PEER_TIMEOUT`. */
  get(key: Uint8Array, options?: DhtOptions): Promise<GetResult>
  /** @throws {MuttrError} `RECORD_STALE` with a newer one stored, `QUORUM_MISSED`, `NETWORK_EMPTY`, … */
  putRecord(frame: Uint8Array, options?: DhtOptions): Promise<{ copies: number }>
  /** The valid record of the highest sequence. @throws {MuttrError} `RECORD_UNKNOWN`, `NETWORK_EMPTY`, … */
  getRecord(key: Uint8Array, options?: DhtOptions): Promise<Uint8Array>
  /** The nearest seeds to a place that answered, nearest first. */
  nearest(place: Uint8Array, options?: DhtOptions): Promise<Contact[]>
}
