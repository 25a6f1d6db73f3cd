import type { ErrorCode } from '../base/errors.ts'
import { isErrorCode, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { StampedBlob } from './blob.ts'
import {
  array,
  bool,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  oneOf,
  text,
  tuple,
  uint
} from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'

// What is asked of a pod through another, which cannot read it. Source: docs/protocol/blind.md

/** A request is sealed to exactly so many bytes: an encapsulated key, {@link plainBytes}, a tag. */
export const blindRequestBytes = 4_096
const plainBytes = blindRequestBytes - 48
const lengthBytes = 2

/** An answer is sealed to exactly one of these, as the request says: a nonce, the answer, a tag. */
export const blindAnswerBytes = {
  small: 4 * 1_024,
  medium: 16 * 1_024,
  large: 272 * 1_024
} as const
export type BlindSize = keyof typeof blindAnswerBytes
const answerSealBytes = 48
const answerLengthBytes = 4

const sizes: readonly BlindSize[] = ['small', 'medium', 'large']
const sealedSizes: readonly number[] = Object.values(blindAnswerBytes)
const sealedRequest = bytes(blindRequestBytes)
const hostname = text(limits.hostnameCharsMax, 1)
const peer = text(limits.peerIdCharsMax, 1)

/** What a client gives to the relay. */
export const blindPass: Codec<{ hostname: string; sealed: Uint8Array }> = codec(
  'a blind request',
  blindRequestBytes + limits.hostnameCharsMax + 16,
  tuple(hostname, sealedRequest),
  ([hostname, sealed]) => ({ hostname, sealed }),
  p => [p.hostname, p.sealed]
)

/** What the relay gives to the pod that was named. */
export const blindOpen: Codec<{ sealed: Uint8Array }> = codec(
  'a blind request that was passed on',
  blindRequestBytes + 8,
  tuple(sealedRequest),
  ([sealed]) => ({ sealed }),
  p => [p.sealed]
)

const sealedAnswer = (value: unknown): Uint8Array => {
  const sealed = bytes(blindAnswerBytes.small, blindAnswerBytes.large)(value)
  if (!sealedSizes.includes(sealed.byteLength)) throw new TypeError('an answer of another size')
  return sealed
}

/** From the pod to the relay, and from there to the client. */
export const blindAnswer: Codec<{ sealed: Uint8Array }> = codec(
  'a blind answer',
  blindAnswerBytes.large + 16,
  tuple(sealedAnswer),
  ([sealed]) => ({ sealed }),
  a => [a.sealed]
)

/** What is asked, as the pod alone reads it. */
export interface BlindRequest {
  readonly atMs: Millis
  /** The size of the answer that it has room for. */
  readonly size: BlindSize
  readonly method: string
  readonly payload: Uint8Array
}

const request = mapped(
  tuple(
    literal(1),
    uint(),
    oneOf(...sizes),
    text(limits.methodCharsMax, 1),
    bytes(0, plainBytes - 96)
  ),
  ([, atMs, size, method, payload]): BlindRequest => ({ atMs, size, method, payload })
)

const invalid = (what: string): MuttrError => new MuttrError('BLIND_INVALID', what)

/** The plaintext to be sealed: length, CBOR, zeros. @throws {MuttrError} `WIRE_TOO_LARGE` */
export function encodeBlindRequest(r: BlindRequest): Uint8Array {
  const frame = encodeCbor([1, r.atMs, r.size, r.method, r.payload])
  const padded = new Uint8Array(plainBytes)
  if (lengthBytes + frame.byteLength > plainBytes)
    throw new MuttrError('WIRE_TOO_LARGE', 'a blind request of too many bytes')
  new DataView(padded.buffer).setUint16(0, frame.byteLength)
  padded.set(frame, lengthBytes)
  return padded
}

/** @throws {MuttrError} `BLIND_INVALID`, and nothing else. */
export function decodeBlindRequest(plaintext: Uint8Array): BlindRequest {
  if (plaintext.byteLength !== plainBytes) throw invalid('a blind request of another length')
  const view = new DataView(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength)
  const frame = unpadded(plaintext, lengthBytes, view.getUint16(0))
  return decodeCbor(frame, 'a blind request', request, plainBytes, 'BLIND_INVALID')
}

/** What was asked for, or why it is not given. */
export type BlindAnswer = { readonly payload: Uint8Array } | { readonly code: ErrorCode }

/** A code of a newer pod that we do not know is still a refusal. */
const codeField = mapped(text(32, 1), code => (isErrorCode(code) ? code : 'PEER_REFUSED'))
const answerField = (value: unknown): BlindAnswer => {
  const isCode = Array.isArray(value) && typeof value[1] === 'string'
  if (isCode) return { code: tuple(literal(1), codeField)(value)[1] }
  return { payload: tuple(literal(1), bytes(0, blindAnswerBytes.large))(value)[1] }
}

/** The plaintext of an answer. What does not fit becomes the refusal `WIRE_TOO_LARGE`. */
export function encodeBlindAnswer(answer: BlindAnswer, size: BlindSize): Uint8Array {
  const padded = new Uint8Array(blindAnswerBytes[size] - answerSealBytes)
  const frame = encodeCbor([1, 'code' in answer ? answer.code : answer.payload])
  if (answerLengthBytes + frame.byteLength > padded.byteLength)
    return encodeBlindAnswer({ code: 'WIRE_TOO_LARGE' }, size)
  new DataView(padded.buffer).setUint32(0, frame.byteLength)
  padded.set(frame, answerLengthBytes)
  return padded
}

/** @throws {MuttrError} `BLIND_INVALID`, and nothing else. */
export function decodeBlindAnswer(plaintext: Uint8Array): BlindAnswer {
  if (plaintext.byteLength < answerLengthBytes) throw invalid('a blind answer that is too short')
  const view = new DataView(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength)
  const frame = unpadded(plaintext, answerLengthBytes, view.getUint32(0))
  return decodeCbor(frame, 'a blind answer', answerField, frame.byteLength, 'BLIND_INVALID')
}

function unpadded(plaintext: Uint8Array, start: number, length: number): Uint8Array {
  const end = start + length
  if (end > plaintext.byteLength) throw invalid('a frame longer than its padding')
  if (plaintext.subarray(end).some(byte => byte !== 0)) throw invalid('padding that is not zero')
  return plaintext.slice(start, end)
}

/** What is asked of the pod that opens it: names within the seal, which are not methods of `/muttr/pod/1`. */
export const blindMethods = {
  lookup: 'lookup',
  succession: 'succession',
  moved: 'moved',
  submit: 'submit',
  submitToken: 'submit-token',
  tokenKeys: 'token-keys',
  get: 'get',
  release: 'release',
  keyMake: 'key-make',
  keyDrop: 'key-drop',
  keyPoll: 'key-poll'
} as const

/** `get`: a blob. */
export const blindGet: Codec<{ key: Uint8Array }> = codec(
  'a request for a blob',
  64,
  tuple(bytes(32)),
  ([key]) => ({ key }),
  g => [g.key]
)

/** The blob as it came from its holder, not checked yet. */
export type BlindBlob = Pick<StampedBlob, 'headerBytes' | 'stamp' | 'sealed'> & {
  readonly from: PeerId
}

export const blindBlob: Codec<BlindBlob> = codec(
  'a blob that was asked for',
  limits.blobBytesMax + limits.blobHeaderBytesMax + limits.stampBytesMax + 160,
  tuple(
    bytes(1, limits.blobHeaderBytesMax),
    bytes(0, limits.stampBytesMax),
    bytes(1, limits.blobBytesMax),
    peer
  ),
  ([headerBytes, stamp, sealed, from]) => ({ headerBytes, stamp, sealed, from }),
  b => [b.headerBytes, b.stamp, b.sealed, b.from]
)

/** `release`: a tombstone. */
export const blindRelease: Codec<{ tombstone: Uint8Array }> = codec(
  'a release that is asked for',
  limits.tombstoneBytesMax + 16,
  tuple(bytes(1, limits.tombstoneBytesMax)),
  ([tombstone]) => ({ tombstone }),
  r => [r.tombstone]
)

/** A holder's word that it keeps the tombstone, as the holder signed it: `releasedBytes` of ./dht.ts. */
interface BlindWord {
  readonly holder: PeerId
  readonly retract: boolean
  readonly accept: boolean
  readonly atMs: Millis
  readonly signature: Uint8Array
}

export interface BlindReleased {
  readonly asked: readonly PeerId[]
  /** How many of them are enough. */
  readonly needed: number
  readonly took: readonly BlindWord[]
}

const holdersMax = 64
const word = mapped(
  tuple(peer, bool, bool, uint(), bytes(64)),
  ([holder, retract, accept, atMs, signature]): BlindWord => ({
    ...{ holder, retract, accept, atMs, signature }
  })
)

export const blindReleased: Codec<BlindReleased> = codec(
  'an answer to a release',
  holdersMax * 230 + 32,
  tuple(array(peer, holdersMax), uint(), array(word, holdersMax)),
  ([asked, needed, took]) => ({ asked, needed, took }),
  r => [
    r.asked.slice(0, holdersMax),
    r.needed,
    r.took
      .slice(0, holdersMax)
      .map(w => [w.holder, w.retract, w.accept, Math.round(w.atMs), w.signature])
  ]
)
