import type { ErrorCode } from '../base/errors.ts'
import { errorCodes, isErrorCode, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Contact, Millis, PeerId } from '../base/ports.ts'
import type { Field } from './cbor.ts'
import {
  array,
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  oneOf,
  text,
  tuple,
  uint
} from './cbor.ts'
import { contacts, keyOfPeer, knownContacts, peerOfKey, wireContacts } from './contact.ts'

/** What may also be forwarded of what seeds ask each other on the hot path. Source: docs/protocol/dht.md */
export const dhtMethods = [
  'ping',
  'find-node',
  'get',
  'put',
  'have',
  'release',
  'record-get',
  'record-put'
] as const
export type DhtMethod = (typeof dhtMethods)[number]

const key32 = bytes(32)
const roomBytes = 1_024
const putBytesMax = limits.blobBytesMax + limits.blobHeaderBytesMax + roomBytes
const recordPutBytesMax = limits.recordBytesMax + roomBytes
const contactsBytesMax = limits.findNodeBytesMax

type Variants<T> = { [K in keyof T]: Field<T[K]> }
/** One of several tuples, told apart by their first item. */
const variant =
  <T extends readonly unknown[]>(...fields: Variants<T>): Field<T[number]> =>
  value => {
    const field =
      Array.isArray(value) && typeof value[0] === 'number' ? fields[value[0]] : undefined
    if (!field) throw new TypeError('one of the variants')
    return field(value)
  }

/** ping: `[nonce | null]`, answered by `[signature | null]`: signed, it also counts when it came through another peer. */
export const encodePing = (nonce: Uint8Array | null): Uint8Array => encodeCbor([nonce])
export const decodePing = (frame: Uint8Array): Uint8Array | null =>
  decodeCbor(frame, 'a ping', tuple(nullable(bytes(16))), 64)[0]
export const encodePong = (signature: Uint8Array | null): Uint8Array => encodeCbor([signature])
export const decodePong = (frame: Uint8Array): Uint8Array | null =>
  decodeCbor(frame, 'a pong', tuple(nullable(bytes(64))), 128)[0]
/** What a pong signs. */
export const pongBytes = (nonce: Uint8Array): Uint8Array => encodeCbor(['muttr alive 1', nonce])

/** find-node: `[place]`, answered by `[contacts]`. */
export const encodeFindNode = (place: Uint8Array): Uint8Array => encodeCbor([place])
export const decodeFindNode = (frame: Uint8Array): Uint8Array =>
  decodeCbor(frame, 'a find-node request', tuple(key32), 64)[0]
export const encodeContacts = (list: readonly Contact[]): Uint8Array =>
  encodeCbor([wireContacts(list)])
const contactList = tuple(contacts())
export const decodeContacts = (frame: Uint8Array): Contact[] =>
  knownContacts(frame) ?? decodeCbor(frame, 'contacts', contactList, contactsBytesMax)[0]

/** get: `[key]`, answered by what is there, else by nearer contacts. */
export const encodeGet = (key: Uint8Array): Uint8Array => encodeCbor([key])
export const decodeGet = (frame: Uint8Array): Uint8Array =>
  decodeCbor(frame, 'a get request', tuple(key32), 64)[0]

export type GetAnswer =
  | readonly [type: 0, contacts: readonly Contact[]]
  | readonly [type: 1, headerBytes: Uint8Array, sealed: Uint8Array, stamp: Uint8Array]
  | readonly [type: 2, tombstone: Uint8Array]

const stamp = bytes(1, limits.stampBytesMax)
const getAnswer = variant<
  [
    readonly [0, Contact[]],
    readonly [1, Uint8Array, Uint8Array, Uint8Array],
    readonly [2, Uint8Array]
  ]
>(
  tuple(literal(0), contacts()),
  tuple(literal(1), bytes(1, limits.blobHeaderBytesMax), bytes(1, limits.blobBytesMax), stamp),
  tuple(literal(2), bytes(1, limits.tombstoneBytesMax))
)
export const encodeGetAnswer = (answer: GetAnswer): Uint8Array =>
  encodeCbor(answer[0] === 0 ? [0, wireContacts(answer[1])] : answer)
/** The blob, stamp or tombstone inside is not checked yet. */
export const decodeGetAnswer = (frame: Uint8Array): GetAnswer =>
  decodeCbor(frame, 'an answer to get', getAnswer, putBytesMax + contactsBytesMax)

