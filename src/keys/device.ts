import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey, hkdfSync, sign, verify } from 'node:crypto'
import { concatBytes, toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { Statement } from '../wire/device.ts'
import {
  decodeSignedDismissal,
  decodeSignedStatement,
  dismissalLabel,
  encodeDismissal,
  encodeSignedStatement,
  encodeStatement,
  statementLabel
} from '../wire/device.ts'
import { fingerprintBytes } from '../wire/fingerprint.ts'
import type { Certificate } from './certificate.ts'
import type { Crypto } from './crypto.ts'
import { openPgp } from './crypto.ts'
import type { Person } from './person.ts'

/** A device's own Ed25519 key (RFC 8032): answers challenges whether the vault is locked or not. Source: docs/protocol/device.md */
export interface Device {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** @returns 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array
  /** X25519, for what other devices of the person seal to this one alone; made from the same seed. 32 bytes each. */
  readonly sealKey: { readonly publicKey: Uint8Array; readonly secret: Uint8Array }
}

const sealKeyInfo = 'muttr device seal key 1'

// What stands before the 32 bytes of a key in PKCS #8 and SubjectPublicKeyInfo (RFC 8410).
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const x25519Prefix = Buffer.from('302e020100300506032b656e04220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** The same seed of 32 bytes makes the same device. */
export function makeDevice(seed: Uint8Array): Device {
  if (seed.byteLength !== 32) throw new TypeError('a device seed is 32 bytes')
  const key = keyOf(privatePrefix, seed)
  const secret = new Uint8Array(hkdfSync('sha256', seed, new Uint8Array(), sealKeyInfo, 32))
  return {
    sealKey: { publicKey: publicOf(keyOf(x25519Prefix, secret)), secret },
    publicKey: publicOf(key),
    sign: bytes => new Uint8Array(sign(null, bytes, key))
  }
}

const keyOf = (prefix: Uint8Array, secret: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([prefix, secret]), format: 'der', type: 'pkcs8' })

/** The last 32 bytes, whatever the algorithm. */
const publicOf = (key: KeyObject): Uint8Array => {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return new Uint8Array(spki.subarray(publicPrefix.byteLength))
}

/** Never throws: anything that is not a key and its signature is false. */
export function verifyDevice(
  publicKey: Uint8Array,
  bytes: Uint8Array,
  signature: Uint8Array
): boolean {
  if (publicKey.byteLength !== 32 || signature.byteLength !== 64) return false
  try {
    return verify(null, bytes, publicKeyObject(publicKey), signature)
  } catch {
    return false
  }
}

const publicKeyObject = (publicKey: Uint8Array): KeyObject => {
  const key = Buffer.from(concatBytes(publicPrefix, publicKey))
  return createPublicKey({ key, format: 'der', type: 'spki' })
}

/**
 * The person's statement that a device acts for them: to be shown to one pod by one peer.
 * @returns the frame that a pod is shown. @throws {MuttrError} `STATEMENT_INVALID` for more than 90 days; `KEY_INVALID`
 */
export async function makeStatement(
  person: Person,
  about: {
    deviceKey: Uint8Array
    peer: PeerId
    pod: string
    nowMs: Millis
    untilMs: Millis
  },
  crypto: Crypto = openPgp
): Promise<Uint8Array> {
  const { deviceKey, peer, pod, nowMs, untilMs } = about
  const fingerprint = fingerprintBytes(person.certificate.fingerprint)
  const issuedMs = Math.floor(nowMs)
  const statementBytes = encodeStatement({ fingerprint, deviceKey, peer, pod, issuedMs, untilMs })
  const signature = await crypto.signDetached(person, statementLabel, statementBytes, nowMs)
  const frame = encodeSignedStatement(statementBytes, signature)
  decodeSignedStatement(frame) // what others would refuse is not handed out
  return frame
}

/** The person's word to one pod that a device acts for them no more; any device of theirs hands it over. */
export async function makeDismissal(
  person: Person,
  { deviceKey, pod, nowMs }: { deviceKey: Uint8Array; pod: string; nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<Uint8Array> {
  const print = fingerprintBytes(person.certificate.fingerprint)
  const atMs = Math.floor(nowMs)
  const dismissalBytes = encodeDismissal({ fingerprint: print, deviceKey, pod, atMs })
  const signature = await crypto.signDetached(person, dismissalLabel, dismissalBytes, nowMs)
  return encodeSignedStatement(dismissalBytes, signature)
}

/** @returns the device key, hex. @throws {MuttrError} `STATEMENT_INVALID` when it is not this person's word to this pod, and nothing else */
export async function verifyDismissal(
  frame: Uint8Array,
  {
    certificate,
    pod,
    nowMs
  }: { certificate: Certificate; pod: string | readonly string[]; nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<string> {
  try {
    const { dismissal, dismissalBytes, signature } = decodeSignedDismissal(frame)
    if (
      toHex(dismissal.fingerprint) !== certificate.fingerprint ||
      ![pod].flat().includes(dismissal.pod)
    )
      throw new Error('by another person, or for another pod')
    if (dismissal.atMs > nowMs + limits.clockSkewMs) throw new Error('of another time')
    await crypto.verifyDetached(certificate, dismissalLabel, dismissalBytes, signature, nowMs)
    return toHex(dismissal.deviceKey)
  } catch (cause) {
    throw new MuttrError('STATEMENT_INVALID', 'not a valid dismissal by this person', { cause })
  }
}

/**
 * Checks a statement against the certificate of the person it names. Whether device, peer and pod are the ones met is for the caller.
 * @throws {MuttrError} `STATEMENT_INVALID`, and nothing else.
 */
export async function verifyStatement(
  frame: Uint8Array,
  { certificate, nowMs }: { certificate: Certificate; nowMs: Millis },
  crypto: Crypto = openPgp
): Promise<Statement> {
  try {
    const { statement, statementBytes, signature } = decodeSignedStatement(frame)
    if (certificate.revoked || toHex(statement.fingerprint) !== certificate.fingerprint)
      throw new Error('a statement by another person, or by a revoked key')
    if (statement.untilMs <= nowMs || statement.issuedMs > nowMs + limits.clockSkewMs)
      throw new Error('a statement of another time')
    await crypto.verifyDetached(certificate, statementLabel, statementBytes, signature, nowMs)
    return statement
  } catch (cause) {
    throw new MuttrError('STATEMENT_INVALID', 'not a valid statement of this person', { cause })
  }
}
