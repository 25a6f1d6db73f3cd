import type { PublicKey, SignaturePacket } from 'openpgp'
import * as openpgp from 'openpgp'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from './certificate.ts'
import { certificateOf, keyInvalid, keyOf, readCertificate } from './certificate.ts'
import { isSignedBy, makeSignature, readKeyPackets, settings } from './openpgp.ts'
import { isArmored, tags, unarmor, walkPackets } from './packets.ts'
import type { Person } from './person.ts'
import { secretOf, signingDate } from './person.ts'

const { keyRevocation } = openpgp.enums.signature
const { noReason, keySuperseded, keyCompromised, keyRetired } = openpgp.enums.reasonForRevocation

export type RevocationReason = 'superseded' | 'compromised' | 'retired'

const flags: Readonly<Record<RevocationReason, number>> = {
  superseded: keySuperseded,
  compromised: keyCompromised,
  retired: keyRetired
}

/** Why and when a key's owner took it back. */
export interface Revocation {
  /** Null where none is given, as in a certificate that was made beforehand. */
  readonly reason: RevocationReason | null
  readonly atMs: Millis
}

const sign = (person: Person, flag: number, nowMs: Millis): Promise<SignaturePacket> => {
  const key = secretOf(person)
  const data = { key: key.keyPacket }
  const reason = { reasonForRevocationFlag: flag, reasonForRevocationString: '' }
  return makeSignature(key, keyRevocation, data, signingDate(person, nowMs), reason)
}

/** The person's certificate, revoked: nobody seals to it again, and nothing takes that back. Source: docs/protocol/keys.md#revocation */
export async function revoke(
  person: Person,
  reason: RevocationReason,
  nowMs: Millis
): Promise<Certificate> {
  const signature = await sign(person, flags[reason], nowMs)
  return await revokedBy(person.certificate, [signature])
}

/** A revocation made beforehand, armored as GnuPG writes and imports it: whoever has it can revoke the key, and nothing else. */
export async function revocationCertificate(person: Person, nowMs: Millis): Promise<string> {
  const list = new openpgp.PacketList<openpgp.AnyPacket>()
  list.push(await sign(person, noReason, nowMs))
  const comment = 'This is a revocation certificate'
  const { publicKey } = openpgp.enums.armor
  return openpgp.armor(publicKey, list.write(), undefined, undefined, comment, true, settings)
}

/**
 * The certificate with a revocation that somebody shows: a revocation certificate, or the whole certificate with one in it; armored or not.
 * @throws {MuttrError} `KEY_INVALID` when it holds none by this key
 */
export async function withRevocation(
  certificate: Certificate,
  shown: Uint8Array
): Promise<Certificate> {
  let signatures: SignaturePacket[]
  try {
    if (shown.byteLength > 2 * limits.certificateBytesMax) throw new Error('its size')
    const binary = isArmored(shown) ? unarmor(shown, 'PUBLIC KEY BLOCK') : shown
    const [first] = walkPackets(binary, 2 * limits.certificateSignaturesMax)
    const packets: readonly openpgp.AnyPacket[] =
      first?.tag === tags.publicKey
        ? (await keyOf(await readCertificate(binary))).revocationSignatures
        : await readKeyPackets(binary)
    signatures = packets
      .filter(one => one instanceof openpgp.SignaturePacket)
      .filter(({ signatureType }) => signatureType === keyRevocation)
  } catch (cause) {
    throw keyInvalid(cause)
  }
  return await revokedBy(certificate, signatures)
}

/** @throws {MuttrError} `KEY_INVALID` */
async function revokedBy(
  certificate: Certificate,
  signatures: readonly SignaturePacket[]
): Promise<Certificate> {
  const key = await copyOf(certificate)
  const revoking: SignaturePacket[] = []
  for (const signature of signatures)
    if (await isSignedBy(key, signature, keyRevocation, { key: key.keyPacket }))
      revoking.push(signature)
  if (revoking.length === 0)
    throw new MuttrError('KEY_INVALID', `no revocation of the key ${certificate.fingerprint}`)
  key.revocationSignatures = [...key.revocationSignatures, ...revoking]
  return await certificateOf(key)
}

/** As it was before: for what was signed with it then, and is ours to judge. */
export async function beforeRevocation(certificate: Certificate): Promise<Certificate> {
  if (!certificate.revoked) return certificate
  const key = await copyOf(certificate)
  key.revocationSignatures = []
  return await certificateOf(key)
}

const copyOf = async (certificate: Certificate): Promise<PublicKey> =>
  new openpgp.PublicKey((await keyOf(certificate)).toPacketList())

/** @returns null unless it is revoked. Of several the first that says compromised counts, else the earliest. */
export async function revocationOf(certificate: Certificate): Promise<Revocation | null> {
  if (!certificate.revoked) return null
  const signatures = (await keyOf(certificate)).revocationSignatures as SignaturePacket[]
  const all = signatures
    .map(({ created, reasonForRevocationFlag: flag }) => ({
      reason: reasons.find(reason => flags[reason] === flag) ?? null,
      atMs: created?.getTime() ?? 0
    }))
    .sort((a, b) => a.atMs - b.atMs)
  return all.find(({ reason }) => reason === 'compromised') ?? all[0] ?? null
}

/** Whether a revocation is news of a key: the first one, or one that says compromised where none did. */
export async function saysMore(shown: Certificate, known: Certificate): Promise<boolean> {
  if (!known.revoked) return true
  const isCompromised = async (one: Certificate) =>
    (await revocationOf(one))?.reason === 'compromised'
  return (await isCompromised(shown)) && !(await isCompromised(known))
}

/** What holds of a key when somebody shows it: nobody takes a revocation back by showing the key without it. */
export const withKnown = async (
  shown: Certificate,
  known: Certificate | undefined
): Promise<Certificate> =>
  known?.pin === shown.pin && !(await saysMore(shown, known)) ? known : shown

const reasons = Object.keys(flags) as RevocationReason[]
