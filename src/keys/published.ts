import type { SignaturePacket } from 'openpgp'
import * as openpgp from 'openpgp'
import { toHex } from '../base/bytes.ts'
import { namesAlias } from './alias-user-id.ts'
import type { Certificate } from './certificate.ts'
import { keyOf } from './certificate.ts'

/** A certificate that was certified for an alias. */
export interface Certified {
  readonly certificate: Certificate
  readonly alias: string
}

/**
 * One key as a directory shows it to everybody: User IDs of the aliases alone, signed by the key itself and by the directory's, and by
 * nobody else, however many signed it. Source: docs/protocol/directory.md
 * @param certified of one key; of its subkeys those of the first.
 */
export async function publishedKey(
  certified: readonly [Certified, ...Certified[]],
  by: Certificate
): Promise<Uint8Array> {
  const [{ certificate }] = certified
  const key = new openpgp.PublicKey((await keyOf(certificate)).toPacketList())
  const isOurs = ({ issuerFingerprint }: SignaturePacket) =>
    issuerFingerprint !== null &&
    [by, certificate].some(c => c.fingerprint === toHex(issuerFingerprint))
  key.users = []
  for (const one of certified) {
    const { users } = new openpgp.PublicKey((await keyOf(one.certificate)).toPacketList())
    for (const user of users.filter(({ userID }) => namesAlias(userID?.userID ?? '', one.alias))) {
      user.otherCertifications = user.otherCertifications.filter(isOurs)
      user.revocationSignatures = user.revocationSignatures.filter(isOurs)
      key.users.push(user)
    }
  }
  return key.write()
}

/** What a key server's index says of a key (draft-gallagher-openpgp-hkp). */
export interface KeyFacts {
  /** RFC 9580, 9.1. */
  readonly algorithm: number
  readonly bits: number | null
}

export async function factsOfKey(certificate: Certificate): Promise<KeyFacts> {
  const { keyPacket } = await keyOf(certificate)
  const { bits } = keyPacket.getAlgorithmInfo() as { bits?: number }
  return { algorithm: keyPacket.algorithm, bits: bits ?? null }
}