/**
 * The last four bytes of places, one behind the other: enough to tell a few hundred apart, and places near each other differ
 * there as well. A collision hides one contact from one answer.
 */
const joinTails = (places: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(places.map(p => p.subarray(28))))
export const tailOf = (place: Uint8Array): number =>
  ((place[28]! << 24) | (place[29]! << 16) | (place[30]! << 8) | place[31]!) >>> 0
export function readTails(joined: Uint8Array): Set<number> {
  const view = new DataView(joined.buffer, joined.byteOffset, joined.byteLength)
  const out = new Set<number>()
  for (let at = 0; at + 4 <= joined.byteLength; at += 4) out.add(view.getUint32(at))
  return out
}

/** The places the asker has in mind already, so that the answer to its put names only others. */
const known = bytes(0, 4 * limits.contactsMax)
export const knownPlaces = (places: readonly Uint8Array[]): Uint8Array =>
  joinTails(places.slice(0, limits.contactsMax))

/** put: `[header, sealed, stamp | null, known]`. What the stamp must be worth: docs/protocol/stamp.md */
export interface Put {
  headerBytes: Uint8Array
  sealed: Uint8Array
  stamp: Uint8Array | null
  known: Uint8Array
}
export const encodePut = (put: Put): Uint8Array =>
  encodeCbor([put.headerBytes, put.sealed, put.stamp, put.known])
const put = tuple(
  bytes(1, limits.blobHeaderBytesMax),
  bytes(1, limits.blobBytesMax),
  nullable(stamp),
  known
)
export function decodePut(frame: Uint8Array): Put {
  const [headerBytes, sealed, stamp, list] = decodeCbor(frame, 'a put request', put, putBytesMax)
  return { headerBytes, sealed, stamp, known: list }
}

/** What a holder says that took a blob; the contacts are nearer seeds that the asker did not name. */
export interface Stored {
  expiryMs: Millis
  storedMs: Millis
  signature: Uint8Array
  contacts: readonly Contact[]
}
/** Answer to put: `[0, expiry hours, stored ms, signature, contacts]`, or `[1, factor]` of a seed that wants a dearer stamp. */
export type PutAnswer = readonly [type: 0, stored: Stored] | readonly [type: 1, factor: number]
/** Of a floor price. */
const priced = tuple(literal(1), uint(limits.priceFactorMax, 1))
const putAnswer = variant<PutAnswers<Stored>>(
  mapped(
    tuple(literal(0), uint(10_000_000, 1), uint(), bytes(64), contacts()),
    ([, hours, storedMs, signature, list]) => {
      const expiryMs = hours * limits.expiryStepMs
      return [0, { expiryMs, storedMs, signature, contacts: list }] as const
    }
  ),
  priced
)
type PutAnswers<T> = [readonly [0, T], readonly [1, number]]
export function encodePutAnswer(answer: PutAnswer): Uint8Array {
  if (answer[0] === 1) return encodeCbor(answer)
  const { expiryMs, storedMs, signature, contacts } = answer[1]
  const hours = expiryMs / limits.expiryStepMs
  return encodeCbor([0, hours, storedMs, signature, wireContacts(contacts)])
}
export const decodePutAnswer = (frame: Uint8Array): PutAnswer =>
  decodeCbor(frame, 'an answer to put', putAnswer, contactsBytesMax)
/** What a holder signs: label, key, expiry in hours, time. */
export const storedBytes = (key: Uint8Array, expiryMs: Millis, storedMs: Millis): Uint8Array =>
  encodeCbor(['muttr stored 1', key, expiryMs / limits.expiryStepMs, storedMs])

/**
 * have: `[nonce | null, keys, says]`; with a nonce the holder proves each copy by SHA-256(nonce || sealed bytes). `says` is empty, or one
 * byte a key: what a tombstone that the asker has of it says (as `saysOf`), so that the same need not be sent back.
 */
export interface Have {
  nonce: Uint8Array | null
  keys: readonly Uint8Array[]
  says: Uint8Array
}
export const encodeHave = (o: Omit<Have, 'says'> & Partial<Have>): Uint8Array =>
  encodeCbor([o.nonce, o.keys, o.says ?? new Uint8Array()])
