import type { PrivateKey, PublicKey, SignaturePacket, User } from 'openpgp'
import * as openpgp from 'openpgp'
import { toHex, utf8 } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import { namesAlias } from './alias-user-id.ts'
import type { Certificate } from './certificate.ts'
import { certificateOf, isUserRevoked, keyInvalid, keyOf } from './certificate.ts'
import { checkedAt, refuseFuture } from './future.ts'
import { isSignedBy, makeSignature, readKeyPackets, settings } from './openpgp.ts'
import type { Person } from './person.ts'
import { secretOf, signingDate } from './person.ts'

/** `.alt` is where names live that are nobody's in the DNS (RFC 9476). */
export const sequenceNotation = 'sequence@muttr.alt'

const { certGeneric, certPositive, certRevocation } = openpgp.enums.signature

/**
 * The pod's word that an alias is whose key this is: its User ID signed by the pod's primary key, expiring, with a sequence of max(previous + 1, unix ms).
 * It replaces the pod's former certification of the same User ID. Source: docs/protocol/keys.md
 * @throws {MuttrError} `KEY_INVALID` when the key did not sign such a User ID itself, is revoked, or is the pod's own.
 */
export async function certify(
  pod: Person,
  {
    certificate,
    alias,
    nowMs,
    lifeMs
  }: { certificate: Certificate; alias: string; nowMs: Millis; lifeMs: Millis }
): Promise<Certificate> {
  if (certificate.revoked || certificate.fingerprint === pod.certificate.fingerprint)
    throw new MuttrError('KEY_INVALID', 'a revoked key, or the certifier’s own')
  const key = new openpgp.PublicKey((await keyOf(certificate)).toPacketList())
  const [user] = usersOf(key, alias)
  if (!user) throw new MuttrError('KEY_INVALID', `the key does not name itself ${alias}`)
  const secret = secretOf(pod)
  const former = await newestCertification(user, secret, pod.certificate)
  const sequence = Math.max(nowMs, former ? sequenceOf(former) + 1 : 0)
  const data = { userID: user.userID, key: key.keyPacket }
  const signature = await makeSignature(secret, certGeneric, data, signingDate(pod, nowMs), {
    signatureExpirationTime: Math.floor(lifeMs / 1000),
    signatureNeverExpires: false,
    rawNotations: [
      {
        name: sequenceNotation,
        value: utf8(String(sequence)),
        humanReadable: true,
        critical: false
      }
    ]
  })
  const others = user.otherCertifications.filter(s => !isIssuedBy(s, pod.certificate))
  user.otherCertifications = [...others, signature]
  try {
    return await certificateOf(key)
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

interface Asked {
  /** Or a pod's hostname. */
  alias: string
  by: Certificate
  nowMs: Millis
}

/**
 * Checks that `by` certifies the alias now. Of several certifications the one of the highest sequence counts.
 * @returns until when it holds. @throws {MuttrError} `SIGNATURE_INVALID`; `CLOCK_WRONG` for one dated in the future; nothing else.
 */
export async function checkCertification(
  certificate: Certificate,
  asked: Asked
): Promise<{ untilMs: Millis }> {
  const { untilMs } = await goodCertification(certificate, asked)
  return { untilMs }
}

/** When the certification that counts was made. @throws as {@link checkCertification} */
export async function certifiedAt(certificate: Certificate, asked: Asked): Promise<Millis> {
  const { signature } = await goodCertification(certificate, asked)
  return signature.created!.getTime()
}

/** The certification alone, as a signature packet: what {@link withCertification} adds to a certificate. @throws as {@link checkCertification} */
export async function certificationOf(
  certificate: Certificate,
  asked: Asked
): Promise<{ untilMs: Millis; packet: Uint8Array }> {
  const { untilMs, signature } = await goodCertification(certificate, asked)
  const list = new openpgp.PacketList<openpgp.AnyPacket>()
  list.push(signature)
  return { untilMs, packet: list.write() }
}

/** The certificate with a certification that was taken before; the certifier's former ones go. @throws {MuttrError} `KEY_INVALID` */
export async function withCertification(
  certificate: Certificate,
  { alias, packet }: { alias: string; packet: Uint8Array }
): Promise<Certificate> {
  try {
    const key = new openpgp.PublicKey((await keyOf(certificate)).toPacketList())
    const [signature] = await readKeyPackets(packet)
    const [user] = usersOf(key, alias)
    if (!user || !(signature instanceof openpgp.SignaturePacket)) throw new Error('no user id')
    const by = toHex(signature.issuerFingerprint ?? new Uint8Array())
    const others = user.otherCertifications.filter(s => !isIssuedBy(s, { fingerprint: by }))
    user.otherCertifications = [...others, signature]
    return await certificateOf(key)
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

async function goodCertification(
  certificate: Certificate,
  { alias, by, nowMs }: Asked
): Promise<{ untilMs: Millis; signature: SignaturePacket }> {
  try {
    if (certificate.revoked || by.revoked) throw new Error('a revoked key')
    const key = await keyOf(certificate)
    const certifier = await keyOf(by)
    await certifier.verifyPrimaryKey(checkedAt(by.createdMs, nowMs), undefined, settings)
    const found = []
    for (const user of usersOf(key, alias)) {
      const newest = await newestCertification(user, certifier, by)
      if (newest) found.push(newest)
    }
    const [newest] = found.sort((a, b) => sequenceOf(b) - sequenceOf(a))
    const expires = newest?.getExpirationTime()
    if (!newest || !(expires instanceof Date) || expires.getTime() <= nowMs)
      throw new Error('no certification, or an expired one')
    refuseFuture(`the certification of ${alias}`, newest.created!.getTime(), nowMs)
    return { untilMs: expires.getTime(), signature: newest }
  } catch (cause) {
    if (codeOf(cause) === 'CLOCK_WRONG') throw cause
    throw new MuttrError('SIGNATURE_INVALID', `not certified as ${alias}`, { cause })
  }
}

/** Revoked ones are left out, expired ones are not: a certifier counts on from them. */
async function newestCertification(
  user: User,
  certifier: PublicKey | PrivateKey,
  by: Certificate
): Promise<SignaturePacket | undefined> {
  const data = { userID: user.userID, key: user.mainKey.keyPacket }
  const ours = (signatures: readonly SignaturePacket[]) => signatures.filter(s => isIssuedBy(s, by))
  const candidates = ours(user.otherCertifications)
    .filter(s => s.signatureType! >= certGeneric && s.signatureType! <= certPositive)
    .sort((a, b) => sequenceOf(b) - sequenceOf(a))
  let revokedAt = -1
  for (const revocation of ours(user.revocationSignatures))
    if (await isSignedBy(certifier, revocation, certRevocation, data))
      revokedAt = Math.max(revokedAt, revocation.created!.getTime())
  for (const candidate of candidates)
    if (await isSignedBy(certifier, candidate, certGeneric, data))
      return candidate.created!.getTime() > revokedAt ? candidate : undefined
  return undefined
}

/** The one in brackets first. */
const usersOf = (key: PublicKey, alias: string): User[] =>
  key.users
    .filter(user => namesAlias(user.userID?.userID ?? '', alias) && !isUserRevoked(user))
    .sort((a, b) => b.userID!.userID.length - a.userID!.userID.length)

const isIssuedBy = (
  { issuerFingerprint }: SignaturePacket,
  { fingerprint }: Pick<Certificate, 'fingerprint'>
): boolean => issuerFingerprint !== null && toHex(issuerFingerprint) === fingerprint

/** A certification without our notation (somebody's by gpg) ranks by when it was made. */
function sequenceOf(signature: SignaturePacket): number {
  const notation = signature.rawNotations.find(({ name }) => name === sequenceNotation)
  const text = notation ? Buffer.from(notation.value).toString('latin1') : ''
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : signature.created!.getTime()
}
