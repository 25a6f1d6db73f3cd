import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { concatBytes, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'

/** HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM: what notices are sealed to a pod with. */
export const hpkeSuite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm()
})
/** An encapsulated key. */
export const encBytes = 32
/** What sealing adds: the encapsulated key and the tag. */
export const hpkeOverheadBytes = encBytes + 16

/** Both 32 bytes, derived from `ikm` (at least 32 random bytes; RFC 9180, 7.1.3). */
export async function makeHpkeKey(
  ikm: Uint8Array
): Promise<{ publicKey: Uint8Array; secret: Uint8Array }> {
  if (ikm.byteLength < 32) throw new TypeError('HPKE keys need 32 random bytes')
  const pair = await hpkeSuite.kem.deriveKeyPair(ikm)
  return {
    publicKey: new Uint8Array(await hpkeSuite.kem.serializePublicKey(pair.publicKey)),
    secret: new Uint8Array(await hpkeSuite.kem.serializePrivateKey(pair.privateKey))
  }
}

/**
 * @param publicKey 32 bytes, of a stranger. @param info names what is sealed, as in `muttr notice 1`.
 * @returns the encapsulated key and the ciphertext: {@link hpkeOverheadBytes} longer than `plaintext`.
 * @throws {MuttrError} `KEY_INVALID` when the public key is none.
 */
export async function hpkeSeal(
  publicKey: Uint8Array,
  info: string,
  plaintext: Uint8Array
): Promise<Uint8Array> {
  try {
    const recipientPublicKey = await hpkeSuite.kem.deserializePublicKey(publicKey)
    const { ct, enc } = await hpkeSuite.seal({ recipientPublicKey, info: utf8(info) }, plaintext)
    return concatBytes(new Uint8Array(enc), new Uint8Array(ct))
  } catch (cause) {
    throw new MuttrError('KEY_INVALID', 'not an HPKE public key', { cause })
  }
}

const secrets = new WeakMap<Uint8Array, Promise<CryptoKey>>()

/** Read once as long as these very bytes are held. */
export function readHpkeSecret(secret: Uint8Array): Promise<CryptoKey> {
  const known = secrets.get(secret)
  if (known) return known
  const read = hpkeSuite.kem.deserializePrivateKey(secret)
  secrets.set(secret, read)
  return read
}

/** @throws {MuttrError} `NOTICE_INVALID`, and nothing else. */
export async function hpkeOpen(
  secret: Uint8Array,
  info: string,
  sealed: Uint8Array
): Promise<Uint8Array> {
  if (sealed.byteLength < hpkeOverheadBytes) throw new MuttrError('NOTICE_INVALID', 'too short')
  try {
    const enc = sealed.slice(0, encBytes)
    const opened = await hpkeSuite.open(
      { recipientKey: await readHpkeSecret(secret), enc, info: utf8(info) },
      sealed.subarray(encBytes)
    )
    return new Uint8Array(opened)
  } catch (cause) {
    throw new MuttrError('NOTICE_INVALID', 'not sealed to this key, or damaged', { cause })
  }
}