const have = tuple(
  nullable(bytes(16)),
  array(key32, limits.haveKeysMax, 1),
  bytes(0, limits.haveKeysMax)
)
export function decodeHave(frame: Uint8Array): Have {
  const [nonce, keys, says] = decodeCbor(frame, 'a have request', have, 8 * 1_024)
  if (nonce !== null && keys.length > limits.haveChallengedKeysMax)
    throw new MuttrError('WIRE_MALFORMED', 'too many keys under one nonce')
  if (says.byteLength !== 0 && says.byteLength !== keys.length)
    throw new MuttrError('WIRE_MALFORMED', 'not one byte for each key')
  return { nonce, keys, says }
}
/**
 * Nothing, a copy (with its proof where a nonce was given), a tombstone (itself, so that it can be checked), or one that says just what the
 * asker's does.
 */
export type Held =
  | readonly [type: 0]
  | readonly [type: 1, proof: Uint8Array | null]
  | readonly [type: 2, tombstone: Uint8Array]
  | readonly [type: 3]
const held = variant<
  [readonly [0], readonly [1, Uint8Array | null], readonly [2, Uint8Array], readonly [3]]
>(
  tuple(literal(0)),
  tuple(literal(1), nullable(key32)),
  tuple(literal(2), bytes(1, limits.tombstoneBytesMax)),
  tuple(literal(3))
)
export const encodeHeld = (list: readonly Held[]): Uint8Array => encodeCbor([list])
/**
 * @param says what the asker had said; `[3]` is no answer where that was nothing.
 * @throws {MuttrError} `WIRE_MALFORMED` too unless there is one answer per key.
 */
export function decodeHeld(frame: Uint8Array, count: number, says?: Uint8Array): Held[] {
  const fields = tuple(array<Held>(held, count, count))
  const [list] = decodeCbor(frame, 'an answer to have', fields, limits.payloadBytesMax)
  if (list.some((one, i) => one[0] === 3 && !says?.[i]))
    throw new MuttrError('WIRE_MALFORMED', 'a tombstone like one that the asker has not')
  return list
}

/** release: `[tombstone]`, answered by {@link Released}. */
export const encodeRelease = (tombstone: Uint8Array): Uint8Array => encodeCbor([tombstone])
export const decodeRelease = (frame: Uint8Array): Uint8Array =>
  decodeCbor(
    frame,
    'a release request',
    tuple(bytes(1, limits.tombstoneBytesMax)),
    limits.tombstoneBytesMax + roomBytes
  )[0]
/** Answer to release: `[tombstone | null, at, signature]`, the tombstone being what stands there now where it says more than the one shown. */
export interface Released {
  tombstone: Uint8Array | null
  atMs: Millis
  signature: Uint8Array
}
export const encodeReleased = (r: Released): Uint8Array =>
  encodeCbor([r.tombstone, r.atMs, r.signature])
const released = tuple(nullable(bytes(1, limits.tombstoneBytesMax)), uint(), bytes(64))
export function decodeReleased(frame: Uint8Array): Released {
  const most = limits.tombstoneBytesMax + roomBytes
  const [tombstone, atMs, signature] = decodeCbor(frame, 'an answer to release', released, most)
  return { tombstone, atMs, signature }
}
/** What a holder signs that keeps a tombstone: label, key, which preimages it was shown (now or before), time. */
export const releasedBytes = (
  key: Uint8Array,
  shown: { retract: boolean; accept: boolean },
  atMs: Millis
): Uint8Array => encodeCbor(['muttr released 1', key, shown.retract, shown.accept, atMs])

/** links: `[]`. */
export const encodeEmpty = (): Uint8Array => encodeCbor([])
export const decodeEmpty = (frame: Uint8Array): void => {
  decodeCbor(frame, 'an empty answer', tuple(), 16)
}

/** record-get: `[key]`, answered by `[record | null, contacts]`. */
export const encodeRecordGet = (key: Uint8Array): Uint8Array => encodeCbor([key])
export const decodeRecordGet = (frame: Uint8Array): Uint8Array =>
  decodeCbor(frame, 'a record-get request', tuple(key32), 64)[0]
export interface RecordAnswer {
  record: Uint8Array | null
  contacts: readonly Contact[]
}
const recordAnswer = tuple(nullable(bytes(1, limits.recordBytesMax)), contacts())
/** Answers record-get with what is there. */
export const encodeRecordAnswer = (a: RecordAnswer): Uint8Array =>
  encodeCbor([a.record, wireContacts(a.contacts)])
