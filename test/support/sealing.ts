import { deflateRawSync } from 'node:zlib'
import type { PrivateKey } from 'openpgp'
import * as openpgp from 'openpgp'
import type { Certificate } from '../../src/keys/certificate.ts'
import { keyOf } from '../../src/keys/certificate.ts'
import { settings } from '../../src/keys/openpgp.ts'
import { packet, tags } from '../../src/keys/packets.ts'
import type { Person } from '../../src/keys/person.ts'
import { importPerson, secretOf } from '../../src/keys/person.ts'

/** What a hostile or merely different implementation seals: by openpgp.js itself, past our own `seal`. */

export const nowMs = Date.UTC(2026, 5, 1, 12)
const date = new Date(nowMs)

export const personWith = async (
  options: Partial<openpgp.KeyOptions> = {},
  config: openpgp.PartialConfig = {}
): Promise<Person> => {
  const { privateKey } = await openpgp.generateKey({
    type: 'ecc',
    curve: 'curve25519Legacy',
    userIDs: [{ name: 'Somebody' }],
    date,
    ...options,
    format: 'binary',
    config
  } as openpgp.KeyOptions & { format: 'binary' })
  return await importPerson(privateKey)
}

/** As GnuPG makes them: nothing of RFC 9580 announced. */
export const oldPerson = (): Promise<Person> => personWith()

export async function signedBy(
  people: readonly Person[],
  content: Uint8Array | string
): Promise<Uint8Array> {
  const message =
    typeof content === 'string'
      ? await openpgp.createMessage({ text: content, date })
      : await openpgp.createMessage({ binary: content, date })
  const signingKeys: PrivateKey[] = people.map(secretOf)
  if (signingKeys.length === 0)
    return (
      await openpgp.createMessage({ binary: content as Uint8Array, date })
    ).write() as Uint8Array
  return (await openpgp.sign({
    message: message as openpgp.Message<Uint8Array>,
    signingKeys,
    format: 'binary',
    date
  })) as Uint8Array
}

/** ZIP, as in RFC 9580, 5.6. */
export const compressed = (inner: Uint8Array): Uint8Array =>
  packet(tags.compressed, Buffer.concat([Uint8Array.of(1), deflateRawSync(inner)]))

interface Shape {
  aead?: 'gcm' | 'ocb' | 'eax' | null
  chunkSizeByte?: number
  /** How often the session key's packet stands there. */
  copies?: number
  /** When, where the recipient's key is younger than this file's time. */
  atMs?: number
}

/** Encrypts any packets to one hidden recipient. */
export async function encryptedTo(
  to: Certificate,
  inner: Uint8Array,
  { aead = 'gcm', chunkSizeByte = 12, copies = 1, atMs = nowMs }: Shape = {}
): Promise<Uint8Array> {
  const data = new Uint8Array(32).fill(7)
  const session = { data, algorithm: 'aes256' as const, ...(aead && { aeadAlgorithm: aead }) }
  const key = await openpgp.encryptSessionKey({
    ...session,
    encryptionKeys: await keyOf(to),
    wildcard: true,
    format: 'binary',
    date: new Date(atMs)
  })
  const make = openpgp.SymEncryptedIntegrityProtectedDataPacket as unknown as {
    fromObject(o: object): openpgp.SymEncryptedIntegrityProtectedDataPacket & {
      packets: object
      encrypt(algorithm: number, key: Uint8Array, config: object): Promise<void>
    }
  }
  const body = make.fromObject({
    version: aead ? 2 : 1,
    aeadAlgorithm: aead && openpgp.enums.aead[aead]
  })
  body.packets = { write: () => inner }
  await body.encrypt(openpgp.enums.symmetric.aes256, data, {
    ...settings,
    aeadChunkSizeByte: chunkSizeByte
  })
  const written = body.write() as unknown as
    | Uint8Array
    | { readToEnd(j: (c: Uint8Array[]) => Buffer): Promise<Buffer> }
  const bytes =
    written instanceof Uint8Array ? written : await written.readToEnd(c => Buffer.concat(c))
  return Buffer.concat([
    ...Array.from({ length: copies }, () => key),
    packet(tags.encrypted, bytes)
  ])
}
