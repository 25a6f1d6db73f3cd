import type { PrivateKey, PublicKey, SignaturePacket, Subkey, User } from 'openpgp'
import * as openpgp from 'openpgp'
import { sha256, toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { anyTime, isSignedBy, settings } from './openpgp.ts'
import type { PacketView } from './packets.ts'
import { isArmored, tags, unarmor, walkPackets } from './packets.ts'

/** Somebody's public OpenPGP key with what is certified about it. Source: docs/protocol/keys.md */
export interface Certificate {
  /** Of the primary key, lower-case hex: 40 characters (version 4) or 64 (version 6). The person's identity. */
  readonly fingerprint: string
  /** SHA-256 of the primary key packet's body, hex: what contacts are pinned by. */
  readonly pin: string
  /** User IDs with a valid, unrevoked self-signature. */
  readonly userIds: readonly string[]
  /** Binary, public only, with everything taken out that did not verify. */
  readonly bytes: Uint8Array
  readonly createdMs: Millis
  readonly expiresMs: Millis | null
  readonly revoked: boolean
  /** What can be sealed to, newest first; empty where the primary key itself is sealed to, and where none is left. */
  readonly subkeys: readonly SubkeyOf[]
}

/** One encryption subkey of a certificate. */
interface SubkeyOf {
  /** Lower-case hex. */
  readonly fingerprint: string
  readonly createdMs: Millis
}

const parsed = new WeakMap<Certificate, PublicKey>()

/** The parsed key behind a certificate; kept, since parsing and verifying costs a hundred times what using it does. */
export async function keyOf(certificate: Certificate): Promise<PublicKey> {
  const known = parsed.get(certificate)
  if (known) return known
  const key = parsed.get(await readCertificate(certificate.bytes))!
  if (key.getFingerprint() !== certificate.fingerprint)
    throw new MuttrError('KEY_INVALID', 'the certificate is not of the fingerprint it names')
  parsed.set(certificate, key)
  return key
}

/**
 * Reads a stranger's certificate, binary or armored, at most {@link limits.certificateBytesMax}: bounded before it is parsed, verified
 * before it is given back. A revoked or expired one is read, and says so; one that holds a secret key is refused.
 * @throws {MuttrError} `KEY_INVALID`, and nothing else.
 */
export async function readCertificate(bytes: Uint8Array): Promise<Certificate> {
  try {
    const binary = boundedKey(bytes, 'PUBLIC KEY BLOCK', tags.publicKey)
    const key = await openpgp.readKey({ binaryKey: binary, config: settings })
    return await certificateOf(key)
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

/** Text as `gpg --import` takes it. */
export const armorCertificate = (certificate: Pick<Certificate, 'bytes'>): string =>
  openpgp.armor(
    openpgp.enums.armor.publicKey,
    certificate.bytes,
    undefined,
    undefined,
    undefined,
    true,
    settings
  )

export const keyInvalid = (cause: unknown): MuttrError =>
  cause instanceof MuttrError
    ? cause
    : new MuttrError(
        'KEY_INVALID',
        `not a usable key: ${cause instanceof Error ? cause.message : cause}`,
        { cause }
      )

/** Takes armor off and checks size, packet types and counts. @throws on anything that is not one bounded key. */
export function boundedKey(bytes: Uint8Array, armor: string, primary: number): Uint8Array {
  const max = limits.certificateBytesMax
  // Armor adds a third and a few headers.
  if (bytes.byteLength === 0 || bytes.byteLength > 2 * max) throw new Error('its size')
  const binary = isArmored(bytes) ? unarmor(bytes, armor) : bytes
  if (binary.byteLength > max) throw new Error(`more than ${max} bytes`)
  const { certificateUserIdsMax, certificateSubkeysMax, certificateSignaturesMax } = limits
  const packets = walkPackets(binary, 2 * certificateSignaturesMax)
  const count = (...of: number[]) => packets.filter(({ tag }) => of.includes(tag)).length
  if (packets[0]?.tag !== primary) throw new Error(primaryProblem(packets, primary))
  if (count(tags.publicKey, tags.secretKey) !== 1) throw new Error('more than one key')
  if (primary === tags.publicKey && count(tags.secretSubkey) > 0) throw new Error('a secret subkey')
  if (count(tags.userId, tags.userAttribute) > certificateUserIdsMax)
    throw new Error('too many user ids')
  if (count(tags.publicSubkey, tags.secretSubkey) > certificateSubkeysMax)
    throw new Error('too many subkeys')
  if (count(tags.signature) > certificateSignaturesMax) throw new Error('too many signatures')
  return binary
}

const primaryProblem = (packets: readonly PacketView[], wanted: number): string =>
  packets[0]?.tag === tags.secretKey && wanted === tags.publicKey
    ? 'a secret key, where a certificate was expected'
    : 'it does not begin with a primary key'

/** Verifies a parsed key, takes out of it what does not hold, and describes the rest. @throws when nothing usable is left. */
export async function certificateOf(parsedKey: openpgp.Key): Promise<Certificate> {
  const key = parsedKey.toPublic()
  await tidy(key)
  const revoked = key.revocationSignatures.length > 0
  if (!revoked) await checkUsable(key)
  const expires = await key.getExpirationTime(undefined, settings)
  if (expires === null) throw new Error('no user id is signed by the key itself')
  const bytes = key.write()
  if (bytes.byteLength > limits.certificateBytesMax) throw new Error('its size')
  const { certificateSignaturesMax: signaturesMax } = limits
  // What was added to a key must not make it one that nobody reads any more.
  const signatures = walkPackets(bytes, 2 * signaturesMax).filter(p => p.tag === tags.signature)
  if (signatures.length > signaturesMax) throw new Error('too many signatures')
  const certificate: Certificate = Object.freeze({
    fingerprint: key.getFingerprint(),
    pin: toHex(sha256(key.keyPacket.write())),
    userIds: validUserIds(key),
    bytes,
    createdMs: key.getCreationTime().getTime(),
    expiresMs: expires instanceof Date ? expires.getTime() : null,
    revoked,
    subkeys: encryptionSubkeys(key)
  })
  parsed.set(certificate, key)
  return certificate
}

const encryptionSubkeys = (key: PublicKey): readonly SubkeyOf[] =>
  Object.freeze(
    key.subkeys
      .filter(subkey => isEncryption(subkey) && subkey.revocationSignatures.length === 0)
      .map(subkey =>
        Object.freeze({
          fingerprint: subkey.getFingerprint(),
          createdMs: subkey.getCreationTime().getTime()
        })
      )
      .sort((a, b) => b.createdMs - a.createdMs)
  )

const { encryptCommunication, encryptStorage } = openpgp.enums.keyFlags

/** @returns whether a subkey's newest binding says that it is there to seal to. */
export function isEncryption(subkey: Subkey): boolean {
  const [newest] = subkey.bindingSignatures.toSorted(
    (a, b) => Number(b.created) - Number(a.created)
  )
  return ((newest?.keyFlags?.[0] ?? 0) & (encryptCommunication | encryptStorage)) !== 0
}

/** A key that can neither sign nor be sealed to is of no use, whatever the date. */
async function checkUsable(key: PublicKey): Promise<void> {
  await key.getSigningKey(undefined, anyTime, undefined, settings)
  await key.getEncryptionKey(undefined, anyTime, undefined, settings)
}

const { signature: types, publicKey: algorithms } = openpgp.enums
const rsaBitsMax = 8192

/**
 * What verifies and opens in less than a millisecond here. Ed448 and the Brainpool curves run in plain JavaScript: a certificate
 * full of their signatures would hold a node up for a second.
 */
const fastAlgorithms: ReadonlySet<number> = new Set([
  algorithms.rsaEncryptSign,
  algorithms.rsaEncrypt,
  algorithms.rsaSign,
  algorithms.eddsaLegacy,
  algorithms.ecdh,
  algorithms.ecdsa,
  algorithms.ed25519,
  algorithms.x25519
])
const fastCurves: ReadonlySet<string> = new Set([
  'ed25519Legacy',
  'curve25519Legacy',
  'nistP256',
  'nistP384',
  'nistP521'
])

/** RSA with a longer exponent is as slow to check as to sign: OpenSSL stops at 64 bits, openpgp.js then goes on by itself. */
const rsaExponentBytesMax = 8

export function isFast({ keyPacket }: Pick<PublicKey | PrivateKey | Subkey, 'keyPacket'>): boolean {
  const { bits = 0, curve = 'nistP256' } = keyPacket.getAlgorithmInfo() as {
    bits?: number
    curve?: string
  }
  const { e } = (keyPacket as unknown as { publicParams: { e?: Uint8Array } }).publicParams
  const isShort = bits <= rsaBitsMax && (e?.byteLength ?? 0) <= rsaExponentBytesMax
  return fastAlgorithms.has(keyPacket.algorithm) && fastCurves.has(curve) && isShort
}

/**
 * Takes out what the key itself did not sign, and subkeys of algorithms not taken, so that nobody pays for a stranger's junk
 * again. Signatures of others stay: they are verified where they are asked for.
 */
export async function tidy(key: PublicKey | PrivateKey): Promise<void> {
  if (!isFast(key)) throw new Error('an algorithm not taken')
  const own = key.keyPacket
  key.revocationSignatures = await signedOnes(key, key.revocationSignatures, types.keyRevocation, {
    key: own
  })
  const direct = key as unknown as { directSignatures: SignaturePacket[] }
  direct.directSignatures = await signedOnes(key, direct.directSignatures, types.key, { key: own })
  key.users = key.users.filter(user => user.userID !== null)
  for (const user of key.users) await tidyUser(key, user)
  key.users = key.users.filter(user => user.selfCertifications.length > 0)
  key.subkeys = key.subkeys.filter(isFast)
  for (const subkey of key.subkeys) await tidySubkey(key, subkey)
  key.subkeys = key.subkeys.filter(subkey => subkey.bindingSignatures.length > 0)
}

async function tidyUser(key: PublicKey | PrivateKey, user: User): Promise<void> {
  const data = { userID: user.userID, userAttribute: user.userAttribute, key: key.keyPacket }
  user.selfCertifications = await signedOnes(key, user.selfCertifications, types.certGeneric, data)
  const isOwn = (signature: SignaturePacket) => signature.issuerKeyID.equals(key.getKeyID())
  const others = user.revocationSignatures.filter(signature => !isOwn(signature))
  const own = user.revocationSignatures.filter(isOwn)
  user.revocationSignatures = [
    ...(await signedOnes(key, own, types.certRevocation, data)),
    ...others
  ]
}

async function tidySubkey(key: PublicKey | PrivateKey, subkey: Subkey): Promise<void> {
  const data = { key: key.keyPacket, bind: subkey.keyPacket }
  subkey.bindingSignatures = await signedOnes(
    key,
    subkey.bindingSignatures,
    types.subkeyBinding,
    data
  )
  subkey.revocationSignatures = await signedOnes(
    key,
    subkey.revocationSignatures,
    types.subkeyRevocation,
    data
  )
}

async function signedOnes(
  key: PublicKey | PrivateKey,
  signatures: readonly SignaturePacket[],
  type: openpgp.enums.signature,
  data: object
): Promise<SignaturePacket[]> {
  const kept: SignaturePacket[] = []
  for (const signature of signatures)
    if (await isSignedBy(key, signature, type, data)) kept.push(signature)
  return kept
}

function validUserIds(key: PublicKey): readonly string[] {
  const valid = key.users.filter(user => !isUserRevoked(user))
  return Object.freeze([...new Set(valid.map(user => user.userID!.userID))])
}

/** @returns whether the key's owner took the user id back and has not signed it again since. */
export function isUserRevoked(user: User): boolean {
  const keyId = user.mainKey.getKeyID()
  const newest = (signatures: readonly SignaturePacket[]) =>
    Math.max(-1, ...signatures.map(signature => signature.created?.getTime() ?? -1))
  const revocations = user.revocationSignatures.filter(r => r.issuerKeyID.equals(keyId))
  return revocations.length > 0 && newest(revocations) >= newest(user.selfCertifications)
}
