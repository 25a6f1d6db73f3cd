import { overheadBytes } from '../../src/store/seed-rows.ts'
import type { StampedBlob } from '../../src/wire/blob.ts'
import { makeBlob } from '../../src/wire/blob.ts'

export const hourMs = 3_600_000
/** When tests of stores take place. */
export const noonMs = 480_000 * hourMs

/** A blob that is the same for the same arguments; `n` below 65,536. */
export function blobOf(n: number, lengthBytes = 100, expiryMs = noonMs + hourMs): StampedBlob {
  const sealed = new Uint8Array(lengthBytes).map((_, i) => (i * 7 + n * 13 + (n >> 8)) & 255)
  const secret = new Uint8Array(32).fill(n & 255)
  secret[0] = n >> 8
  const accept = n % 2 === 0 ? secret : null
  // Not worth anything: stores keep stamps and never look at them.
  const stamp = new Uint8Array(14).fill(n & 255)
  return { ...makeBlob(sealed, { expiryMs, retract: secret, accept }), stamp }
}

/** What a blob takes of the cap. */
export const countedBytes = ({ headerBytes, stamp, sealed }: StampedBlob): number =>
  headerBytes.byteLength + stamp.byteLength + sealed.byteLength + overheadBytes
