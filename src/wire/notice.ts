import { sha256 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { array, bytes, decodeCbor, encodeCbor, literal, mapped, text, tuple, uint } from './cbor.ts'
import { fingerprint } from './fingerprint.ts'

/** "A blob for this address is stored under this key." Source: docs/protocol/notice.md */
export interface NoticeBody {
  /** By which the pod knows a mailbox. 32 bytes. */
  readonly address: Uint8Array
  /** The blob's key. 32 bytes. */
  readonly key: Uint8Array
  /** The blob's sealed bytes. */
  readonly sizeBytes: number
  /** When the blob expires, and the notice with it: a whole hour. */
  readonly expiryMs: Millis
  /** Sealed to the recipient: who sends. Nothing the pod can read. */
  readonly slip: Uint8Array
}

/** A notice as its pod keeps it. */
export interface Notice extends NoticeBody {
  /** Place in the account's mailbox, from 1. */
  readonly sequence: number
  /** When the pod took it. */
  readonly takenMs: Millis
}

/** HPKE `info` of a sealed notice. */
export const noticeInfo = 'muttr notice 1'
/** HPKE's encapsulated key (32) and tag (16). */
const sealBytes = 48
const paddedBytes = limits.noticeBytesMax - sealBytes
const lengthBytes = 2
const expiryHoursMax = 10_000_000

const hours = mapped(uint(expiryHoursMax, 1), (value): Millis => value * limits.expiryStepMs)
const slip = bytes(1, limits.slipBytes)
const size = uint(limits.blobBytesMax, 1)

const body = mapped(
  tuple(literal(1), bytes(32), bytes(32), size, hours, slip),
  ([, address, key, sizeBytes, expiryMs, slip]): NoticeBody => ({
    address,
    key,
    sizeBytes,
    expiryMs,
    slip
  })
)

/**
 * The plaintext to be sealed to a pod with {@link noticeInfo}: length, CBOR, zeros; always as long, so that the sealed
 * notice is exactly {@link limits.noticeBytesMax} bytes.
 */
export function encodeNotice(n: NoticeBody): Uint8Array {
  const frame = encodeCbor([
    1,
    n.address,
    n.key,
    n.sizeBytes,
    n.expiryMs / limits.expiryStepMs,
    n.slip
  ])
  const padded = new Uint8Array(paddedBytes)
  new DataView(padded.buffer).setUint16(0, frame.byteLength)
  padded.set(frame, lengthBytes)
  return padded
}

/** @throws {MuttrError} `NOTICE_INVALID`, and nothing else. */
export function decodeNotice(plaintext: Uint8Array): NoticeBody {
  const refuse = (what: string): never => {
    throw new MuttrError('NOTICE_INVALID', what)
  }
  if (plaintext.byteLength !== paddedBytes) return refuse('a notice of another length')
  const view = new DataView(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength)
  const end = lengthBytes + view.getUint16(0)
  if (end > paddedBytes) return refuse('a notice longer than its padding')
  if (plaintext.subarray(end).some(byte => byte !== 0)) return refuse('padding that is not zero')
  const frame = plaintext.slice(lengthBytes, end)
  return decodeCbor(frame, 'a notice', body, paddedBytes, 'NOTICE_INVALID')
}

/** Who sends, as the recipient alone reads it: sealed by the sender's key to {@link limits.slipBytes}. */
export interface Slip {
  /** Lower-case hex: 20 bytes (v4) or 32 (v6). */
  readonly fingerprint: string
  /** `alice@pod.example` */
  readonly alias: string
  /** 32 bytes. */
  readonly letter: Uint8Array
  /** The blob's key again, so that a slip cannot be moved to another notice. 32 bytes. */
  readonly key: Uint8Array
}

const slipBody = mapped(
  tuple(literal(1), fingerprint, text(limits.fullAliasCharsMax, 3), bytes(32), bytes(32)),
  ([, fingerprint, alias, letter, key]): Slip => ({ fingerprint, alias, letter, key })
)

export const encodeSlip = (s: Slip): Uint8Array =>
  encodeCbor([1, new Uint8Array(Buffer.from(s.fingerprint, 'hex')), s.alias, s.letter, s.key])

/** @throws {MuttrError} `NOTICE_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export const decodeSlip = (plaintext: Uint8Array): Slip =>
  decodeCbor(plaintext, 'a slip', slipBody, limits.slipBytes, 'NOTICE_INVALID')

/** What a pod's peer key signs when it took a notice: of the sealed bytes only, so that nobody learns whose it was. */
export const announcedBytes = (sealed: Uint8Array, atMs: Millis): Uint8Array =>
  announcedHashBytes(sha256(sealed), atMs)

/** The same, of the SHA-256 of the sealed bytes. */
export const announcedHashBytes = (hash: Uint8Array, atMs: Millis): Uint8Array =>
  encodeCbor(['muttr announced 1', hash, atMs])

/** A notice in a mailbox, on the wire (playback and push) as on the disk (without its sequence). */
const stored = mapped(
  tuple(literal(1), uint(), bytes(32), bytes(32), size, hours, slip),
  ([, takenMs, address, key, sizeBytes, expiryMs, slip]): Omit<Notice, 'sequence'> => ({
    takenMs,
    address,
    key,
    sizeBytes,
    expiryMs,
    slip
  })
)

export const encodeStored = (n: Omit<Notice, 'sequence'>): Uint8Array =>
  encodeCbor([
    1,
    n.takenMs,
    n.address,
    n.key,
    n.sizeBytes,
    n.expiryMs / limits.expiryStepMs,
    n.slip
  ])

const storedBytesMax = 1_200

/** @throws {MuttrError} `WIRE_MALFORMED` or `WIRE_TOO_LARGE`, and nothing else. */
export const decodeStored = (frame: Uint8Array): Omit<Notice, 'sequence'> =>
  decodeCbor(frame, 'a kept notice', stored, storedBytesMax)

/** One entry of a page: its sequence and the stored frame, so that a pod need not decode what it hands on. */
export interface Entry {
  readonly sequence: number
  readonly frame: Uint8Array
}

const entry = mapped(
  tuple(uint(Number.MAX_SAFE_INTEGER, 1), bytes(1, storedBytesMax)),
  ([sequence, frame]): Entry => ({ sequence, frame })
)

/** The sum of the maxima of {@link entries}, rounded up. */
export const entriesBytesMax = limits.playbackPageMax * (storedBytesMax + 20) + 32

/** Entries of a page or push, ascending. A field of the frames in ./pod.ts. */
export const entries = (value: unknown): Entry[] => {
  const list = array(entry, limits.playbackPageMax)(value)
  if (list.some((e, i) => i > 0 && e.sequence <= list[i - 1]!.sequence))
    throw new TypeError('entries out of order')
  return list
}

/** @throws {MuttrError} as {@link decodeStored}. */
export const readEntry = ({ sequence, frame }: Entry): Notice => ({
  ...decodeStored(frame),
  sequence
})
