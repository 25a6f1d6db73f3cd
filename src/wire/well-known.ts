import { z } from 'zod'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { HelloAnswer } from './pod.ts'
import { helloAnswer } from './pod.ts'

/** Where a pod says over HTTPS who and where it is. Source: docs/protocol/finding.md */
export const wellKnownPath = '/.well-known/muttr'
/** The pod's certificate, armored: what a trust signature is made on. */
export const certificatePath = '/.well-known/muttr/certificate.asc'

export interface WellKnown {
  readonly hello: HelloAnswer
  /** Multiaddrs with `/p2p/`. */
  readonly addresses: readonly string[]
}

/** Larger than any whole one: a certificate in base64, and addresses. */
export const wellKnownBytesMax = 128 * 1024

const base64 = z.base64().max(2 * limits.certificateBytesMax)
const shape = z.object({
  muttr: z.literal(1),
  hello: base64,
  addresses: z.array(z.string().max(limits.addressCharsMax + 80)).max(limits.contactAddressesMax)
})

export const encodeWellKnown = ({ hello, addresses }: WellKnown): string =>
  JSON.stringify({
    muttr: 1,
    hello: Buffer.from(helloAnswer.encode(hello)).toString('base64'),
    addresses: addresses.slice(0, limits.contactAddressesMax)
  })

/** Fields that are not known are passed over. @throws {MuttrError} `WIRE_MALFORMED`, `WIRE_TOO_LARGE` */
export function decodeWellKnown(bytes: Uint8Array): WellKnown {
  if (bytes.byteLength > wellKnownBytesMax)
    throw new MuttrError('WIRE_TOO_LARGE', 'a well-known answer of too many bytes')
  let read: z.infer<typeof shape>
  try {
    read = shape.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch (cause) {
    throw new MuttrError('WIRE_MALFORMED', 'not what a pod says of itself', { cause })
  }
  const hello = helloAnswer.decode(new Uint8Array(Buffer.from(read.hello, 'base64')))
  return { hello, addresses: read.addresses }
}
