import { toHex } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { array, bytes, decodeCbor, encodeCbor, literal, mapped, text, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'
import { fingerprint, fingerprintBytes } from './fingerprint.ts'
import { asked } from './pod.ts'
import { devicesMax } from './sync.ts'

/** A primary key by name. */
export interface KeyName {
  /** Lower-case hex, 40 or 64 digits. */
  readonly fingerprint: string
  /** SHA-256 of the primary key packet's body, hex. */
  readonly pin: string
}

/** A person's word that one key of theirs takes the place of another at a pod. Source: docs/protocol/succession.md */
export interface Succession {
  /** The pod's hostname. */
  readonly pod: string
  readonly old: KeyName
  readonly next: KeyName
  readonly issuedMs: Millis
}

/** As carried: what it says, and the exact bytes that both keys sign under {@link successionLabel}. */
export interface SignedSuccession {
  readonly succession: Succession
  readonly successionBytes: Uint8Array
  readonly byOld: Uint8Array
  readonly byNext: Uint8Array
}

export const successionLabel = 'muttr succession 1'

export const keyName = mapped(
  tuple(fingerprint, mapped(bytes(32), toHex)),
  ([fingerprint, pin]): KeyName => ({ fingerprint, pin })
)

const succession = mapped(
  tuple(literal(1), text(limits.hostnameCharsMax, 1), keyName, keyName, uint()),
  ([, pod, old, next, issuedMs]): Succession => {
    if (old.pin === next.pin) throw new RangeError('a key that succeeds itself')
    return { pod, old, next, issuedMs }
  }
)

const signature = bytes(1, limits.signatureBytesMax)
const signed = tuple(literal(1), bytes(1, limits.successionBytesMax), signature, signature)

export const writeKeyName = ({ fingerprint, pin }: KeyName): unknown[] => [
  fingerprintBytes(fingerprint),
  fingerprintBytes(pin)
]

export const encodeSuccession = (s: Succession): Uint8Array =>
  encodeCbor([1, s.pod, writeKeyName(s.old), writeKeyName(s.next), s.issuedMs])

export const encodeSignedSuccession = (
  successionBytes: Uint8Array,
  byOld: Uint8Array,
  byNext: Uint8Array
): Uint8Array => encodeCbor([1, successionBytes, byOld, byNext])

/** Reads a stranger's frame; the signatures are not checked here. @throws {MuttrError} `SUCCESSION_INVALID` or `WIRE_TOO_LARGE`, and nothing else. */
export function decodeSignedSuccession(frame: Uint8Array): SignedSuccession {
  const max = limits.signedSuccessionBytesMax
  const what = 'a succession'
  const code = 'SUCCESSION_INVALID'
  const [, successionBytes, byOld, byNext] = decodeCbor(frame, what, signed, max, code)
  return {
    succession: decodeCbor(successionBytes, what, succession, max, code),
    successionBytes,
    byOld,
    byNext
  }
}

const certificate = bytes(1, limits.certificateBytesMax)
const frame = bytes(1, limits.signedSuccessionBytesMax)
const aliasName = text(limits.aliasCharsMax, 1)

/** The identified key takes an account over from the key that it succeeds, see docs/protocol/succession.md. */
export const succeed: Codec<{
  certificate: Uint8Array
  succession: Uint8Array
  /** Keys of devices that may listen under the old key until they have the new one. */
  others: Uint8Array[]
}> = codec(
  'a request to succeed',
  limits.certificateBytesMax + limits.signedSuccessionBytesMax + 34 * devicesMax + 16,
  tuple(certificate, frame, array(bytes(32), devicesMax)),
  ([certificate, succession, others]) => ({ certificate, succession, others }),
  s => [s.certificate, s.succession, s.others]
)

/** Names of the aliases that are the new key's now, and the certificate with the pod's word for each. */
export const succeedAnswer: Codec<{ names: string[]; certificate: Uint8Array; untilMs: Millis }> =
  codec(
    'an answer to succeed',
    limits.certificateBytesMax + 64 * (limits.aliasCharsMax + 2) + 64,
    tuple(array(aliasName, 64), certificate, uint()),
    ([names, certificate, untilMs]) => ({ names, certificate, untilMs }),
    a => [a.names, a.certificate, a.untilMs]
  )

/** Which key came after this one under an alias. */
export const successionRequest: Codec<{ name: string; fingerprint: string }> = codec(
  'a question for a successor',
  limits.fullAliasCharsMax + 64,
  tuple(asked, fingerprint),
  ([name, fingerprint]) => ({ name, fingerprint }),
  r => [r.name, fingerprintBytes(r.fingerprint)]
)

/** The old key as the pod had it last, with what its owner revoked since, and what both keys signed; null for a key that none came after. */
export const successionAnswer: Codec<{ certificate: Uint8Array; succession: Uint8Array } | null> =
  codec(
    'a successor',
    limits.certificateBytesMax + limits.signedSuccessionBytesMax + 16,
    array(tuple(certificate, frame), 1),
    ([found]) => (found ? { certificate: found[0], succession: found[1] } : null),
    a => (a ? [[a.certificate, a.succession]] : [])
  )
