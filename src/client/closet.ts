import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto'
import { concatBytes, utf8 } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Millis, Random } from '../base/ports.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Person } from '../keys/person.ts'
import { beforeRevocation } from '../keys/revoke.ts'
import type { Opened } from '../keys/seal.ts'
import type { Change, State } from '../store/state.ts'

/** Letters at rest: AES-256-GCM under one random key, which is itself sealed to the person. A locked vault locks them too. */
export interface Closet {
  /** @param name of the row: what is sealed for one row opens in no other. */
  seal(name: string, plaintext: Uint8Array): Uint8Array
  /** @throws {MuttrError} `HOME_DAMAGED` */
  open(name: string, sealed: Uint8Array): Uint8Array
  /** A name for a row's key that tells nothing of what it stands for: 32 hex digits, the same for the same text. */
  tag(text: string): string
}

const nonceBytes = 12
const tagBytes = 16
const table = 'self'
const row = 'closet'
/** The second is for RSA keys, whose numbers alone would fill the first. */
const sealedKeySizes = [1_024, 4_096]

/** Makes the key at the first unlock. @throws {MuttrError} `HOME_DAMAGED` when it was made for another person. */
export async function openCloset(parts: {
  state: State
  person: Person
  random: Random
  crypto: Crypto
  nowMs: Millis
}): Promise<Closet> {
  return closetOf(await closetKey(parts), parts.random)
}

/** The closet's key sealed anew, to a person with other subkeys. @throws {MuttrError} `HOME_DAMAGED` when `to` could not open it */
export async function resealedCloset(
  parts: Parameters<typeof openCloset>[0] & { to: Person }
): Promise<Change> {
  const { to, crypto, nowMs } = parts
  const value = await sealedKey(await closetKey(parts), { ...parts, person: to })
  await openedKey(value, { crypto, nowMs, person: to })
  return { type: 'put', table, key: row, value }
}

type Sealing = Pick<Parameters<typeof openCloset>[0], 'person' | 'crypto' | 'nowMs'>

const sealedKey = (key: Uint8Array, { person, crypto, nowMs }: Sealing): Promise<Uint8Array> =>
  crypto.seal(key, { from: person, to: person.certificate, sizes: sealedKeySizes, nowMs })

async function openedKey(
  sealed: Uint8Array,
  { person, crypto, nowMs }: Sealing
): Promise<Uint8Array> {
  try {
    const opened = await crypto.open(sealed, { reader: person, nowMs })
    await signedByUs(opened, person)
    return opened.plaintext
  } catch (cause) {
    throw new MuttrError('HOME_DAMAGED', 'the key to the letters cannot be opened', { cause })
  }
}

/** By the key of now, or one that it succeeded. Whenever a clock was wrong, then or now: it is our own key. */
async function signedByUs(opened: Opened, { certificate, former }: Person): Promise<void> {
  let failure: unknown
  for (const own of [certificate, ...former.map(one => one.certificate)])
    try {
      return await opened.verify(await beforeRevocation(own))
    } catch (err) {
      if (codeOf(err) === 'CLOCK_WRONG') return
      failure ??= err
    }
  throw failure
}

async function closetKey(parts: Parameters<typeof openCloset>[0]): Promise<Uint8Array> {
  const { state, random } = parts
  const sealed = await state.get(table, row)
  if (sealed) return openedKey(sealed, parts)
  const key = random.bytes(32)
  await state.write([{ type: 'put', table, key: row, value: await sealedKey(key, parts) }])
  return key
}

const tagKey = (key: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), 'muttr closet tags 1', 32))

/** @param key 32 bytes. */
export const closetOf = (key: Uint8Array, random: Random, tags = tagKey(key)): Closet => ({
  tag: text => createHmac('sha256', tags).update(text).digest('hex').slice(0, 32),
  seal(name, plaintext) {
    const nonce = random.bytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(utf8(name))
    return concatBytes(nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag())
  },
  open(name, sealed) {
    try {
      const nonce = sealed.subarray(0, nonceBytes)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(utf8(name)).setAuthTag(sealed.subarray(-tagBytes))
      const body = decipher.update(sealed.subarray(nonceBytes, -tagBytes))
      return concatBytes(body, decipher.final())
    } catch (cause) {
      throw new MuttrError('HOME_DAMAGED', 'a letter on the disk cannot be opened', { cause })
    }
  }
})
