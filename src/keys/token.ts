import {
  constants,
  createPrivateKey,
  createPublicKey,
  KeyObject,
  privateDecrypt,
  publicEncrypt,
  verify
} from 'node:crypto'
import { RSABSSA } from '@cloudflare/blindrsa-ts'
import { concatBytes, equalBytes } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { tokenKeyBytes } from '../wire/token.ts'

// Blind RSA signatures as tokens of RFC 9578, type 2 (RSABSSA-SHA384-PSS-Deterministic of RFC 9474). Source: docs/protocol/token.md

const suite = RSABSSA.SHA384.PSS.Deterministic()
/** Of the SubjectPublicKeyInfo: RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes; then an RSAPublicKey of 2,048 bits. */
const spkiHead = new Uint8Array(
  Buffer.from(
    '30820152303d06092a864886f70d01010a3030a00d300b0609608648016503040202a11a301806092a864886f70d010108300b0609608648016503040202a2030201300382010f00',
    'hex'
  )
)
const { RSA_NO_PADDING: padding } = constants
const invalid = (cause?: unknown): MuttrError =>
  new MuttrError('TOKEN_INVALID', 'not a key for tokens', cause === undefined ? {} : { cause })

export interface TokenPair {
  /** {@link tokenKeyBytes} bytes: what others are shown. */
  readonly key: Uint8Array
  /** PKCS #8. */
  readonly secret: Uint8Array
}

export async function makeTokenKey(): Promise<TokenPair> {
  const publicExponent = new Uint8Array([1, 0, 1])
  const pair = await RSABSSA.SHA384.generateKey({ modulusLength: 2_048, publicExponent })
  const [shown, hidden] = [KeyObject.from(pair.publicKey), KeyObject.from(pair.privateKey)]
  const body = new Uint8Array(shown.export({ format: 'der', type: 'pkcs1' }))
  const secret = new Uint8Array(hidden.export({ format: 'der', type: 'pkcs8' }))
  return { key: concatBytes(spkiHead, body), secret }
}

/** @throws {MuttrError} `TOKEN_INVALID` */
function readKey(key: Uint8Array) {
  const head = key.subarray(0, spkiHead.byteLength)
  if (key.byteLength !== tokenKeyBytes || !equalBytes(head, spkiHead)) throw invalid()
  try {
    const body = Buffer.from(key.subarray(spkiHead.byteLength))
    const read = createPublicKey({ key: body, format: 'der', type: 'pkcs1' })
    const { modulusLength, publicExponent } = read.asymmetricKeyDetails ?? {}
    if (modulusLength !== 2_048 || publicExponent !== 65_537n) throw invalid()
    return read
  } catch (cause) {
    throw cause instanceof MuttrError ? cause : invalid(cause)
  }
}

/** @throws {MuttrError} `TOKEN_INVALID` unless it is a key of the one kind that is used. */
export const checkTokenKey = (key: Uint8Array): void => void readKey(key)

/**
 * Signs what it cannot see. @param blinded as many bytes as the modulus has.
 * @throws {MuttrError} `TOKEN_INVALID` for a number beyond it
 */
export function signBlinded(secret: Uint8Array, blinded: Uint8Array): Uint8Array {
  const key = createPrivateKey({ key: Buffer.from(secret), format: 'der', type: 'pkcs8' })
  try {
    const signature = privateDecrypt({ key, padding }, blinded)
    // A fault in the arithmetic would give the key away.
    if (!equalBytes(publicEncrypt({ key: createPublicKey(key), padding }, signature), blinded))
      throw new Error('the signature is false')
    return new Uint8Array(signature)
  } catch (cause) {
    throw new MuttrError('TOKEN_INVALID', 'nothing that can be signed', { cause })
  }
}

/** @returns whether the key signed a token's input. @throws {MuttrError} `TOKEN_INVALID` for no key */
export function verifyToken(key: Uint8Array, input: Uint8Array, signature: Uint8Array): boolean {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }
  return verify('sha384', input, { key: readKey(key), ...pss }, signature)
}

export interface Blinded {
  readonly blinded: Uint8Array
  /** @throws {MuttrError} `TOKEN_INVALID` when the key did not sign it */
  finish(signed: Uint8Array): Promise<Uint8Array>
}

/** Hides a token's input from who is to sign it. @throws {MuttrError} `TOKEN_INVALID` for no key */
export async function blind(key: Uint8Array, input: Uint8Array): Promise<Blinded> {
  const spki = readKey(key).export({ format: 'der', type: 'spki' })
  const algorithm = { name: 'RSA-PSS', hash: 'SHA-384' }
  const publicKey = await crypto.subtle.importKey('spki', spki, algorithm, true, ['verify'])
  const { blindedMsg, inv } = await suite.blind(publicKey, input)
  return {
    blinded: blindedMsg,
    async finish(signed) {
      try {
        return await suite.finalize(publicKey, input, signed, inv)
      } catch (cause) {
        throw new MuttrError('TOKEN_INVALID', 'the pod did not sign the token', { cause })
      }
    }
  }
}
