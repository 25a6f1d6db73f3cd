import { codeOf, MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { KeyName, Succession } from '../wire/succession.ts'
import {
  decodeSignedSuccession,
  encodeSignedSuccession,
  encodeSuccession,
  successionLabel
} from '../wire/succession.ts'
import type { Certificate } from './certificate.ts'
import type { Crypto } from './crypto.ts'
import { openPgp } from './crypto.ts'
import { refuseFuture } from './future.ts'
import type { Person } from './person.ts'
import { beforeRevocation, revocationOf } from './revoke.ts'

const keyNameOf = ({ fingerprint, pin }: Certificate): KeyName => ({ fingerprint, pin })

/**
 * Both keys say that `next` takes the place of `old` at a pod. @returns the frame that others are shown.
 * @throws {MuttrError} `SUCCESSION_INVALID` when both are one key; `KEY_INVALID` when either cannot sign any more
 */
export async function makeSuccession(
  { old, next }: { old: Person; next: Person },
  { pod, nowMs }: { pod: string; nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<Uint8Array> {
  const bytes = encodeSuccession({
    pod,
    old: keyNameOf(old.certificate),
    next: keyNameOf(next.certificate),
    issuedMs: Math.floor(nowMs)
  })
  const by = (person: Person) => crypto.signDetached(person, successionLabel, bytes, nowMs)
  const frame = encodeSignedSuccession(bytes, await by(old), await by(next))
  decodeSignedSuccession(frame) // what others would refuse is not handed out
  return frame
}

/**
 * Checks a statement against both certificates: that each key is the one it names and signed it, and that the old one may still say so. Of a
 * revoked key that is so when its owner revoked it as superseded; without a reason, a thief may hold it. Whether the old key has a place
 * at that pod is for the caller.
 * @throws {MuttrError} `SUCCESSION_INVALID`; `CLOCK_WRONG` for one that is of the future; nothing else.
 */
export async function verifySuccession(
  frame: Uint8Array,
  { next, ...shown }: { old: Certificate; next: Certificate; pod: string; nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<Succession> {
  const { nowMs } = shown
  const said = await saidByOld(frame, shown, crypto)
  return await checked(async () => {
    if (!isNamed(said.next, next)) throw new Error('about another key')
    for (const key of [shown.old, next])
      if (!(await mayBeFollowed(key, nowMs))) throw new Error('a key that has ended')
    const { successionBytes, byNext } = decodeSignedSuccession(frame)
    const before = await beforeRevocation(next)
    await crypto.verifyDetached(before, successionLabel, successionBytes, byNext, nowMs)
    return said
  })
}

/** The old key's part alone: that it signed for a successor, whoever that is. @throws as {@link verifySuccession} */
export const saidByOld = (
  frame: Uint8Array,
  { old, pod, nowMs }: { old: Certificate; pod: string; nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<Succession> =>
  checked(async () => {
    const { succession, successionBytes, byOld } = decodeSignedSuccession(frame)
    if (!isNamed(succession.old, old) || succession.pod !== pod)
      throw new Error('by another key, or for another pod')
    const before = await beforeRevocation(old)
    await crypto.verifyDetached(before, successionLabel, successionBytes, byOld, nowMs)
    refuseFuture('the succession', succession.issuedMs, nowMs)
    return succession
  })

async function checked(check: () => Promise<Succession>): Promise<Succession> {
  try {
    return await check()
  } catch (cause) {
    if (codeOf(cause) === 'CLOCK_WRONG') throw cause
    throw new MuttrError('SUCCESSION_INVALID', 'not a valid succession of these keys', { cause })
  }
}

const isNamed = (name: KeyName, { fingerprint, pin }: Certificate): boolean =>
  name.fingerprint === fingerprint && name.pin === pin

/** Whether a key's word for its successor counts now: it has not expired, and was not taken back but as superseded. */
export async function mayBeFollowed(key: Certificate, nowMs: Millis): Promise<boolean> {
  if (key.expiresMs !== null && key.expiresMs <= nowMs) return false
  return !(await isLost(key))
}

/** Whether a key was taken back by somebody who did not say that another took its place: a thief may have it. */
export const isLost = async (key: Certificate): Promise<boolean> =>
  key.revoked && (await revocationOf(key))?.reason !== 'superseded'
