import { toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis, PeerId, Random } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import { openPgp } from '../keys/crypto.ts'
import { verifyDevice, verifyStatement } from '../keys/device.ts'
import type { Identify } from '../wire/pod.ts'
import { identifyBytes } from '../wire/pod.ts'
import { podTimes } from './limits.ts'
import type { AccountId } from './rows.ts'

/** Whose device is at the other end of a session, as far as it has proved it. */
export interface Shown {
  /** Of the person's key. */
  readonly pin: string
  /** Not as it was read, which takes much memory for as long as the session lasts. */
  readonly certificate: Uint8Array
  readonly peer: PeerId
  /** The device key, hex. */
  readonly device: string
  /** End of the device statement. */
  readonly untilMs: Millis
}

/** The same with what it has here. */
export interface Identity extends Shown {
  readonly account: AccountId
  /** It speaks for a key that another has succeeded, and may listen until it has that one. */
  readonly isBehind: boolean
}

/** One session's challenge: a nonce for one answer within a minute. */
export interface Challenge {
  /** A fresh nonce; the former one is void. */
  make(nowMs: Millis): Uint8Array
  /** @returns the nonce, once. @throws {MuttrError} `IDENTIFY_REFUSED` when there is none, or none any more. */
  take(nowMs: Millis): Uint8Array
}

export function createChallenge(random: Random): Challenge {
  let open: { nonce: Uint8Array; untilMs: Millis } | undefined
  return {
    make(nowMs) {
      open = { nonce: random.bytes(32), untilMs: nowMs + podTimes.nonceLifeMs }
      return open.nonce
    },
    take(nowMs) {
      const taken = open
      open = undefined
      if (!taken || taken.untilMs <= nowMs)
        throw new MuttrError('IDENTIFY_REFUSED', 'ask for a challenge first')
      return taken.nonce
    }
  }
}

/**
 * Checks an answer to a challenge: for this pod, from this peer, with this nonce, now, by a device the person speaks for.
 * Cheap checks come first; the certificate and its statement are verified last.
 * @throws {MuttrError} `IDENTIFY_REFUSED`, `CLOCK_WRONG`, `KEY_INVALID`, `STATEMENT_INVALID`
 */
export async function checkIdentify(
  { certificate: certificateBytes, statement: frame, timeMs, answer }: Identify,
  {
    crypto = openPgp,
    ...o
  }: {
    hostname: string
    /** It had these names before: who identifies may not have heard of the one of now. */
    former?: readonly string[]
    pod: PeerId
    /** Undefined where the stream does not prove it: then it is the one of the statement. */
    peer: PeerId | undefined
    /** As `Session.binding`. */
    binding?: Uint8Array | null | undefined
    nonce: Uint8Array
    nowMs: Millis
    crypto?: Crypto
  }
): Promise<Shown> {
  const refuse = (what: string): never => {
    throw new MuttrError('IDENTIFY_REFUSED', what)
  }
  if (Math.abs(timeMs - o.nowMs) > limits.clockSkewMs) throw clocksApart(timeMs, o.nowMs)
  const certificate = await crypto.readCertificate(certificateBytes)
  if (certificate.revoked) refuse('the certificate is revoked')
  const statement = await verifyStatement(frame, { certificate, nowMs: o.nowMs }, crypto)
  const isOurs = [o.hostname, ...(o.former ?? [])].includes(statement.pod)
  if (!isOurs) refuse('the statement is for another pod')
  const peer = o.peer ?? statement.peer
  if (statement.peer !== peer) refuse('the statement is for another peer')
  if (statement.untilMs <= o.nowMs) refuse('the statement has ended')
  const signed = identifyBytes({
    hostname: statement.pod,
    pod: o.pod,
    self: peer,
    binding: o.binding,
    nonce: o.nonce,
    timeMs,
    statement: frame
  })
  if (!verifyDevice(statement.deviceKey, signed, answer))
    refuse('the answer is not to this challenge')
  return {
    pin: certificate.pin,
    certificate: certificate.bytes,
    peer,
    device: toHex(statement.deviceKey),
    untilMs: statement.untilMs
  }
}

/** Says both times, so that people see whose is wrong. */
function clocksApart(theirMs: Millis, ourMs: Millis): MuttrError {
  const minute = (ms: Millis) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
  const theirs = theirMs < 8e15 ? minute(theirMs) : 'far ahead'
  const what = `the clock of the pod says ${minute(ourMs)} UTC, that of this device ${theirs}`
  return new MuttrError('CLOCK_WRONG', what)
}
