import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { PrivateKey } from 'openpgp'
import * as openpgp from 'openpgp'
import { concatBytes, equalBytes, sha256, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import {
  bytes,
  decodeCbor,
  encodeCbor,
  literal,
  mapped,
  nullable,
  tuple,
  uint
} from '../wire/cbor.ts'
import type { Stretching } from './argon.ts'
import { stretch } from './argon.ts'
import { dice, settings } from './openpgp.ts'
import type { Person } from './person.ts'
import { personOf, secretOf } from './person.ts'

/** How a passphrase becomes a key. */
interface Lock extends Stretching {
  readonly nonce: Uint8Array
}

/** RFC 9106's second recommendation: 64 MiB, three passes, four lanes. */
const lockParameters = { memoryKiB: 65_536, passes: 3, lanes: 4 } as const
const saltBytes = 16
const nonceBytes = 12
const tagBytes = 16
const label = utf8('muttr vault 1')

/** Bounded before use: a vault from elsewhere may ask for 1 GiB and ten passes, no more, and not for less than 8 MiB. */
const lock = mapped(
  tuple(
    literal(1),
    uint(1_048_576, 8_192),
    uint(10, 1),
    uint(16, 1),
    bytes(saltBytes),
    bytes(nonceBytes)
  ),
  ([, memoryKiB, passes, lanes, salt, nonce]): Lock => ({ memoryKiB, passes, lanes, salt, nonce })
)
const encodeLock = (l: Lock | null): unknown =>
  l && [1, l.memoryKiB, l.passes, l.lanes, l.salt, l.nonce]

const vault = mapped(
  tuple(literal(1), nullable(lock), bytes(1, limits.vaultBytesMax), bytes(32)),
  ([, lock, body, checksum]) => ({ lock, body, checksum })
)

/**
 * The secret key, and those that came before it, as they lie on disk: canonical CBOR, locked with Argon2id and AES-256-GCM. With a null passphrase it is stored as it is;
 * either way the file's mode, 0600, is for the caller. Source: docs/protocol/keys.md
 */
export async function sealVault(person: Person, passphrase: string | null): Promise<Uint8Array> {
  const secret = concatBytes(...[person, ...person.former].map(one => secretOf(one).write()))
  if (secret.byteLength > limits.vaultBytesMax - tagBytes)
    throw new MuttrError('KEY_INVALID', 'the keys are too large for a vault')
  if (passphrase === null) return encodeVault(null, secret)
  const random = await dice(saltBytes + nonceBytes)
  const salt = random.slice(0, saltBytes)
  const locked: Lock = { ...lockParameters, salt, nonce: random.slice(saltBytes) }
  const cipher = createCipheriv('aes-256-gcm', await stretch(passphrase, locked), locked.nonce)
  cipher.setAAD(associated(locked))
  const body = [cipher.update(secret), cipher.final()]
  return encodeVault(locked, concatBytes(...body, cipher.getAuthTag()))
}

/** The checksum tells a damaged file from a wrong passphrase; it keeps nobody from anything. */
const encodeVault = (lock: Lock | null, body: Uint8Array): Uint8Array =>
  encodeCbor([1, encodeLock(lock), body, checksumOf(lock, body)])

const checksumOf = (lock: Lock | null, body: Uint8Array): Uint8Array =>
  sha256(associated(lock), body)

const associated = (lock: Lock | null): Uint8Array =>
  concatBytes(label, encodeCbor(encodeLock(lock)))

/** @throws {MuttrError} `VAULT_DAMAGED`, and nothing else. */
function decodeVault(file: Uint8Array) {
  try {
    const decoded = decodeCbor(file, 'a vault', vault, limits.vaultBytesMax)
    if (!equalBytes(decoded.checksum, checksumOf(decoded.lock, decoded.body)))
      throw new Error('the checksum')
    return decoded
  } catch (cause) {
    throw damaged(cause)
  }
}

const damaged = (cause: unknown): MuttrError =>
  new MuttrError('VAULT_DAMAGED', 'the vault file is damaged, or not a vault', { cause })

/** @throws {MuttrError} `VAULT_DAMAGED` */
export const vaultNeedsPassphrase = (file: Uint8Array): boolean => decodeVault(file).lock !== null

/**
 * A passphrase given for a vault that has none is not looked at.
 * @throws {MuttrError} `PASSPHRASE_MISSING`, `PASSPHRASE_WRONG`, `VAULT_DAMAGED`, and nothing else.
 */
export async function openVault(file: Uint8Array, passphrase: string | null): Promise<Person> {
  const { lock, body } = decodeVault(file)
  const secret = lock === null ? body : await unlocked(body, lock, passphrase)
  try {
    const [own, ...former] = await openpgp.readPrivateKeys({
      binaryKeys: secret,
      config: settings
    })
    return await personOf(own as PrivateKey, await Promise.all(former.map(key => personOf(key))))
  } catch (cause) {
    throw damaged(cause)
  }
}

async function unlocked(
  body: Uint8Array,
  lock: Lock,
  passphrase: string | null
): Promise<Uint8Array> {
  if (passphrase === null)
    throw new MuttrError('PASSPHRASE_MISSING', 'the vault is locked with a passphrase')
  if (body.byteLength <= tagBytes) throw damaged(new Error('too short'))
  const decipher = createDecipheriv('aes-256-gcm', await stretch(passphrase, lock), lock.nonce)
  decipher.setAAD(associated(lock))
  decipher.setAuthTag(body.subarray(-tagBytes))
  try {
    return concatBytes(decipher.update(body.subarray(0, -tagBytes)), decipher.final())
  } catch (cause) {
    throw new MuttrError('PASSPHRASE_WRONG', 'the passphrase does not open the vault', { cause })
  }
}
