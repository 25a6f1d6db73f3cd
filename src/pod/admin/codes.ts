import { Secret, TOTP } from 'otpauth'
import type { Millis } from '../../base/ports.ts'

const periodMs = 30_000
/** Clocks of telephones are a little off. */
const window = 1

const totp = (secret: Uint8Array, label = ''): TOTP =>
  new TOTP({
    issuer: 'Muttr',
    label,
    algorithm: 'SHA1',
    digits: 6,
    period: periodMs / 1_000,
    secret: new Secret({ buffer: new Uint8Array(secret).buffer })
  })

/** @returns the step of a code that is good now and younger than `lastStep`; else undefined. A code is good once. */
export function stepOf(
  secret: Uint8Array,
  code: string,
  { lastStep, nowMs }: { lastStep: number; nowMs: Millis }
): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined
  const delta = totp(secret).validate({ token: code, timestamp: nowMs, window })
  if (delta === null) return undefined
  const step = Math.floor(nowMs / periodMs) + delta
  return step > lastStep ? step : undefined
}

/** As programs that make the codes read it, out of a QR code. */
export const uriOf = (secret: Uint8Array, label: string): string => totp(secret, label).toString()

/** As somebody types it. */
export const textOf = (secret: Uint8Array): string => totp(secret).secret.base32

/** @returns undefined for what is none. */
export function secretFrom(text: string): Uint8Array | undefined {
  if (!/^[A-Z2-7]{32}$/.test(text)) return undefined
  return Secret.fromBase32(text).bytes
}
