import type { AnyPacket, Config, PrivateKey, PublicKey, SignaturePacket } from 'openpgp'
import * as openpgp from 'openpgp'
import { limits } from '../base/limits.ts'

/** Everything of openpgp.js that this room uses and that its types leave out, in one place. */

/** Passed to every call, so that nothing depends on the library's global settings. */
export const settings: Config = {
  ...openpgp.config,
  // What our own keys announce: SEIPDv2 with AES-256-GCM.
  aeadProtect: true,
  preferredAEADAlgorithm: openpgp.enums.aead.gcm,
  preferredSymmetricAlgorithm: openpgp.enums.symmetric.aes256,
  maxDecompressedMessageSize: limits.decompressedBytesMax,
  maxUserIDLength: 1024,
  // 2^18 KiB: a secret key from a file may not ask for more than 256 MiB to unlock.
  maxArgon2MemoryExponent: 18,
  // An imported RSA key must not become an oracle: letters are answered without a person looking at them.
  constantTimePKCS1Decryption: true,
  rejectHashAlgorithms: new Set([...openpgp.config.rejectHashAlgorithms, openpgp.enums.hash.sha1])
}

/** `null` switches checks of time off: openpgp.js takes it, its types do not say so. */
export const anyTime = null as unknown as Date

/** What our signature packets carry beside type, algorithms, issuer and creation time. */
export type SignatureFields = Partial<
  Pick<
    SignaturePacket,
    | 'signatureExpirationTime'
    | 'signatureNeverExpires'
    | 'rawNotations'
    | 'reasonForRevocationFlag'
    | 'reasonForRevocationString'
    | 'keyFlags'
    | 'keyExpirationTime'
    | 'keyNeverExpires'
    | 'preferredSymmetricAlgorithms'
    | 'preferredHashAlgorithms'
    | 'preferredCompressionAlgorithms'
    | 'features'
  > & { preferredCipherSuites: number[][] | null }
>

/**
 * Signs with exactly this key packet. The library's own `certify` picks a signing subkey where there is one,
 * and GnuPG refuses a certification that is not by the primary key.
 */
export async function makeSignature(
  key: PrivateKey,
  type: openpgp.enums.signature,
  data: object,
  date: Date,
  fields: SignatureFields = {}
): Promise<SignaturePacket> {
  const signature = Object.assign(new openpgp.SignaturePacket(), fields, {
    signatureType: type,
    publicKeyAlgorithm: key.keyPacket.algorithm,
    hashAlgorithm: openpgp.enums.hash.sha512
  })
  const sign = signature.sign as unknown as (
    key: unknown,
    data: object,
    date: Date,
    detached: boolean,
    config: Config
  ) => Promise<void>
  await sign.call(signature, key.keyPacket, data, date, false, settings)
  return signature
}

const { sha256, sha384, sha512 } = openpgp.enums.hash
const hashesTaken: ReadonlySet<number> = new Set([sha256, sha384, sha512])

/**
 * Over other hashes (SHA-224, SHA-3) openpgp.js verifies RSA in plain JavaScript, and looks at what it may not use only afterwards:
 * 25 ms and more for one signature, with a long exponent seconds.
 */
export const isHashTaken = ({ hashAlgorithm, embeddedSignature }: SignaturePacket): boolean =>
  hashesTaken.has(hashAlgorithm ?? 0) && (!embeddedSignature || isHashTaken(embeddedSignature))

/** @returns whether `signature` is `key`'s over `data`; checks of time are left out unless `date` is given. */
export async function isSignedBy(
  key: { readonly keyPacket: PublicKey['keyPacket'] | PrivateKey['keyPacket'] },
  signature: SignaturePacket,
  type: openpgp.enums.signature,
  data: object,
  date: Date = anyTime
): Promise<boolean> {
  if (!isHashTaken(signature)) return false
  try {
    await signature.verify(key.keyPacket, type, data, date, false, settings)
    return true
  } catch {
    return false
  }
}

/** The library's private kind of stream, over an array. */
interface ArrayStream<T> {
  readToEnd<R>(join: (chunks: T[]) => R): Promise<R>
}

/** The library hands bytes about as bytes or as its stream. */
export async function collected(data: unknown): Promise<Uint8Array> {
  if (data instanceof Uint8Array) return data
  const stream = data as ArrayStream<Uint8Array>
  return await stream.readToEnd(chunks => new Uint8Array(Buffer.concat(chunks)))
}

/** All packets of a list: the library stops reading at the data packet and keeps the rest waiting in a stream. */
export async function allPackets(list: readonly AnyPacket[]): Promise<AnyPacket[]> {
  const { stream } = list as unknown as { stream: ArrayStream<AnyPacket> | null }
  return stream ? [...list, ...(await stream.readToEnd(rest => [...rest]))] : [...list]
}

type AllowedPackets = Parameters<typeof openpgp.PacketList.fromBinary>[1]
/** An object by tag: the library's types say a map, and its code reads no map. */
const keyPackets = Object.fromEntries(
  [openpgp.PublicKeyPacket, openpgp.PublicSubkeyPacket, openpgp.SignaturePacket].map(type => [
    type.tag,
    type
  ])
) as unknown as AllowedPackets

/** Parses packets of public keys and signatures; bounded and walked before. Those of unknown versions come as something else. */
export const readKeyPackets = (bytes: Uint8Array): Promise<openpgp.PacketList<AnyPacket>> =>
  openpgp.PacketList.fromBinary(bytes, keyPackets, settings)

interface EncryptedPacket {
  packets: { write(): Uint8Array }
  encrypt(algorithm: openpgp.enums.symmetric, key: Uint8Array, config: Config): Promise<void>
  write(): unknown
}

/** The body of a Symmetrically Encrypted and Integrity Protected Data packet (RFC 9580, 5.13) around `inner`. */
export async function encryptedBody(
  inner: Uint8Array,
  { data, algorithm, aeadAlgorithm }: openpgp.SessionKey
): Promise<Uint8Array> {
  const { enums, SymEncryptedIntegrityProtectedDataPacket } = openpgp
  const make = SymEncryptedIntegrityProtectedDataPacket as unknown as {
    fromObject(o: { version: 1 | 2; aeadAlgorithm: number | null }): EncryptedPacket
  }
  const packet = make.fromObject({
    version: aeadAlgorithm ? 2 : 1,
    aeadAlgorithm: aeadAlgorithm ? enums.aead[aeadAlgorithm] : null
  })
  packet.packets = { write: () => inner }
  await packet.encrypt(enums.symmetric[algorithm], data, settings)
  return await collected(packet.write())
}

const { PaddingPacket } = openpgp as unknown as {
  PaddingPacket: new () => { createPadding(length: number): Promise<void>; padding: Uint8Array }
}

/** WebCrypto gives no more at once. */
const diceBytesMax = 65_536

/** Random bytes from the library's own source, which also makes the keys. */
export async function dice(length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += diceBytesMax) {
    const packet = new PaddingPacket()
    await packet.createPadding(Math.min(diceBytesMax, length - at))
    bytes.set(packet.padding, at)
  }
  return bytes
}
