import { concatBytes, sha256, utf8 } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { array, bytes, literal, mapped, text, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'

// "Some account of that pod, within its rate": blind-signed tokens. Source: docs/protocol/token.md

/** Label of the signature over a pod's keys for tokens. */
export const tokenKeysLabel = 'muttr token 1'
/** A key signs for so long, and what it signed is good for as long again. */
const tokenEpochMs: Millis = 7 * 24 * 3_600_000
export const tokenEpochAt = (atMs: Millis): number => Math.floor(atMs / tokenEpochMs)

/** A SubjectPublicKeyInfo of RSASSA-PSS, 2,048 bits, SHA-384, 65537: RFC 9578, 6.5. */
export const tokenKeyBytes = 342
const signatureBytes = 256
const nonceBytes = 32
/** RFC 9578, 6.1: type, nonce, digest of the challenge, key id, signature. */
export const tokenBytes = 2 + 3 * 32 + signatureBytes
const tokenType = 2
export const tokensAtOnceMax = 16

const epoch = uint(1_000_000)
const hostname = text(limits.hostnameCharsMax, 1)
const key = bytes(tokenKeyBytes)

export interface TokenKey {
  readonly epoch: number
  readonly key: Uint8Array
}

/** What a pod says of its keys for tokens, signed under {@link tokenKeysLabel}. */
export interface TokenKeys {
  readonly hostname: string
  /** Of the former epoch, where there was one, and of this one. */
  readonly keys: readonly TokenKey[]
  readonly issuedMs: Millis
}

const tokenKey = mapped(tuple(epoch, key), ([epoch, key]): TokenKey => ({ epoch, key }))
const statementBytesMax = 1_200

export const tokenKeys: Codec<TokenKeys> = codec(
  'keys for tokens',
  statementBytesMax,
  tuple(literal(1), hostname, array(tokenKey, 2, 1), uint()),
  ([, hostname, keys, issuedMs]) => ({ hostname, keys, issuedMs }),
  k => [1, k.hostname, k.keys.map(one => [one.epoch, one.key]), k.issuedMs]
)

/** {@link tokenKeys}, as signed by the pod's OpenPGP key. */
export interface SignedTokenKeys {
  readonly statement: Uint8Array
  readonly signature: Uint8Array
}

export const signedTokenKeys: Codec<SignedTokenKeys> = codec(
  'signed keys for tokens',
  statementBytesMax + limits.signatureBytesMax + 16,
  tuple(bytes(1, statementBytesMax), bytes(1, limits.signatureBytesMax)),
  ([statement, signature]) => ({ statement, signature }),
  s => [s.statement, s.signature]
)

/** `token-keys`, asked blindly: of which pod. */
export const tokenKeysRequest: Codec<{ hostname: string }> = codec(
  'a request for keys for tokens',
  limits.hostnameCharsMax + 8,
  tuple(hostname),
  ([hostname]) => ({ hostname }),
  r => [r.hostname]
)

/** `tokens`: what is to be signed, unseen. */
export const tokensRequest: Codec<{ epoch: number; blinded: readonly Uint8Array[] }> = codec(
  'a request for tokens',
  tokensAtOnceMax * (signatureBytes + 3) + 16,
  tuple(epoch, array(bytes(signatureBytes), tokensAtOnceMax, 1)),
  ([epoch, blinded]) => ({ epoch, blinded }),
  r => [r.epoch, r.blinded]
)

export const tokensAnswer: Codec<{ signatures: readonly Uint8Array[] }> = codec(
  'an answer with tokens',
  tokensAtOnceMax * (signatureBytes + 3) + 16,
  tuple(array(bytes(signatureBytes), tokensAtOnceMax, 1)),
  ([signatures]) => ({ signatures }),
  a => [a.signatures]
)

/** A notice with the token of a pod. */
export interface TokenSubmit {
  readonly notice: Uint8Array
  /** The pod that signed the token. */
  readonly issuer: string
  /** {@link tokenBytes} bytes. */
  readonly token: Uint8Array
}

export const tokenSubmit: Codec<TokenSubmit> = codec(
  'a notice with a token',
  limits.noticeBytesMax + limits.hostnameCharsMax + tokenBytes + 32,
  tuple(bytes(limits.noticeBytesMax), hostname, bytes(tokenBytes)),
  ([notice, issuer, token]) => ({ notice, issuer, token }),
  t => [t.notice, t.issuer, t.token]
)

const sized = (value: Uint8Array): Uint8Array =>
  concatBytes(new Uint8Array([value.byteLength >> 8, value.byteLength & 255]), value)

/** SHA-256 of the TokenChallenge (RFC 9577, 2.1) of a token that `issuer` signed and `origin` alone takes. */
export const challengeDigest = (issuer: string, origin: string): Uint8Array =>
  sha256(
    new Uint8Array([0, tokenType]),
    sized(utf8(issuer)),
    new Uint8Array([0]),
    sized(utf8(origin))
  )

/** What is signed: a token without its signature. */
export const tokenInput = (nonce: Uint8Array, challenge: Uint8Array, key: Uint8Array): Uint8Array =>
  concatBytes(new Uint8Array([0, tokenType]), nonce, challenge, sha256(key))

export interface TokenParts {
  readonly nonce: Uint8Array
  readonly challenge: Uint8Array
  readonly keyId: Uint8Array
  readonly input: Uint8Array
  readonly signature: Uint8Array
}

/** @returns undefined for what is no token of this type. */
export function readToken(token: Uint8Array): TokenParts | undefined {
  if (token.byteLength !== tokenBytes || token[0] !== 0 || token[1] !== tokenType) return undefined
  const at = (start: number, length: number) => token.slice(start, start + length)
  return {
    nonce: at(2, nonceBytes),
    challenge: at(34, 32),
    keyId: at(66, 32),
    input: at(0, 98),
    signature: at(98, signatureBytes)
  }
}