export function decodeRecordAnswer(frame: Uint8Array): RecordAnswer {
  const most = recordPutBytesMax + contactsBytesMax
  const [record, list] = decodeCbor(frame, 'an answer with a record', recordAnswer, most)
  return { record, contacts: list }
}

/** Answer to record-put: `[0, newer | null, contacts]` with a newer record that stands there, if one does, or `[1, factor]` as for a put. */
export type RecordPutAnswer =
  | readonly [type: 0, kept: RecordAnswer]
  | readonly [type: 1, factor: number]
const recordPutAnswer = variant<PutAnswers<RecordAnswer>>(
  mapped(
    tuple(literal(0), nullable(bytes(1, limits.recordBytesMax)), contacts()),
    ([, record, list]) => [0, { record, contacts: list }] as const
  ),
  priced
)
export const encodeRecordPutAnswer = (answer: RecordPutAnswer): Uint8Array =>
  encodeCbor(answer[0] === 1 ? answer : [0, answer[1].record, wireContacts(answer[1].contacts)])
export function decodeRecordPutAnswer(frame: Uint8Array): RecordPutAnswer {
  const most = recordPutBytesMax + contactsBytesMax
  return decodeCbor(frame, 'an answer to record-put', recordPutAnswer, most)
}

/** record-put: `[record, stamp | null, known]`. */
export interface RecordPut {
  record: Uint8Array
  stamp: Uint8Array | null
  known: Uint8Array
}
export const encodeRecordPut = (p: RecordPut): Uint8Array =>
  encodeCbor([p.record, p.stamp, p.known])
const recordPut = tuple(bytes(1, limits.recordBytesMax), nullable(stamp), known)
export function decodeRecordPut(frame: Uint8Array): RecordPut {
  const what = 'a record-put request'
  const [record, stamp, list] = decodeCbor(frame, what, recordPut, recordPutBytesMax)
  return { record, stamp, known: list }
}

/** forward: `[key of the peer meant, method, payload]`. The forwarder passes it on over a connection it has, and never dials. */
export interface Forward {
  to: PeerId
  method: DhtMethod
  payload: Uint8Array
}
const forward = tuple(key32, oneOf(...dhtMethods), bytes(0, limits.payloadBytesMax - roomBytes))
/** @throws {MuttrError} `WIRE_MALFORMED` when the peer has no Ed25519 key. */
export function encodeForward({ to, method, payload }: Forward): Uint8Array {
  const key = keyOfPeer(to)
  if (!key) throw new MuttrError('WIRE_MALFORMED', 'not an Ed25519 peer id')
  return encodeCbor([key, method, payload])
}
export function decodeForward(frame: Uint8Array): Forward {
  const what = 'a forward request'
  const [key, method, payload] = decodeCbor(frame, what, forward, limits.payloadBytesMax)
  return { to: peerOfKey(key), method, payload }
}

/**
 * links: `[]`, answered by `[tails]`, the tails of the places of the servers that the answerer is connected to: so that the asker
 * knows who can forward to whom.
 */
const tails = bytes(0, 4 * limits.linksMax)
export const encodeLinks = (places: readonly Uint8Array[]): Uint8Array =>
  encodeCbor([joinTails(places.slice(0, limits.linksMax))])
export const decodeLinks = (frame: Uint8Array): Uint8Array =>
  decodeCbor(frame, 'links', tuple(tails), 4 * limits.linksMax + 64)[0]

/** Answer to forward: `[0, payload]` as the peer meant gave it, or `[1, code]` it refused with. */
export type Forwarded = readonly [type: 0, payload: Uint8Array] | readonly [type: 1, code: string]
const forwarded = variant<[readonly [0, Uint8Array], readonly [1, string]]>(
  tuple(literal(0), bytes(0, limits.payloadBytesMax)),
  tuple(literal(1), text(64))
)
export const encodeForwarded = (answer: Forwarded): Uint8Array => encodeCbor(answer)
/** A code of another kind than a refusal, or one we do not know, is read as `PEER_REFUSED`: the forwarder may have made it up. */
export function decodeForwarded(
  frame: Uint8Array
): readonly [type: 0, payload: Uint8Array] | readonly [type: 1, code: ErrorCode] {
  const answer = decodeCbor(frame, 'a forwarded answer', forwarded, limits.payloadBytesMax)
  if (answer[0] === 0) return answer
  const [, code] = answer
  return [1, isErrorCode(code) && errorCodes[code][0] === 'refused' ? code : 'PEER_REFUSED']
}
