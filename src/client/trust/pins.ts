import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Log, Millis } from '../../base/ports.ts'
import type { Certificate } from '../../keys/certificate.ts'
import type { Crypto } from '../../keys/crypto.ts'
import type { Known } from '../contacts.ts'

/**
 * Why a pin is no longer what it was: its owner took the key back, it has expired, or nobody has shown it for years. Source:
 * docs/protocol/keys.md#pins
 */
export type Lapse = 'revoked' | 'expired' | 'unseen'

/** A directory's answer is believed so long. Source: docs/protocol/pod.md */
export const answerLifeMs = 7 * 24 * 3_600_000
const yearMs = 365 * 24 * 3_600_000
/** A pin lasts so long after its pod showed the key, or its owner a letter with it. */
const pinLifeMs = 2 * yearMs
/** Who writes to us, and was not shown for so long, is asked about. */
const staleMs = yearMs / 2

type Pinned = Pick<Known, 'certificate' | 'row'>

export function lapseOf({ certificate, row }: Pinned, nowMs: Millis): Lapse | null {
  if (certificate.revoked) return 'revoked'
  if (hasExpired(certificate, nowMs)) return 'expired'
  return row.seenMs + pinLifeMs <= nowMs ? 'unseen' : null
}

export const isStale = ({ certificate, row }: Pinned, nowMs: Millis): boolean =>
  !certificate.revoked && row.seenMs + staleMs <= nowMs

export const hasExpired = ({ expiresMs }: Certificate, nowMs: Millis): boolean =>
  expiresMs !== null && expiresMs <= nowMs

/** @throws {MuttrError} `KEY_CHANGED`, `KEY_REVOKED`: nothing is sent to such a contact */
export function mustHold({ alias, row, certificate }: Known): void {
  if (row.changed) throw new MuttrError('KEY_CHANGED', `${alias} shows another key than before`)
  if (row.disputed)
    throw new MuttrError('KEY_CHANGED', `an old key of ${alias} named another key, ${row.disputed}`)
  if (certificate.revoked) throw new MuttrError('KEY_REVOKED', `the key of ${alias} is revoked`)
}

export const ownHint = { hint: 'Make a new identity in another folder: `muttr init`.' }

/** @throws {MuttrError} `KEY_EXPIRED` */
export function mustBeAlive({ alias, certificate }: Known, nowMs: Millis): void {
  if (hasExpired(certificate, nowMs))
    throw new MuttrError('KEY_EXPIRED', `the key of ${alias} has expired`)
}

/** A revoked key is no news of a contact but by the contact's own key. @throws {MuttrError} `KEY_REVOKED` */
export function refuseRevoked(
  alias: string,
  shown: Certificate,
  pinned: Certificate | undefined
): void {
  if (shown.revoked && shown.pin !== pinned?.pin)
    throw new MuttrError('KEY_REVOKED', `the key that ${alias} shows is revoked`)
}

/** @param vouched fingerprints that a join link named, by alias. @throws {MuttrError} `KEY_CHANGED` */
export function checkVouched(
  vouched: Readonly<Record<string, string>>,
  alias: string,
  { fingerprint }: Certificate
): void {
  if (!Object.hasOwn(vouched, alias) || vouched[alias] === fingerprint) return
  const what = `${alias} shows the key ${fingerprint}, not ${vouched[alias]}`
  const hint =
    'The join link named another key: ask the person, then `muttr key import` the right one.'
  throw new MuttrError('KEY_CHANGED', what, { hint })
}

/** Until when a pod's word for a key holds; null without one. */
export async function certifiedUntil(
  { clock, log, crypto }: { clock: Clock; log: Log; crypto: Crypto },
  alias: string,
  shown: Certificate,
  by: Certificate | undefined
): Promise<Millis | null> {
  if (!by) return null
  try {
    return (await crypto.checkCertification(shown, { alias, by, nowMs: clock.now() })).untilMs
  } catch (err) {
    log.debug('a certificate is not certified by its pod', { code: codeOf(err) })
    return null
  }
}
