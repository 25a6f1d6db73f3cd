import { fromHex, toHex } from '../base/bytes.ts'
import type { Field } from './cbor.ts'
import { bytes, mapped } from './cbor.ts'

/** Of an OpenPGP primary key: 20 bytes (version 4) or 32 (version 6). */
export const fingerprintOctets: Field<Uint8Array> = value => {
  const read = bytes(20, 32)(value)
  if (read.byteLength !== 20 && read.byteLength !== 32) throw new TypeError('a fingerprint')
  return read
}

/** The same, as lower-case hex. */
export const fingerprint: Field<string> = mapped(fingerprintOctets, toHex)

/** @param hex 40 or 64 digits. */
export const fingerprintBytes = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!
