import { createHash } from 'node:crypto'
import { concatBytes } from '../base/bytes.ts'

/** Packet types of OpenPGP that this room meets (RFC 9580, 5). */
export const tags = {
  pkesk: 1,
  signature: 2,
  onePass: 4,
  secretKey: 5,
  publicKey: 6,
  secretSubkey: 7,
  compressed: 8,
  literal: 11,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
  encrypted: 18,
  aead: 20,
  padding: 21
} as const

export interface PacketView {
  readonly tag: number
  /** The first octets of the body, at least its header where the body is that long. */
  readonly head: Uint8Array
  readonly bodyBytes: number
}

interface Length {
  readonly bytes: number
  readonly at: number
  readonly partial: boolean
}

/** Only what a framing error is: callers turn it into the code of what they read. */
class FramingError extends Error {}

/**
 * Walks the packets of a stranger's bytes without reading them: so counts and sizes are known before any parser starts.
 * Partial lengths are followed for data packets only; indeterminate lengths are refused. (RFC 9580, 4.2)
 * @throws on anything else than whole packets up to the last byte, and with more than `max`.
 */
export function walkPackets(bytes: Uint8Array, max: number): PacketView[] {
  const packets: PacketView[] = []
  for (let at = 0; at < bytes.byteLength; ) {
    if (packets.length === max) throw new FramingError(`more than ${max} packets`)
    const first = bytes[at]!
    if ((first & 0x80) === 0) throw new FramingError('not a packet')
    const isNew = (first & 0x40) !== 0
    const tag = isNew ? first & 0x3f : (first >> 2) & 0x0f
    let length = isNew ? newLength(bytes, at + 1) : oldLength(bytes, at + 1, first & 3)
    if (length.partial && tag !== tags.encrypted && tag !== tags.aead)
      throw new FramingError('a partial length')
    const head = bytes.subarray(length.at, length.at + Math.min(length.bytes, 64))
    let bodyBytes = length.bytes
    while (length.partial) {
      length = newLength(bytes, length.at + length.bytes)
      bodyBytes += length.bytes
    }
    at = length.at + length.bytes
    if (at > bytes.byteLength) throw new FramingError('a packet cut short')
    packets.push({ tag, head, bodyBytes })
  }
  return packets
}

function newLength(bytes: Uint8Array, at: number): Length {
  const first = octet(bytes, at)
  if (first < 192) return { bytes: first, at: at + 1, partial: false }
  if (first < 224)
    return { bytes: ((first - 192) << 8) + octet(bytes, at + 1) + 192, at: at + 2, partial: false }
  if (first < 255) return { bytes: 2 ** (first & 0x1f), at: at + 1, partial: true }
  return { bytes: bigEndian(bytes, at + 1, 4), at: at + 5, partial: false }
}

function oldLength(bytes: Uint8Array, at: number, type: number): Length {
  if (type === 3) throw new FramingError('a packet of indeterminate length')
  const octets = 2 ** type
  return { bytes: bigEndian(bytes, at, octets), at: at + octets, partial: false }
}

const octet = (bytes: Uint8Array, at: number): number => {
  const value = bytes[at]
  if (value === undefined) throw new FramingError('a header cut short')
  return value
}

function bigEndian(bytes: Uint8Array, at: number, octets: number): number {
  let value = 0
  for (let i = 0; i < octets; i++) value = value * 256 + octet(bytes, at + i)
  return value
}

/**
 * The fingerprint of the key that a certificate begins with, hex, without reading the rest (RFC 9580, 5.5.4). Of bytes that were read as a
 * certificate before. @throws on anything else than a public key of version 4 or 6
 */
export function primaryFingerprint(bytes: Uint8Array): string {
  const first = octet(bytes, 0)
  const isNew = (first & 0x40) !== 0
  const { at, bytes: size } = isNew ? newLength(bytes, 1) : oldLength(bytes, 1, first & 3)
  const body = bytes.subarray(at, at + size)
  const version = octet(body, 0)
  if (version !== 4 && version !== 6) throw new FramingError('a key of another version')
  const prefix = new Uint8Array(version === 4 ? 3 : 5)
  prefix[0] = version === 4 ? 0x99 : 0x9b
  if (version === 4) new DataView(prefix.buffer).setUint16(1, body.byteLength)
  else new DataView(prefix.buffer).setUint32(1, body.byteLength)
  const hash = createHash(version === 4 ? 'sha1' : 'sha256')
  return hash.update(prefix).update(body).digest('hex')
}

/** One packet with a new-format header; always five octets of length, so that a size is known before the body is. */
export function packet(tag: number, body: Uint8Array): Uint8Array {
  const header = new Uint8Array(packetHeaderBytes)
  header[0] = 0xc0 | tag
  header[1] = 0xff
  new DataView(header.buffer).setUint32(2, body.byteLength)
  return concatBytes(header, body)
}
export const packetHeaderBytes = 6

const armorBegin = /^-----BEGIN PGP ([A-Z ]{1,40})-----[ \t]*\r?\n/m

/** Armored text is ASCII; the first octet of a packet is not. */
export const isArmored = (bytes: Uint8Array): boolean => (bytes[0]! & 0x80) === 0

/**
 * Takes the armor off one block (RFC 9580, 6.2); text around it is ignored, the checksum too.
 * @throws when there is no such block.
 */
export function unarmor(bytes: Uint8Array, kind: string): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const begin = armorBegin.exec(text)
  if (begin === null || begin[1] !== kind) throw new FramingError(`not a ${kind}`)
  const start = begin.index + begin[0].length
  const end = text.indexOf(`-----END PGP ${kind}-----`, start)
  if (end < 0) throw new FramingError('armor cut short')
  const lines = text.slice(start, end).split(/\r?\n/)
  const blank = lines.findIndex(line => line.trim() === '')
  const body = lines.slice(blank + 1).filter(line => !line.startsWith('='))
  const base64 = body.join('').replaceAll(/\s/g, '')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw new FramingError('not base64')
  return new Uint8Array(Buffer.from(base64, 'base64'))
}
