import type { ErrorCode } from '../base/errors.ts'
import { isErrorCode, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Field } from './cbor.ts'
import {
  array,
  bool,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  text,
  tuple,
  uint
} from './cbor.ts'

/** The first frame of either side. Source: docs/protocol/channel.md */
export interface Greeting {
  /** Whether the sender serves the DHT: server mode. */
  readonly server: boolean
  /** Where the sender can be dialled: multiaddrs without `/p2p/`; none in client mode. */
  readonly addresses: readonly string[]
  /** Bytes of large payloads that the receiver of this greeting may have begun and not been credited for. */
  readonly windowBytes: number
  /** Requests that the receiver of this greeting may have open at once. */
  readonly inFlight: number
}

/** What travels in one frame. `id` counts the requests of the side that asked, from 1, per channel. */
export type Frame =
  | ({ readonly type: 'greeting' } & Greeting)
  | {
      readonly type: 'request'
      readonly id: number
      readonly method: string
      readonly timeoutMs: Millis
      readonly payload: Uint8Array
    }
  | { readonly type: 'answer'; readonly id: number; readonly payload: Uint8Array }
  | {
      readonly type: 'failure'
      readonly id: number
      readonly code: ErrorCode
      readonly message: string
    }
  | { readonly type: 'cancel'; readonly id: number }
  | {
      readonly type: 'large-request'
      readonly id: number
      readonly method: string
      readonly timeoutMs: Millis
      readonly sizeBytes: number
    }
  | { readonly type: 'large-answer'; readonly id: number; readonly sizeBytes: number }
  | { readonly type: 'request-chunk'; readonly id: number; readonly data: Uint8Array }
  | { readonly type: 'answer-chunk'; readonly id: number; readonly data: Uint8Array }
  | { readonly type: 'credit'; readonly bytes: number }
  | { readonly type: 'ping'; readonly nonce: number }
  | { readonly type: 'pong'; readonly nonce: number }
  /** `code` is null when the sender merely leaves: what is open is still answered, nothing new is asked. */
  | { readonly type: 'goodbye'; readonly code: ErrorCode | null; readonly message: string }

const version = 1
const id = uint(0xffff_ffff, 1)
const uint32 = uint(0xffff_ffff)
const method = text(limits.methodCharsMax, 1)
const timeoutMs = uint(limits.requestMsMax)
/** A payload that is kept shall not keep much else that came with it from the socket. */
const small = mapped(bytes(0, limits.smallPayloadBytesMax), payload =>
  payload.buffer.byteLength > 2 * payload.byteLength + 256 ? payload.slice() : payload
)
const large = uint(limits.payloadBytesMax, limits.smallPayloadBytesMax + 1)
const chunk = bytes(1, limits.chunkBytesMax)
const reason = text(limits.failureMessageBytesMax)

/** A code of a newer peer that we do not know is still a refusal. */
const code: Field<ErrorCode> = mapped(text(32, 1), name =>
  isErrorCode(name) ? name : 'PEER_REFUSED'
)

/** By the frame's first element. */
const shapes: readonly Field<Frame>[] = [
  mapped(
    tuple(
      literal(0),
      literal(version),
      bool,
      array(text(limits.addressCharsMax, 1), limits.contactAddressesMax),
      uint(limits.channelWindowBytesMax, limits.channelWindowBytesMin),
      uint(limits.channelInFlightMax, limits.channelInFlightMin)
    ),
    ([, , server, addresses, windowBytes, inFlight]) => ({
      type: 'greeting',
      server,
      addresses,
      windowBytes,
      inFlight
    })
  ),
  mapped(tuple(literal(1), id, method, timeoutMs, small), ([, n, name, ms, payload]) => ({
    type: 'request',
    id: n,
    method: name,
    timeoutMs: ms,
    payload
  })),
  mapped(tuple(literal(2), id, small), ([, n, payload]) => ({ type: 'answer', id: n, payload })),
  mapped(tuple(literal(3), id, code, reason), ([, n, why, message]) => ({
    type: 'failure',
    id: n,
    code: why,
    message
  })),
  mapped(tuple(literal(4), id), ([, n]) => ({ type: 'cancel', id: n })),
  mapped(tuple(literal(5), id, method, timeoutMs, large), ([, n, name, ms, sizeBytes]) => ({
    type: 'large-request',
    id: n,
    method: name,
    timeoutMs: ms,
    sizeBytes
  })),
  mapped(tuple(literal(6), id, large), ([, n, sizeBytes]) => ({
    type: 'large-answer',
    id: n,
    sizeBytes
  })),
  mapped(tuple(literal(7), id, chunk), ([, n, data]) => ({ type: 'request-chunk', id: n, data })),
  mapped(tuple(literal(8), id, chunk), ([, n, data]) => ({ type: 'answer-chunk', id: n, data })),
  mapped(tuple(literal(9), uint(limits.channelWindowBytesMax, 1)), ([, n]) => ({
    type: 'credit',
    bytes: n
  })),
  mapped(tuple(literal(10), uint32), ([, nonce]) => ({ type: 'ping', nonce })),
  mapped(tuple(literal(11), uint32), ([, nonce]) => ({ type: 'pong', nonce })),
  mapped(tuple(literal(12), nullable(code), reason), ([, why, message]) => ({
    type: 'goodbye',
    code: why,
    message
  }))
]

