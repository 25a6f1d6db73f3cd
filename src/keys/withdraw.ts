import type { PublicKey, SignaturePacket, User } from 'openpgp'
import * as openpgp from 'openpgp'
import { toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import { namesAlias } from './alias-user-id.ts'
import type { Certificate } from './certificate.ts'
import { certificateOf, keyInvalid, keyOf } from './certificate.ts'
import { isSignedBy, makeSignature } from './openpgp.ts'
import type { Person } from './person.ts'
import { secretOf, signingDate } from './person.ts'

const { certRevocation } = openpgp.enums.signature
const { userIDInvalid } = openpgp.enums.reasonForRevocation

/** That a pod takes its word about an alias back. */
export interface Withdrawal {
  readonly atMs: Millis
  /** In its words; may be empty. */
  readonly reason: string
}

/**
 * The certificate with the pod's revocation of its certifications of an alias, as GnuPG understands it (RFC 9580, type 0x30, by the
 * primary key). A later certification stands again. Source: docs/protocol/keys.md#what-a-pod-takes-back
 * @throws {MuttrError} `KEY_INVALID` when the key has no User ID of it
 */
export async function withdraw(
  pod: Person,
  o: { certificate: Certificate; alias: string; reason: string; nowMs: Millis }
): Promise<Certificate> {
  const key = new openpgp.PublicKey((await keyOf(o.certificate)).toPacketList())
  const users = usersOf(key, o.alias)
  if (users.length === 0)
    throw new MuttrError('KEY_INVALID', `the key does not name itself ${o.alias}`)
  for (const user of users) {
    const data = { userID: user.userID, key: key.keyPacket }
    const signature = await makeSignature(
      secretOf(pod),
      certRevocation,
      data,
      signingDate(pod, o.nowMs),
      { reasonForRevocationFlag: userIDInvalid, reasonForRevocationString: o.reason }
    )
    // What is revoked goes: a key with as many signatures as are taken can be revoked, too.
    user.otherCertifications = user.otherCertifications.filter(
      ({ issuerFingerprint }) =>
        !issuerFingerprint || toHex(issuerFingerprint) !== pod.certificate.fingerprint
    )
    user.revocationSignatures = [...user.revocationSignatures, signature]
  }
  try {
    return await certificateOf(key)
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

/** The newest revocation by a pod of its word about an alias; null where there is none, or it certified anew since. */
export async function withdrawalOf(
  certificate: Certificate,
  { alias, by }: { alias: string; by: Certificate }
): Promise<Withdrawal | null> {
  const key = await keyOf(certificate)
  const users = usersOf(key, alias)
  const certifier = await keyOf(by)
  const ours = ({ issuerFingerprint }: SignaturePacket) =>
    issuerFingerprint !== null && toHex(issuerFingerprint) === by.fingerprint
  const madeMs = ({ created }: SignaturePacket): Millis => created?.getTime() ?? 0
  let newest: SignaturePacket | undefined
  for (const { userID, revocationSignatures } of users)
    for (const one of revocationSignatures.filter(ours))
      if (await isSignedBy(certifier, one, certRevocation, { userID, key: key.keyPacket }))
        if (!newest || madeMs(one) > madeMs(newest)) newest = one
  if (!newest) return null
  const lastMs = madeMs(newest)
  const words = users.flatMap(user => user.otherCertifications.filter(ours))
  const since = words.some(one => madeMs(one) > lastMs)
  const { reasonForRevocationString } = newest
  return since ? null : { atMs: madeMs(newest), reason: reasonForRevocationString ?? '' }
}

const usersOf = (key: PublicKey, alias: string): User[] =>
  key.users.filter(({ userID }) => namesAlias(userID?.userID ?? '', alias))
