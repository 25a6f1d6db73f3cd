import type { SignaturePacket, User } from 'openpgp'
import * as openpgp from 'openpgp'
import { equalBytes, toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { namesAlias } from './alias-user-id.ts'
import type { Certificate } from './certificate.ts'
import { certificateOf, keyInvalid, keyOf } from './certificate.ts'
import { settings } from './openpgp.ts'

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

/**
 * A certificate with what its owner has signed anew: other times, subkeys, revocations. Nothing of others comes in, and no other User IDs.
 * @returns the same one when there is nothing new. @throws {MuttrError} `KEY_INVALID` for another key
 */
export async function withOwnNews(known: Certificate, shown: Certificate): Promise<Certificate> {
  if (known.pin !== shown.pin) throw new MuttrError('KEY_INVALID', 'another key')
  const copyOf = async (c: Certificate) => new openpgp.PublicKey((await keyOf(c)).toPacketList())
  const [before, news] = [await copyOf(known), await copyOf(shown)]
  const isKnown = (user: User) =>
    before.users.some(({ userID }) => userID?.userID === user.userID?.userID)
  news.users = news.users.filter(isKnown)
  for (const user of news.users) user.otherCertifications = []
  try {
    const merged = await certificateOf(await before.update(news, undefined, settings))
    return equalBytes(merged.bytes, known.bytes) ? known : merged
  } catch (cause) {
    throw keyInvalid(cause)
  }
}
