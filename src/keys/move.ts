import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { concatBytes, fromHex, sha256, utf8 } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Move } from '../wire/move.ts'
import {
  decodeSignedMove,
  encodeMove,
  encodeSignedMove,
  movedLabel,
  moveLabel,
  moveSealLabel
} from '../wire/move.ts'
import type { Certificate } from './certificate.ts'
import type { Crypto } from './crypto.ts'
import { openPgp } from './crypto.ts'
import { refuseFuture } from './future.ts'
import type { Person } from './person.ts'
import { beforeRevocation } from './revoke.ts'
import { mayBeFollowed } from './succession.ts'

/** @throws {MuttrError} `KEY_INVALID` when the key has expired, `MOVE_INVALID` when it cannot be said. Source: docs/protocol/moving.md */
export async function makeMove(
  person: Person,
  about: Omit<Move, 'key' | 'issuedMs'> & { nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<Uint8Array> {
  const { nowMs, ...said } = about
  const { fingerprint, pin } = person.certificate
  const bytes = encodeMove({ ...said, key: { fingerprint, pin }, issuedMs: Math.floor(nowMs) })
  const frame = encodeSignedMove(bytes, await crypto.signDetached(person, moveLabel, bytes, nowMs))
  decodeSignedMove(frame) // what others would refuse is not handed out
  return frame
}

/**
 * Checks that a key says it: that it is the one named, that it signed, and that it may still say so.
 * @throws {MuttrError} `MOVE_INVALID`; `CLOCK_WRONG` for one of the future; nothing else.
 */
export async function verifyMove(
  frame: Uint8Array,
  { key, nowMs }: { key: Certificate; nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<Move> {
  try {
    const { move, moveBytes, signature } = decodeSignedMove(frame)
    if (move.key.fingerprint !== key.fingerprint || move.key.pin !== key.pin)
      throw new Error('by another key')
    if (!(await mayBeFollowed(key, nowMs))) throw new Error('a key that has ended')
    await crypto.verifyDetached(await beforeRevocation(key), moveLabel, moveBytes, signature, nowMs)
    refuseFuture('the move', move.issuedMs, nowMs)
    return move
  } catch (cause) {
    if (codeOf(cause) === 'CLOCK_WRONG') throw cause
    throw new MuttrError('MOVE_INVALID', 'not a valid move of this key', { cause })
  }
}

/** The former pod's word that it knows of a move. @throws {MuttrError} `KEY_INVALID` */
export const countersign = (
  pod: Person,
  move: Uint8Array,
  nowMs: Millis,
  crypto: Crypto = openPgp
): Promise<Uint8Array> => crypto.signDetached(pod, movedLabel, move, nowMs)

/** @throws {MuttrError} `SIGNATURE_INVALID`, `CLOCK_WRONG` */
export const verifyCountersigned = (
  pod: Certificate,
  { move, signature, nowMs }: { move: Uint8Array; signature: Uint8Array; nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<void> => crypto.verifyDetached(pod, movedLabel, move, signature, nowMs)

const nonceBytes = 12
const tagBytes = 16
const sealBytes = nonceBytes + tagBytes

const sealKey = ({ pin, from }: { pin: string; from: string }): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', utf8(from), fromHex(pin, 32)!, utf8(moveSealLabel), 32))

/** For the person's record, where those alone read it who know the key by the alias that it left. */
export function sealMove(frame: Uint8Array, about: { pin: string; from: string }): Uint8Array {
  // The same frame is sealed the same: a record that says nothing new is not put anew.
  const nonce = sha256(utf8(`${moveSealLabel}\0`), frame).subarray(0, nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', sealKey(about), nonce)
  return concatBytes(nonce, cipher.update(frame), cipher.final(), cipher.getAuthTag())
}

/** @returns undefined for one that is about another alias, or damaged. */
export function openMove(
  sealed: Uint8Array,
  about: { pin: string; from: string }
): Uint8Array | undefined {
  if (sealed.byteLength <= sealBytes) return undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', sealKey(about), sealed.subarray(0, nonceBytes))
    decipher.setAuthTag(sealed.subarray(-tagBytes))
    const body = sealed.subarray(nonceBytes, -tagBytes)
    return concatBytes(decipher.update(body), decipher.final())
  } catch {
    return undefined
  }
}
