import type { ErrorCode } from '../base/errors.ts'
import { errorCodes, isErrorCode, MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Contact } from '../base/ports.ts'
import type { Field } from './cbor.ts'
import { bytes, decodeCbor, encodeCbor, literal, oneOf, text, tuple } from './cbor.ts'
import { contact, wireContact } from './contact.ts'
import type { DhtMethod } from './dht.ts'
import { dhtMethods } from './dht.ts'

/** Room for a contact and what stands around it. */
const roomBytes = 2_048

/** via: `[contact, method, payload]`. The relay passes it on, dialling where it must. Source: docs/protocol/dht.md#via */
export interface ViaRequest {
  to: Contact
  method: DhtMethod
  payload: Uint8Array
}
const request = tuple(contact, oneOf(...dhtMethods), bytes(0, limits.payloadBytesMax - roomBytes))

/** @throws {MuttrError} `WIRE_MALFORMED` when the peer has no Ed25519 key. */
export function encodeVia({ to, method, payload }: ViaRequest): Uint8Array {
  const where = wireContact(to)
  if (!where) throw new MuttrError('WIRE_MALFORMED', 'not an Ed25519 peer id')
  return encodeCbor([where, method, payload])
}

export function decodeVia(frame: Uint8Array): ViaRequest {
  const what = 'a via request'
  const [to, method, payload] = decodeCbor(frame, what, request, limits.payloadBytesMax)
  return { to, method, payload }
}

/**
 * Answer to via: what the peer meant answered (0), the code it refused with (1), or why it was not reached (2). What a relay itself
 * refuses is no answer but the channel's failure: so an asker knows which of the two is away.
 */
export type ViaAnswer =
  | readonly [type: 0, payload: Uint8Array]
  | readonly [type: 1 | 2, code: ErrorCode]

const answered = tuple(literal(0), bytes(0, limits.payloadBytesMax - roomBytes))
const failed = tuple(oneOf(1, 2), text(64))
const either: Field<readonly [0, Uint8Array] | readonly [1 | 2, string]> = value =>
  Array.isArray(value) && value[0] === 0 ? answered(value) : failed(value)

export const encodeViaAnswer = (answer: ViaAnswer): Uint8Array => encodeCbor(answer)

const unreached = new Set<string>(['PEER_TIMEOUT', 'PEER_CLOSED'])

/** Codes that do not fit their place are read as `PEER_REFUSED` and `PEER_UNREACHABLE`: the relay may have made them up. */
export function decodeViaAnswer(frame: Uint8Array): ViaAnswer {
  const answer = decodeCbor(frame, 'an answer to via', either, limits.payloadBytesMax)
  if (answer[0] === 0) return answer
  const [type, code] = answer
  if (type === 2) return [2, unreached.has(code) ? (code as ErrorCode) : 'PEER_UNREACHABLE']
  return [1, isErrorCode(code) && errorCodes[code][0] === 'refused' ? code : 'PEER_REFUSED']
}
