import * as openpgp from 'openpgp'
import type { Millis } from '../base/ports.ts'
import { isEncryption, keyInvalid } from './certificate.ts'
import { refuseFuture } from './future.ts'
import { settings } from './openpgp.ts'
import type { Person } from './person.ts'
import { personOf, secretOf, signingDate, withFormer } from './person.ts'

/**
 * Encryption subkeys that come and go under one primary key. Who seals takes the newest one; who reads tries all that are left. What was
 * sealed to a dropped one opens nowhere any more. Source: docs/protocol/keys.md#encryption-subkeys
 */
export interface SubkeyTools {
  readonly addSubkey: typeof addSubkey
  readonly dropSubkeys: typeof dropSubkeys
  readonly adoptSubkeys: typeof adoptSubkeys
}

/**
 * Adds an encryption subkey, dated now: Curve25519 in the primary key's own encoding, also under RSA, where making one takes seconds.
 * @throws {MuttrError} `CLOCK_WRONG` by a clock that is behind the key's newest part; `KEY_INVALID` when the certificate has no room
 */
export async function addSubkey(person: Person, nowMs: Millis): Promise<Person> {
  const key = secretOf(person)
  const newestMs = person.certificate.subkeys[0]?.createdMs ?? 0
  refuseFuture('your newest encryption subkey', newestMs, nowMs)
  // One second is what OpenPGP can tell apart; two of the same age would leave open which is the newest.
  const atMs = Math.max(nowMs, newestMs + 1000)
  const isVersion6 = key.keyPacket.version === 6
  const made = {
    type: isVersion6 ? 'curve25519' : 'ecc',
    ...(isVersion6 ? {} : { curve: 'curve25519Legacy' }),
    date: signingDate(person, atMs),
    config: settings
  } as Parameters<typeof key.addSubkey>[0]
  try {
    return await personOf(await key.addSubkey(made), person.former)
  } catch (cause) {
    throw keyInvalid(cause)
  }
}

/**
 * Drops encryption subkeys, secret and public half. The primary key and subkeys that sign stay, whatever is asked.
 * @param fingerprints lower-case hex. @throws {MuttrError} `KEY_INVALID` when none would be left to seal to
 */
export async function dropSubkeys(
  person: Person,
  fingerprints: ReadonlySet<string>
): Promise<Person> {
  const key = new openpgp.PrivateKey(secretOf(person).toPacketList())
  key.subkeys = key.subkeys.filter(
    subkey => !isEncryption(subkey) || !fingerprints.has(subkey.getFingerprint())
  )
  return personOf(key, person.former)
}

/**
 * Takes over what another copy of the same key, or of one that came before, has in encryption subkeys, with their secrets.
 * @throws {MuttrError} `KEY_INVALID` when it is another key
 */
async function adoptSubkeys(person: Person, other: Person): Promise<Person> {
  const isSame = (one: Person) => one.certificate.pin === other.certificate.pin
  const [before] = person.former.filter(isSame)
  if (before) {
    const adopted = await adoptSubkeys(before, other)
    if (adopted === before) return person
    return withFormer(
      person,
      person.former.map(one => (one === before ? adopted : one))
    )
  }
  if (!isSame(person)) throw keyInvalid(new Error('subkeys of another key'))
  const key = new openpgp.PrivateKey(secretOf(person).toPacketList())
  const there = new Set(key.subkeys.map(subkey => subkey.getFingerprint()))
  const lacking = secretOf(other).subkeys.filter(
    subkey => isEncryption(subkey) && !there.has(subkey.getFingerprint())
  )
  if (lacking.length === 0) return person
  key.subkeys.push(...lacking)
  return personOf(new openpgp.PrivateKey(key.toPacketList()), person.former)
}

export const subkeyTools: SubkeyTools = { addSubkey, dropSubkeys, adoptSubkeys }
