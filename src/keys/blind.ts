import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { concatBytes, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { encBytes, hpkeOverheadBytes, hpkeSuite, readHpkeSecret } from './hpke.ts'

// A request and its answer, sealed end to end through somebody between: RFC 9458, 4.3 and 4.4. Source: docs/protocol/blind.md

const requestInfo = utf8('muttr blind 1')
const answerLabel = utf8('muttr blind answer 1')
/** max(Nn, Nk) of AES-256-GCM. */
export const answerNonceBytes = 32
const keyBytes = 32
const ivBytes = 12
const tagBytes = 16

const answerOverheadBytes = answerNonceBytes + tagBytes

export interface SealedRequest {
  readonly sealed: Uint8Array
  /** @throws {MuttrError} `BLIND_INVALID` when it is not the answer to this request. */
  open(answer: Uint8Array): Uint8Array
}

/** @param publicKey of the pod, 32 bytes. @throws {MuttrError} `KEY_INVALID` */
export async function sealRequest(
  publicKey: Uint8Array,
  plaintext: Uint8Array
): Promise<SealedRequest> {
  try {
    const recipientPublicKey = await hpkeSuite.kem.deserializePublicKey(publicKey)
    const context = await hpkeSuite.createSenderContext({ recipientPublicKey, info: requestInfo })
    const enc = new Uint8Array(context.enc)
    const body = new Uint8Array(await context.seal(plaintext))
    const secret = new Uint8Array(await context.export(answerLabel, answerNonceBytes))
    return {
      sealed: concatBytes(enc, body),
      open: answer => openAnswer(secret, enc, answer)
    }
  } catch (cause) {
    throw new MuttrError('KEY_INVALID', 'not an HPKE public key', { cause })
  }
}

export interface OpenedRequest {
  readonly plaintext: Uint8Array
  /** The encapsulated key: another one for each request that was sealed. 32 bytes. */
  readonly enc: Uint8Array
  /** Seals the answer, which the one who sealed the request alone can open. @param nonce {@link answerNonceBytes} random bytes */
  answer(plaintext: Uint8Array, nonce: Uint8Array): Uint8Array
}

/** @throws {MuttrError} `BLIND_INVALID`, and nothing else. */
export async function openRequest(secret: Uint8Array, sealed: Uint8Array): Promise<OpenedRequest> {
  if (sealed.byteLength < hpkeOverheadBytes)
    throw new MuttrError('BLIND_INVALID', 'a sealed request that is too short')
  const enc = sealed.slice(0, encBytes)
  try {
    const recipientKey = await readHpkeSecret(secret)
    const context = await hpkeSuite.createRecipientContext({ recipientKey, enc, info: requestInfo })
    const plaintext = new Uint8Array(await context.open(sealed.subarray(encBytes)))
    const exported = new Uint8Array(await context.export(answerLabel, answerNonceBytes))
    return { plaintext, enc, answer: (given, nonce) => sealAnswer(exported, enc, given, nonce) }
  } catch (cause) {
    throw new MuttrError('BLIND_INVALID', 'not sealed to this pod, or damaged', { cause })
  }
}

function sealAnswer(
  secret: Uint8Array,
  enc: Uint8Array,
  plaintext: Uint8Array,
  nonce: Uint8Array
): Uint8Array {
  const { key, iv } = answerKey(secret, enc, nonce)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  const body = cipher.update(plaintext)
  return concatBytes(nonce, body, cipher.final(), cipher.getAuthTag())
}

function openAnswer(secret: Uint8Array, enc: Uint8Array, answer: Uint8Array): Uint8Array {
  if (answer.byteLength < answerOverheadBytes)
    throw new MuttrError('BLIND_INVALID', 'an answer that is too short')
  const { key, iv } = answerKey(secret, enc, answer.subarray(0, answerNonceBytes))
  const end = answer.byteLength - tagBytes
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv)
    decipher.setAuthTag(answer.subarray(end))
    const body = decipher.update(answer.subarray(answerNonceBytes, end))
    return concatBytes(body, decipher.final())
  } catch (cause) {
    throw new MuttrError('BLIND_INVALID', 'not the answer to this request, or damaged', { cause })
  }
}

function answerKey(secret: Uint8Array, enc: Uint8Array, nonce: Uint8Array) {
  const salt = concatBytes(enc, nonce)
  const derive = (info: string, length: number) =>
    new Uint8Array(hkdfSync('sha256', secret, salt, info, length))
  return { key: derive('key', keyBytes), iv: derive('nonce', ivBytes) }
}
