import type { KeyObject } from 'node:crypto'
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import { noise } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import type { ConnectionEncrypter, MessageStream } from '@libp2p/interface'
import { FrameReader } from '../../wire/channel.ts'
import { quiet } from './quiet.ts'

type Bytes = Parameters<MessageStream['send']>[0]

/** Of a noise stream, what this file reaches for. */
interface Encrypted extends MessageStream {
  decoder: { decode(data: Bytes): Iterable<Uint8Array>; buffer?: Bytes }
}

/** Below this libp2p's own choice is as quick: WebAssembly, without an object of OpenSSL's. */
const nativeBytesMin = 1_200
const tagBytes = 16
const frameBytesMax = 0xffff
const algorithm = 'chacha20-poly1305'
const options = { authTagLength: tagBytes }

/** Given the bytes of a key, Node finds out at every call that they are no key object, which takes longer than to encrypt. */
const keys = new WeakMap<Uint8Array, KeyObject>()
function keyOf(bytes: Uint8Array): KeyObject {
  const known = keys.get(bytes)
  if (known) return known
  const made = createSecretKey(bytes)
  keys.set(bytes, made)
  return made
}

const crypto: typeof defaultCrypto = {
  ...defaultCrypto,
  chaCha20Poly1305Encrypt(plaintext, nonce, ad, k) {
    const plaintextLength = plaintext.byteLength
    if (plaintextLength < nativeBytesMin)
      return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, k)
    const cipher = createCipheriv(algorithm, keyOf(k), nonce, options)
    if (ad.byteLength > 0) cipher.setAAD(ad, { plaintextLength })
    const sealed = cipher.update(plaintext.subarray())
    cipher.final() // a stream cipher keeps nothing back
    return Buffer.concat([sealed, cipher.getAuthTag()], plaintextLength + tagBytes)
  },
  chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k, dst) {
    const plaintextLength = ciphertext.byteLength - tagBytes
    if (ciphertext.byteLength < nativeBytesMin)
      return defaultCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, ad, k, dst)
    const decipher = createDecipheriv(algorithm, keyOf(k), nonce, options)
    if (ad.byteLength > 0) decipher.setAAD(ad, { plaintextLength })
    decipher.setAuthTag(ciphertext.subarray(plaintextLength))
    const plaintext = decipher.update(ciphertext.subarray(0, plaintextLength))
    decipher.final() // throws when the tag does not fit
    return plaintext
  }
}

/** libp2p's noise, quicker; on the wire the same. docs/decisions/021-cost-of-a-put.md */
export const quickNoise =
  () =>
  (components: Parameters<ReturnType<typeof noise>>[0]): ConnectionEncrypter => {
    const encrypter = noise({ crypto })(components)
    const secureInbound = encrypter.secureInbound.bind(encrypter)
    const secureOutbound = encrypter.secureOutbound.bind(encrypter)
    encrypter.secureInbound = async (...of) => quicken(await secureInbound(...of))
    encrypter.secureOutbound = async (...of) => quicken(await secureOutbound(...of))
    return encrypter
  }

/** libp2p's decoder ends every piece of input by an exception, whose stack trace costs more than all else it does. */
function quicken<T extends { connection: MessageStream }>(secured: T): T {
  const stream = secured.connection as Encrypted
  if (typeof stream.decoder?.decode !== 'function' || stream.decoder.buffer === undefined)
    throw new TypeError('libp2p has changed: this is no stream of noise')
  quiet(stream)
  const reader = new FrameReader(frameBytesMax)
  const decode = (data: Bytes): Uint8Array[] => {
    const frames: Uint8Array[] = []
    const take = (frame: Uint8Array) => void frames.push(frame)
    if (data instanceof Uint8Array) reader.push(data, take)
    else for (const piece of data) reader.push(piece, take)
    return frames
  }
  decode(stream.decoder.buffer) // the beginning of a frame that came close behind the handshake
  stream.decoder = { decode }
  return secured
}
