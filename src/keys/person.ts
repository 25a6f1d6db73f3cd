import type { PrivateKey, SignaturePacket, User } from 'openpgp'
import * as openpgp from 'openpgp'
import { equalBytes, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import { aliasUserId } from './alias-user-id.ts'
import type { Certificate } from './certificate.ts'
import { boundedKey, certificateOf, isUserRevoked, keyInvalid, keyOf, tidy } from './certificate.ts'
import { refuseFuture } from './future.ts'
import type { SignatureFields } from './openpgp.ts'
import { anyTime, isSignedBy, makeSignature, settings } from './openpgp.ts'
import { tags } from './packets.ts'

/** An identity we hold the secret key of: one of our people, or a pod's own. Source: docs/protocol/keys.md */
export interface Person {
  readonly certificate: Certificate
  /** Keys that this one succeeded, newest first, whose secrets are still there: what was sealed to them opens. */
  readonly former: readonly Person[]
}

const secrets = new WeakMap<Person, PrivateKey>()

/** The unlocked key behind a person; never leaves this room. */
export function secretOf(person: Person): PrivateKey {
  const key = secrets.get(person)
  if (!key) throw new TypeError('a person comes from makePerson, importPerson or openVault')
  return key
}

/** A person with this unlocked key. @throws {MuttrError} `KEY_INVALID` */
export async function personOf(key: PrivateKey, former: readonly Person[] = []): Promise<Person> {
  try {
    await tidy(key)
    const person: Person = Object.freeze({ certificate: await certificateOf(key), former })
    secrets.set(person, key)
    return person
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

/** The same key, with others that it succeeded. */
export function withFormer(person: Person, former: readonly Person[]): Person {
  const next: Person = Object.freeze({ certificate: person.certificate, former })
  secrets.set(next, secretOf(person))
  return next
}

/** A person's own certificate by its fingerprint: of the key now, or of one that came before. */
export const ownKey = (
  { certificate, former }: Person,
  fingerprint: string
): Certificate | undefined =>
  [certificate, ...former.map(one => one.certificate)].find(own => own.fingerprint === fingerprint)

/**
 * When what the person signs now is dated. A key made on a machine whose clock is a little ahead of ours is not older than
 * what it signs: nobody would believe that.
 * @throws {MuttrError} `CLOCK_WRONG` when it is more than a little
 */
export function signingDate({ certificate }: Person, nowMs: Millis): Date {
  refuseFuture('your own key', certificate.createdMs, nowMs)
  return new Date(Math.max(nowMs, certificate.createdMs))
}

const nameBytesMax = 200

/**
 * A new key: version 4, Ed25519 and Curve25519 in the encoding GnuPG 2.2 reads; announces SEIPDv2 with AES-256-GCM.
 * @param name what people call them, at most 200 bytes without control characters and `<>`; a pod's hostname.
 */
export async function makePerson({
  name,
  email,
  nowMs
}: {
  name: string
  email?: string | undefined
  nowMs: Millis
}): Promise<Person> {
  if (!isPlain(name) || (email !== undefined && !isAddress(email)))
    throw new MuttrError(
      'USAGE',
      'a name is 1 to 200 bytes without <, > and control characters; an address has one @'
    )
  try {
    const { privateKey } = await openpgp.generateKey({
      type: 'ecc',
      curve: 'curve25519Legacy',
      userIDs: [email === undefined ? { name } : { name, email }],
      date: new Date(nowMs),
      format: 'object',
      config: settings
    })
    return await personOf(privateKey)
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

const isPlain = (text: string): boolean =>
  text.trim() === text &&
  text !== '' &&
  text.isWellFormed() &&
  utf8(text).byteLength <= nameBytesMax &&
  !/[\p{Cc}<>]/u.test(text)

const isAddress = (text: string): boolean => isPlain(text) && /^[^@\s]+@[^@\s]+$/.test(text)

/**
 * Takes a secret key over, armored or binary, as `gpg --export-secret-keys` writes it.
 * @throws {MuttrError} `KEY_INVALID`, `PASSPHRASE_MISSING`, `PASSPHRASE_WRONG`
 */
export async function importPerson(bytes: Uint8Array, passphrase?: string): Promise<Person> {
  let key: PrivateKey
  try {
    const binaryKey = boundedKey(bytes, 'PRIVATE KEY BLOCK', tags.secretKey)
    key = await openpgp.readPrivateKey({ binaryKey, config: settings })
  } catch (cause) {
    throw keyInvalid(cause)
  }
  if (secretPacket(key.keyPacket).isMissingSecretKeyMaterial())
    throw new MuttrError('KEY_INVALID', 'the secret part of the primary key is not in the file')
  const person = await personOf(await unlocked(key, passphrase))
  await checkWhole(secretOf(person))
  return person
}

async function unlocked(key: PrivateKey, passphrase?: string): Promise<PrivateKey> {
  const isLocked = key
    .getKeys()
    .some(({ keyPacket }) => !secretPacket(keyPacket).isDummy() && !keyPacket.isDecrypted())
  if (!isLocked) return key
  if (passphrase === undefined)
    throw new MuttrError('PASSPHRASE_MISSING', 'the secret key is locked with a passphrase')
  try {
    return await openpgp.decryptKey({ privateKey: key, passphrase, config: settings })
  } catch (cause) {
    const isWrong = cause instanceof Error && /passphrase/i.test(cause.message)
    throw isWrong
      ? new MuttrError('PASSPHRASE_WRONG', 'the passphrase does not open the key', { cause })
      : keyInvalid(cause)
  }
}

/** Secret and public halves belong together, and those we sign and open with are there. */
async function checkWhole(key: PrivateKey): Promise<void> {
  try {
    for (const { keyPacket } of key.getKeys()) {
      const packet = secretPacket(keyPacket)
      if (!packet.isMissingSecretKeyMaterial()) await packet.validate()
    }
    const signing = await key.getSigningKey(undefined, anyTime, undefined, settings)
    const reading = await key.getEncryptionKey(undefined, anyTime, undefined, settings)
    for (const { keyPacket } of [signing, reading])
      if (secretPacket(keyPacket).isMissingSecretKeyMaterial())
        throw new Error('a subkey without its secret part')
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

const secretPacket = (packet: unknown) => packet as openpgp.SecretKeyPacket

/** Armored, as `gpg --import` takes it; with a passphrase locked by iterated S2K, which GnuPG 2.2 reads. */
export async function exportPerson(person: Person, passphrase?: string): Promise<string> {
  const privateKey = secretOf(person)
  const config = { ...settings, aeadProtect: false, s2kType: openpgp.enums.s2k.iterated } as const
  if (passphrase === undefined) return privateKey.armor(settings)
  return (await openpgp.encryptKey({ privateKey, passphrase, config })).armor(settings)
}

/**
 * Adds the User ID `alias`, as in `alice@pod.example`, signed by the key itself; what a pod certifies.
 * A person who has it already is given back as is. @throws {MuttrError} `ALIAS_INVALID`, `KEY_INVALID`
 */
export async function addAlias(person: Person, alias: string, nowMs: Millis): Promise<Person> {
  if (!isAddress(alias)) throw new MuttrError('ALIAS_INVALID', `not an alias: ${alias}`)
  return await withUserId(person, aliasUserId(alias), nowMs)
}

/** Adds another name to a pod's key: its hostname from now on. @throws {MuttrError} `USAGE`, `KEY_INVALID` */
export async function addHostname(
  person: Person,
  hostname: string,
  nowMs: Millis
): Promise<Person> {
  if (!isPlain(hostname) || hostname.includes('@'))
    throw new MuttrError('USAGE', `not a hostname: ${hostname}`)
  return await withUserId(person, hostname, nowMs)
}

async function withUserId(person: Person, text: string, nowMs: Millis): Promise<Person> {
  if (person.certificate.userIds.includes(text)) return person
  const key = secretOf(person)
  const userId = new openpgp.UserIDPacket()
  userId.read(utf8(text))
  const date = signingDate(person, nowMs)
  const own = await key.getPrimaryUser(anyTime, undefined, settings)
  const data = { userID: userId, key: key.keyPacket }
  const { certPositive } = openpgp.enums.signature
  const signature = await makeSignature(
    key,
    certPositive,
    data,
    date,
    preferences(own.selfCertification)
  )
  const packets = key.toPacketList() as openpgp.PacketList<openpgp.AnyPacket>
  const firstSubkey = packets.findIndex(packet => packet instanceof openpgp.SecretSubkeyPacket)
  packets.splice(firstSubkey < 0 ? packets.length : firstSubkey, 0, userId, signature)
  return await personOf(new openpgp.PrivateKey(packets), person.former)
}

/** A new User ID says the same of the key as the primary one does. */
function preferences(from: SignaturePacket): SignatureFields {
  const { preferredCipherSuites = null } = from as SignatureFields
  return {
    keyFlags: from.keyFlags,
    keyExpirationTime: from.keyExpirationTime,
    keyNeverExpires: from.keyNeverExpires,
    preferredSymmetricAlgorithms: from.preferredSymmetricAlgorithms,
    preferredHashAlgorithms: from.preferredHashAlgorithms,
    preferredCompressionAlgorithms: from.preferredCompressionAlgorithms,
    preferredCipherSuites,
    features: from.features
  }
}

/**
 * Takes over what others certified about the person's User IDs: of each certifier its newest word.
 * @param by takes over only what this certifier signed, so that one pod can neither fill the certificate nor stand in another's place.
 * @throws {MuttrError} `KEY_INVALID` when `certified` is another key's.
 */
export async function withCertificate(
  person: Person,
  certified: Certificate,
  by?: Certificate
): Promise<Person> {
  if (certified.fingerprint !== person.certificate.fingerprint)
    throw new MuttrError('KEY_INVALID', 'the certificate is of another key')
  const theirs = await keyOf(certified)
  const certifier = by && (await keyOf(by))
  const key = new openpgp.PrivateKey(secretOf(person).toPacketList())
  // Our own, as it was kept: whoever certified it has no say in that.
  if (!by && certified.revoked) key.revocationSignatures = theirs.revocationSignatures
  for (const user of key.users) {
    const same = theirs.users.find(other => other.userID?.userID === user.userID?.userID)
    if (!same || isUserRevoked(user)) continue
    mergeCertifications(user, certifier ? await wordsOf(certifier, same) : same)
  }
  return await personOf(key, person.former)
}

type Words = Pick<User, 'otherCertifications' | 'revocationSignatures'>

/** What a certifier itself signed about a User ID: the newest certification, and the newest revocation. */
async function wordsOf(certifier: openpgp.PublicKey, user: User): Promise<Words> {
  const data = { userID: user.userID, key: user.mainKey.keyPacket }
  const { certGeneric, certRevocation } = openpgp.enums.signature
  const newest = async (from: readonly SignaturePacket[], type: openpgp.enums.signature) => {
    const latestFirst = from.toSorted((a, b) => Number(b.created) - Number(a.created))
    for (const signature of latestFirst)
      if (await isSignedBy(certifier, signature, type, data)) return [signature]
    return []
  }
  return {
    otherCertifications: await newest(user.otherCertifications, certGeneric),
    revocationSignatures: await newest(user.revocationSignatures, certRevocation)
  }
}

function mergeCertifications(into: User, from: Words): void {
  const issuer = ({ issuerKeyID }: SignaturePacket) => issuerKeyID.toHex()
  const newest = new Map(into.otherCertifications.map(s => [issuer(s), s]))
  for (const signature of from.otherCertifications) {
    const known = newest.get(issuer(signature))
    if (!known || known.created! <= signature.created!) newest.set(issuer(signature), signature)
  }
  into.otherCertifications = [...newest.values()]
  const isKnown = (revocation: SignaturePacket) =>
    into.revocationSignatures.some(known => equalBytes(known.write(), revocation.write()))
  into.revocationSignatures.push(...from.revocationSignatures.filter(r => !isKnown(r)))
}
