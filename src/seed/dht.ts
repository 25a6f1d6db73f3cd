import type { Contact, Millis, PeerId } from '../base/ports.ts'
import type { Blob, StampedBlob } from '../wire/blob.ts'
import type { PurseOptions } from './purse.ts'

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
  /** The highest price that any seed asked for, in floor prices of a stamp, be it paid or not; 1 unless a seed is pressed. */
  readonly asked: number
  /** Seeds that refused because we ask more of them than they do for one peer. */
  readonly limited: number
}

export interface PutResult extends PutProgress {
  /** Resolves when R have acknowledged or nobody is left to ask; never rejects. */
  readonly settled: Promise<PutProgress>
}

export interface GetResult {
  readonly blob: StampedBlob
  /** Who had it; our own peer id when it was in our store. */
  readonly from: PeerId
  readonly hops: number
}

/** A holder's signed word that it keeps a tombstone, and which preimages it was shown. Source: docs/protocol/dht.md#release */
export interface ReleaseWord {
  readonly holder: PeerId
  readonly retract: boolean
  readonly accept: boolean
  readonly atMs: Millis
  /** The holder's peer key over the label "muttr released 1", key, both and time. 64 bytes. */
  readonly signature: Uint8Array
}

export interface ReleaseResult {
  /** All that were asked, whether they answered or not. */
  readonly asked: readonly PeerId[]
  readonly took: readonly ReleaseWord[]
  /** W, or less where fewer nodes exist. */
  readonly needed: number
  /** Verified tombstones of the same blob that say more than the one shown, one of a kind. */
  readonly tombstones: readonly Uint8Array[]
}

/** Who of the R nearest holds a blob. */
export interface Census {
  readonly atMs: Millis
  /** R, or less where fewer nodes exist. */
  readonly wanted: number
  readonly answered: readonly PeerId[]
  /** Of these, who has it: who proved it, where the bytes were given to check that. */
  readonly holders: readonly PeerId[]
  /** Verified, one of a kind. */
  readonly tombstones: readonly Uint8Array[]
  /** New copies, with those that lacked it. */
  readonly given: readonly Acknowledgement[]
}

export interface CensusOptions extends DhtOptions {
  /** With it a copy counts when it is proved, and who lacks one is given it, unless somebody shows a tombstone. */
  blob?: Blob
}

export interface DhtOptions {
  signal?: AbortSignal
  /** The whole operation; 10 s unless told, 20 s through a relay. */
  timeoutMs?: Millis
  /**
   * Through whom everything is asked, so that holders see that peer and not us: a pod where our device has identified. Besides the
   * other errors: {@throws MuttrError} `RELAY_UNREACHABLE`, `RELAY_REFUSED`; nobody is asked past a relay that fails.
   */
  via?: Contact | undefined
}

export interface PutOptions extends DhtOptions, PurseOptions {
  /** How many copies to make: R unless told, or W and no more, which leaves the others to the holders. */
  copies?: 'replicas' | 'quorum'
  onProgress?: (progress: PutProgress) => void
}

interface NearestOptions extends DhtOptions {
  /** What the lookup took: requests sent, and from whom we know to whom until the nearest that answered. */
  onEnd?: (cost: { requests: number; hops: number }) => void
}

/** The distributed hash table as the floors above use it. */
export interface Dht {
  /**
   * Stores at the nearest seeds; resolves at W signed acknowledgements and goes on to R.
   * The time begins when the stamp is made, and stands still while a dearer one is.
   * @throws {MuttrError} `NETWORK_EMPTY` with nobody reached, `QUORUM_MISSED` below W, `BLOB_EXPIRED`, `CANCELLED`, `PEER_TIMEOUT`.
   */
  put(blob: Blob, options?: PutOptions): Promise<PutResult>
  /** @throws {MuttrError} `BLOB_UNKNOWN`, `BLOB_RELEASED`, `NETWORK_EMPTY`, `CANCELLED`, `PEER_TIMEOUT`. */
  get(key: Uint8Array, options?: DhtOptions): Promise<GetResult>
  /**
   * Shows a tombstone to the R nearest, and to further holders named.
   * @throws {MuttrError} `BLOB_INVALID`, `BLOB_EXPIRED`; `NETWORK_EMPTY`, `PEER_TIMEOUT`, `QUORUM_MISSED` when nobody took it; `CANCELLED`
   */
  release(
    tombstone: Uint8Array,
    options?: DhtOptions & { holders?: readonly PeerId[] }
  ): Promise<ReleaseResult>
  /** @throws {MuttrError} `NETWORK_EMPTY`, `PEER_TIMEOUT` when nobody answered; `CANCELLED` */
  census(key: Uint8Array, options?: CensusOptions): Promise<Census>
  /** @throws {MuttrError} `RECORD_STALE` with a newer one stored, `QUORUM_MISSED`, `NETWORK_EMPTY`, … */
  putRecord(frame: Uint8Array, options?: DhtOptions): Promise<{ copies: number }>
  /** The valid record of the highest sequence. @throws {MuttrError} `RECORD_UNKNOWN`, `NETWORK_EMPTY`, … */
  getRecord(key: Uint8Array, options?: DhtOptions): Promise<Uint8Array>
  /** The nearest seeds to a place that answered, nearest first. */
  nearest(place: Uint8Array, options?: NearestOptions): Promise<Contact[]>
}
