import type { ErrorCode } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'

/** So far behind a clock may be without a notice being refused for it. */
const clockWrongMs = 24 * 3_600_000
/** More notices than this are left with the pod. */
export const pendingMax = 20_000

/** So many letters wait in the name of one contact for a key to be accepted. */
export const changedMax = 20

/** What no second attempt can heal: refused, remembered, and never fetched again. */
export const hopeless: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SEAL_REFUSED',
  'NOTICE_INVALID',
  'LETTER_INVALID',
  'LETTER_FORGED',
  'SIGNATURE_INVALID',
  'KEY_INVALID',
  'BLOB_INVALID',
  'BLOB_EXPIRED',
  'BLOB_RELEASED',
  'WIRE_MALFORMED',
  'WIRE_TOO_LARGE'
])

/** By a clock that is behind, the longest lives look too long: what is dropped for that is lost. */
export const isInTime = ({ expiryMs }: { expiryMs: Millis }, nowMs: Millis): boolean =>
  expiryMs > nowMs && expiryMs <= nowMs + limits.blobLifeMsMax + limits.expiryStepMs + clockWrongMs

/** Notices that no subkey here opens, while another device may have one that does: so many, and so often tried, which is some ten days. */
export const sealedBounds = { max: 256, triesMax: 250 }
