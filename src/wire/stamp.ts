import { concatBytes, sha256, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { bytes, decodeCbor, encodeCbor, mapped, tuple, uint } from './cbor.ts'

/** A proof of work for one key, begun at a known hour. Source: docs/protocol/stamp.md */
export interface Stamp {
  /** A multiple of {@link limits.expiryStepMs}; the price counts from here. On the wire: whole hours. */
  readonly issuedMs: Millis
  /** What the work was to find: 7 bytes. */
  readonly nonce: Uint8Array
}

/** What a stamp is for. */
export interface Postage {
  readonly key: Uint8Array
  /** Of what is to be stored: a blob's sealed bytes, or a record's frame. */
  readonly lengthBytes: number
  /** Left out for a record: it is kept {@link limits.recordLifeMs} from each put on. */
  readonly expiryMs?: Millis
}

/** A stranger's stamp that pays at least the floor. */
export interface PaidStamp extends Stamp {
  /** Begun a short while ago, so that its maker can make another, dearer one. */
  readonly fresh: boolean
  /** Whether its work is worth `factor` times the floor. */
  pays(factor: number): boolean
}

const label = utf8('muttr stamp 1')
const hourMs = limits.expiryStepMs
const nonceBytes = 7
/** Byte-hours that one expected hash pays for: 4 KiB for 30 days are 2,949 hashes. Measured in docs/decisions/023-stamps.md; what it keeps out and what not: simulations/stamp-price.md */
const byteHoursPerHash = 1_000

const stamp = mapped(
  tuple(uint(10_000_000, 1), bytes(nonceBytes)),
  ([hours, nonce]): Stamp => ({ issuedMs: hours * hourMs, nonce })
)

export const encodeStamp = ({ issuedMs, nonce }: Stamp): Uint8Array =>
  encodeCbor([issuedMs / hourMs, nonce])

/** @throws {MuttrError} `STAMP_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export const decodeStamp = (frame: Uint8Array): Stamp =>
  decodeCbor(frame, 'a stamp', stamp, limits.stampBytesMax, 'STAMP_INVALID')

/** The hour in which a stamp is issued that is begun at `nowMs`. */
export const issuedAt = (nowMs: Millis): Millis => Math.floor(nowMs / hourMs) * hourMs

/** The floor price in expected hashes: linear in size and in the life left when it was issued. */
export function stampPrice(o: { lengthBytes: number; expiryMs: Millis; issuedMs: Millis }): number {
  const hours = Math.max(0, o.expiryMs - o.issuedMs) / hourMs
  return Math.max(limits.stampHashesMin, Math.ceil((o.lengthBytes * hours) / byteHoursPerHash))
}

/** When what is put with a stamp of `issuedMs` ends. */
export const endOf = ({ expiryMs }: Postage, issuedMs: Millis): Millis =>
  expiryMs ?? issuedMs + limits.recordLifeMs

/** What is hashed, without the nonce: 48 bytes, twelve words of SHA-256. With the nonce it fills one block exactly. */
export function stampBlock(key: Uint8Array, issuedMs: Millis): Uint8Array {
  const hours = issuedMs / hourMs
  return concatBytes(label, key, new Uint8Array([hours >>> 16, hours >>> 8, hours]))
}

/** The `n`th nonce that a search tries. */
export function nthNonce(n: number): Uint8Array {
  const out = new Uint8Array(nonceBytes)
  const view = new DataView(out.buffer)
  view.setUint32(0, Math.floor(n / 2 ** 24))
  view.setUint16(4, (n >>> 8) & 0xffff)
  view.setUint8(6, n & 0xff)
  return out
}

/** The hashes below this number are worth `price`: one in `price` is. */
export const threshold = (price: number): bigint => (2n ** 64n + BigInt(price) - 1n) / BigInt(price)

/** The same as its upper and its lower 32 bits; the upper is 2^32 where anything is worth it. */
export function stampBelow(price: number): [high: number, low: number] {
  const below = threshold(price)
  return [Number(below >> 32n), Number(below & 0xffff_ffffn)]
}

/** What a stamp's work has found, 0 to 2^64: the smaller, the more it is worth. */
export type StampNumber = (key: Uint8Array, stamp: Stamp) => bigint

/** The first 8 bytes of the hash. */
const stampNumber: StampNumber = (key, { issuedMs, nonce }) => {
  const hash = sha256(stampBlock(key, issuedMs), nonce)
  return new DataView(hash.buffer, hash.byteOffset).getBigUint64(0)
}

/**
 * Checks what a put shows before anything of it is written; the bytes are not needed.
 * @param numberOf SHA-256 unless told; a virtual world has one for stamps that nobody searched for.
 * @throws {MuttrError} `STAMP_MISSING`, `STAMP_INVALID` (not a stamp, from the future, or of a record and old), `STAMP_TOO_LOW` when it does not pay the floor.
 */
export function readStamp(
  frame: Uint8Array | null,
  o: Postage,
  nowMs: Millis,
  numberOf: StampNumber = stampNumber
): PaidStamp {
  if (frame === null) throw new MuttrError('STAMP_MISSING', 'nothing is stored without a stamp')
  const read = decodeStamp(frame)
  const { issuedMs } = read
  if (issuedMs > nowMs + limits.clockSkewMs)
    throw new MuttrError('STAMP_INVALID', 'the stamp was issued in the future')
  const fresh = issuedMs >= nowMs - limits.stampFreshMs
  if (o.expiryMs === undefined && !fresh)
    throw new MuttrError('STAMP_INVALID', 'the stamp of a record was issued hours ago')
  const number = numberOf(o.key, read)
  const floor = stampPrice({ ...o, expiryMs: endOf(o, issuedMs), issuedMs })
  const pays = (factor: number) => number < threshold(Math.ceil(floor * factor))
  if (!pays(1)) throw new MuttrError('STAMP_TOO_LOW', `a stamp worth less than ${floor} hashes`)
  return { ...read, fresh, pays }
}
