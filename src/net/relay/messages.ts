import { MuttrError } from '../../base/errors.ts'
import type { PeerId } from '../../base/ports.ts'
import { peerOfKey } from '../../wire/contact.ts'

/** The protocols of libp2p's circuit relay, version 2. Source: docs/protocol/reach.md, libp2p's specs/relay/circuit-v2.md */
export const hopProtocol = '/libp2p/circuit/relay/0.2.0/hop'
export const stopProtocol = '/libp2p/circuit/relay/0.2.0/stop'

/** A message with addresses and a voucher, as other implementations send them, stays well below. */
export const relayMessageBytesMax = 4_096

export const status = {
  ok: 100,
  reservationRefused: 200,
  resourceLimit: 201,
  permissionDenied: 202,
  connectionFailed: 203,
  noReservation: 204,
  malformed: 400,
  unexpected: 401
} as const

/** Bounds of a relayed connection; a part that is not there is not bounded. */
interface RelayLimit {
  readonly durationSeconds?: number
  readonly dataBytes?: number
}

/** What runs on either protocol; on stop there is no `reserve`. */
export type RelayMessage =
  | { readonly type: 'reserve' }
  | { readonly type: 'connect'; readonly peer: Uint8Array; readonly limit?: RelayLimit }
  | {
      readonly type: 'status'
      readonly status: number
      /** Unix seconds at which a reservation ends. */
      readonly expireSeconds?: number
      readonly limit?: RelayLimit
    }

/** Numbers of the same fields on the two protocols. */
const numbers = {
  hop: { reserve: 0, connect: 1, status: 2, limitField: 4, statusField: 5 },
  stop: { reserve: -1, connect: 0, status: 1, limitField: 3, statusField: 4 }
} as const
export type RelayProtocol = keyof typeof numbers

const peerIdBytesMax = 64
/** An Ed25519 key as libp2p makes an id of it: the identity multihash of a protocol buffer. */
const ed25519IdHead = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)

/** @returns undefined for an id that is not made of an Ed25519 key, such as none of our peers has. */
export function peerOfId(id: Uint8Array): PeerId | undefined {
  const head = id.subarray(0, ed25519IdHead.byteLength)
  if (id.byteLength !== ed25519IdHead.byteLength + 32 || Buffer.compare(head, ed25519IdHead) !== 0)
    return undefined
  return peerOfKey(id.slice(ed25519IdHead.byteLength))
}

export function encodeRelay(protocol: RelayProtocol, message: RelayMessage): Uint8Array {
  const n = numbers[protocol]
  const out: number[] = [...number(1, n[message.type])]
  if (message.type === 'connect') out.push(...nested(2, bytesField(1, message.peer)))
  if (protocol === 'hop' && message.type === 'status' && message.expireSeconds !== undefined)
    out.push(...nested(3, number(1, message.expireSeconds)))
  if (message.type !== 'reserve' && message.limit) {
    const { durationSeconds, dataBytes } = message.limit
    const limit = [
      ...(durationSeconds === undefined ? [] : number(1, durationSeconds)),
      ...(dataBytes === undefined ? [] : number(2, dataBytes))
    ]
    out.push(...nested(n.limitField, limit))
  }
  if (message.type === 'status') out.push(...number(n.statusField, message.status))
  return Uint8Array.from(out)
}

/** @throws {MuttrError} `WIRE_TOO_LARGE`, `WIRE_MALFORMED` */
export function decodeRelay(protocol: RelayProtocol, bytes: Uint8Array): RelayMessage {
  if (bytes.byteLength > relayMessageBytesMax)
    throw new MuttrError('WIRE_TOO_LARGE', 'a relay message')
  try {
    return read(protocol, fieldsOf(bytes))
  } catch (cause) {
    throw new MuttrError('WIRE_MALFORMED', 'not a relay message', { cause })
  }
}

function read(protocol: RelayProtocol, fields: Fields): RelayMessage {
  const n = numbers[protocol]
  const type = numberIn(fields, 1)
  if (type === n.reserve) return { type: 'reserve' }
  const limit = limitIn(fields, n.limitField)
  if (type === n.connect) {
    const peer = bytesIn(fieldsOf(must(bytesIn(fields, 2))), 1)
    if (!peer || peer.byteLength === 0 || peer.byteLength > peerIdBytesMax)
      throw new TypeError('no peer id')
    return { type: 'connect', peer, ...(limit && { limit }) }
  }
  if (type !== n.status) throw new TypeError('no known type')
  const reservation = protocol === 'hop' ? bytesIn(fields, 3) : undefined
  const expireSeconds = reservation && numberIn(fieldsOf(reservation), 1)
  return {
    type: 'status',
    status: must(numberIn(fields, n.statusField)),
    ...(expireSeconds !== undefined && { expireSeconds }),
    ...(limit && { limit })
  }
}

function limitIn(fields: Fields, field: number): RelayLimit | undefined {
  const bytes = bytesIn(fields, field)
  if (!bytes) return undefined
  const limit = fieldsOf(bytes)
  const [durationSeconds, dataBytes] = [numberIn(limit, 1), numberIn(limit, 2)]
  return {
    ...(durationSeconds && { durationSeconds }),
    ...(dataBytes && { dataBytes })
  }
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('a field is missing')
  return value
}

/* Protocol buffers, as far as these messages need them: unsigned integers below 2^53 and byte strings. */

type Fields = Map<number, number | Uint8Array>

function varint(value: number): number[] {
  const out: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80)
  out.push(rest)
  return out
}

const number = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)]
const bytesField = (field: number, bytes: Uint8Array | readonly number[]): number[] => [
  ...varint(field * 8 + 2),
  ...varint(bytes.length),
  ...bytes
]
const nested = bytesField

/** Of a field that stands several times the last counts, as protocol buffers have it. */
function fieldsOf(bytes: Uint8Array): Fields {
  const fields: Fields = new Map()
  let at = 0
  const take = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('cut off')
      value += (byte & 0x7f) * scale
      if (!Number.isSafeInteger(value)) throw new RangeError('a number too large')
      if (byte < 0x80) return value
      if (scale > 2 ** 56) throw new RangeError('a number too long')
    }
  }
  const skip = (length: number): Uint8Array => {
    if (length > bytes.byteLength - at) throw new RangeError('cut off')
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.byteLength) {
    const tag = take()
    const [field, kind] = [Math.floor(tag / 8), tag % 8]
    if (field === 0) throw new RangeError('no field')
    if (kind === 0) fields.set(field, take())
    else if (kind === 1) skip(8)
    else if (kind === 2) fields.set(field, skip(take()))
    else if (kind === 5) skip(4)
    else throw new RangeError('no kind of field')
  }
  return fields
}

function numberIn(fields: Fields, field: number): number | undefined {
  const value = fields.get(field)
  if (value instanceof Uint8Array) throw new TypeError('not a number')
  return value
}

function bytesIn(fields: Fields, field: number): Uint8Array | undefined {
  const value = fields.get(field)
  if (typeof value === 'number') throw new TypeError('not bytes')
  return value
}