const frame: Field<Frame> = value => {
  if (!Array.isArray(value)) throw new TypeError('no array')
  // Another version's greeting may have any fields after its number.
  if (value[0] === 0 && Number.isSafeInteger(value[1]) && value[1] !== version)
    throw new MuttrError('WIRE_VERSION', `version ${value[1]}`)
  // By a text such as `constructor` an array would give something too.
  const shape = typeof value[0] === 'number' ? shapes[value[0]] : undefined
  if (shape === undefined) throw new TypeError('no frame of this protocol')
  return shape(value)
}

function fields(f: Frame): unknown[] {
  switch (f.type) {
    case 'request':
      return [1, f.id, f.method, f.timeoutMs, f.payload]
    case 'answer':
      return [2, f.id, f.payload]
    case 'failure':
      return [3, f.id, f.code, f.message]
    case 'cancel':
      return [4, f.id]
    case 'large-request':
      return [5, f.id, f.method, f.timeoutMs, f.sizeBytes]
    case 'large-answer':
      return [6, f.id, f.sizeBytes]
    case 'request-chunk':
      return [7, f.id, f.data]
    case 'answer-chunk':
      return [8, f.id, f.data]
    case 'credit':
      return [9, f.bytes]
    case 'ping':
      return [10, f.nonce]
    case 'pong':
      return [11, f.nonce]
    case 'goodbye':
      return [12, f.code, f.message]
    case 'greeting':
      return [0, version, f.server, f.addresses, f.windowBytes, f.inFlight]
  }
}

/** Without the two bytes of length that go before it on a stream. */
export const encodeFrame = (f: Frame): Uint8Array => encodeCbor(fields(f))

/** @throws {MuttrError} `WIRE_MALFORMED`, `WIRE_TOO_LARGE`, or `WIRE_VERSION` for a greeting of another version; nothing else. */
export function decodeFrame(raw: Uint8Array): Frame {
  try {
    return decodeCbor(raw, 'a frame', frame, limits.frameBytesMax)
  } catch (err) {
    const { cause } = err as MuttrError
    throw cause instanceof MuttrError ? cause : err
  }
}

/** Cuts a message to what a failure or goodbye may carry. */
export function cutMessage(message: string): string {
  if (Buffer.byteLength(message) <= limits.failureMessageBytesMax && message.isWellFormed())
    return message
  return message.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, limits.failureMessageBytesMax)
}

/** Frames with their lengths (two bytes, big-endian) as one piece of bytes. */
export function packFrames(frames: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const f of frames) size += 2 + f.byteLength
  const packed = Buffer.allocUnsafe(size)
  let at = 0
  for (const f of frames) {
    at = packed.writeUInt16BE(f.byteLength, at)
    packed.set(f, at)
    at += f.byteLength
  }
  return new Uint8Array(packed.buffer, packed.byteOffset, size)
}

/** Finds the frames in a stream's pieces; holds at most one unfinished frame. Noise frames its messages in the same way. */
export class FrameReader {
  readonly #frameBytesMax: number
  #head: number | undefined // the first byte of a length whose second has not come
  #partial: Uint8Array | undefined
  #filled = 0

  constructor(frameBytesMax: number = limits.frameBytesMax) {
    this.#frameBytesMax = frameBytesMax
  }

  /**
   * Calls `take` for each frame that is complete, with a view of `piece`, or of bytes of its own.
   * @throws {MuttrError} `WIRE_TOO_LARGE`, `WIRE_MALFORMED` for an empty frame, and what `take` throws; the stream is then lost.
   */
  push(piece: Uint8Array, take: (frame: Uint8Array) => void): void {
    let at = 0
    while (at < piece.byteLength) {
      if (this.#partial === undefined) {
        if (this.#head === undefined) {
          this.#head = piece[at++]!
          continue
        }
        const size = (this.#head << 8) | piece[at++]!
        this.#head = undefined
        if (size === 0) throw new MuttrError('WIRE_MALFORMED', 'an empty frame')
        if (size > this.#frameBytesMax)
          throw new MuttrError('WIRE_TOO_LARGE', `a frame of ${size} bytes`)
        if (at + size <= piece.byteLength) {
          take(piece.subarray(at, (at += size)))
          continue
        }
        this.#partial = new Uint8Array(size)
        this.#filled = 0
      }
      const part = piece.subarray(at, at + this.#partial.byteLength - this.#filled)
      this.#partial.set(part, this.#filled)
      at += part.byteLength
      this.#filled += part.byteLength
      if (this.#filled === this.#partial.byteLength) {
        const whole = this.#partial
        this.#partial = undefined
        take(whole)
      }
    }
  }
}
