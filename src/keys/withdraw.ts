import type { SignaturePacket } from 'openpgp'
import * as openpgp from 'openpgp'
import { toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Certificate } from './certificate.ts'
import { certificateOf, keyInvalid, keyOf } from './certificate.ts'
import { isSignedBy, makeSignature } from './openpgp.ts'
import type { Person } from './person.ts'
import { secretOf, signingDate } from './person.ts'

const { certRevocation } = openpgp.enums.signature
const { userIDInvalid } = openpgp.enums.reasonForRevocation

/** That a pod takes its word about a User ID back. */
export interface Withdrawal {
  readonly atMs: Millis
  /** In its words; may be empty. */
  readonly reason: string
}

/**
 * The certificate with the pod's revocation of its certifications of a User ID, as GnuPG understands it (RFC 9580, type 0x30, by the
 * primary key). A later certification stands again. Source: docs/protocol/keys.md#what-a-pod-takes-back
 * @throws {MuttrError} `KEY_INVALID` when the key has no such User ID
 */
export async function withdraw(
  pod: Person,
  o: { certificate: Certificate; userId: string; reason: string; nowMs: Millis }
): Promise<Certificate> {
  const key = new openpgp.PublicKey((await keyOf(o.certificate)).toPacketList())
  const user = key.users.find(({ userID }) => userID?.userID === o.userId)
  if (!user) throw new MuttrError('KEY_INVALID', `the key does not name itself ${o.userId}`)
  const data = { userID: user.userID, key: key.keyPacket }
  const signature = await makeSignature(
    secretOf(pod),
    certRevocation,
    data,
    signingDate(pod, o.nowMs),
    { reasonForRevocationFlag: userIDInvalid, reasonForRevocationString: o.reason }
  )
  user.revocationSignatures = [...user.revocationSignatures, signature]
  try {
    return await certificateOf(key)
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

/** The newest revocation by a pod of its word about a User ID; null where there is none, or it certified anew since. */
export async function withdrawalOf(
  certificate: Certificate,
  { userId, by }: { userId: string; by: Certificate }
): Promise<Withdrawal | null> {
  const key = await keyOf(certificate)
  const user = key.users.find(({ userID }) => userID?.userID === userId)
  if (!user) return null
  const certifier = await keyOf(by)
  const data = { userID: user.userID, key: key.keyPacket }
  const ours = ({ issuerFingerprint }: SignaturePacket) =>
    issuerFingerprint !== null && toHex(issuerFingerprint) === by.fingerprint
  const madeMs = ({ created }: SignaturePacket): Millis => created?.getTime() ?? 0
  let newest: SignaturePacket | undefined
  for (const one of user.revocationSignatures.filter(ours))
    if (await isSignedBy(certifier, one, certRevocation, data))
      if (!newest || madeMs(one) > madeMs(newest)) newest = one
  if (!newest) return null
  const since = user.otherCertifications.filter(ours).some(one => madeMs(one) > madeMs(newest))
  const { reasonForRevocationString } = newest
  return since ? null : { atMs: madeMs(newest), reason: reasonForRevocationString ?? '' }
}
