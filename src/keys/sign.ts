import * as openpgp from 'openpgp'
import { concatBytes, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from './certificate.ts'
import { keyInvalid, keyOf } from './certificate.ts'
import { checkedAt, refuseFuture } from './future.ts'
import { settings } from './openpgp.ts'
import { tags, walkPackets } from './packets.ts'
import type { Person } from './person.ts'
import { secretOf, signingDate } from './person.ts'

/** What is signed: the label in UTF-8, a zero octet, the bytes. Labels hold no zero octet, so no two pairs meet. */
export const labelled = (label: string, bytes: Uint8Array): Uint8Array =>
  concatBytes(utf8(label), new Uint8Array(1), bytes)

/** Where a signature says what else is so, beside the bytes. Programs that do not know it pass it over. */
const offersNotation = 'offers@muttr.alt'
const offersMax = 16
const offerPattern = /^[a-z][a-z0-9-]{0,15}$/

/**
 * A detached OpenPGP signature, binary, at most {@link limits.signatureBytesMax}. Source: docs/protocol/keys.md
 * @param offers what the signer offers, as {@link offersIn} reads it again. @throws {MuttrError} `KEY_INVALID` when the key has expired.
 */
export async function signDetached(
  person: Person,
  label: string,
  bytes: Uint8Array,
  nowMs: Millis,
  offers: readonly string[] = []
): Promise<Uint8Array> {
  try {
    const date = signingDate(person, nowMs)
    const message = await openpgp.createMessage({ binary: labelled(label, bytes), date })
    const signature = await openpgp.sign({
      message,
      signingKeys: secretOf(person),
      detached: true,
      format: 'binary',
      date,
      ...(offers.length > 0 && { signatureNotations: [notationOf(offers)] }),
      config: settings
    })
    return signature
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

const notationOf = (offers: readonly string[]) => ({
  name: offersNotation,
  value: utf8(offers.join(' ')),
  humanReadable: true,
  critical: false
})

/**
 * What a signature says that its signer offers; as good as the signature, which {@link verifyDetached} checks. Names that are none are passed over.
 * Source: docs/protocol/pod.md#what-a-pod-offers
 */
export async function offersIn(signature: Uint8Array): Promise<readonly string[]> {
  const read = await openpgp.readSignature({ binarySignature: signature, config: settings })
  // Only of what is hashed: the library keeps no other.
  const said = read.packets[0]?.rawNotations.find(({ name }) => name === offersNotation)
  const names = said ? Buffer.from(said.value).toString('latin1').split(' ') : []
  return [...new Set(names.filter(name => offerPattern.test(name)))].slice(0, offersMax)
}

/** @throws {MuttrError} `SIGNATURE_INVALID`; `CLOCK_WRONG` for one that holds and is dated in the future; nothing else. */
export async function verifyDetached(
  certificate: Certificate,
  label: string,
  bytes: Uint8Array,
  signature: Uint8Array,
  nowMs: Millis
): Promise<void> {
  let madeMs: Millis
  try {
    if (signature.byteLength > limits.signatureBytesMax) throw new Error('its size')
    const [only] = walkPackets(signature, 1)
    if (only?.tag !== tags.signature) throw new Error('not a signature')
    const message = await openpgp.createMessage({ binary: labelled(label, bytes) })
    const read = await openpgp.readSignature({ binarySignature: signature, config: settings })
    madeMs = read.packets[0]!.created!.getTime()
    const { signatures } = await openpgp.verify({
      message,
      signature: read,
      verificationKeys: await keyOf(certificate),
      format: 'binary',
      date: checkedAt(madeMs, nowMs),
      config: settings
    })
    await soleSignature(signatures)
  } catch (cause) {
    throw new MuttrError('SIGNATURE_INVALID', 'not signed by the key, or not these bytes', {
      cause
    })
  }
  refuseFuture('what was signed', madeMs, nowMs)
}

const { binary } = openpgp.enums.signature

/** Exactly one, of type binary (text signatures let line endings change), and it holds. */
export async function soleSignature(
  results: readonly { verified: Promise<true>; signature: Promise<openpgp.Signature> }[]
): Promise<void> {
  if (results.length !== 1) throw new Error(`${results.length} signatures`)
  const { packets } = await results[0]!.signature
  if (packets[0]?.signatureType !== binary) throw new Error('not a binary signature')
  await results[0]!.verified
}
