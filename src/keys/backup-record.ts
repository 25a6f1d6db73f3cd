import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { concatBytes, utf8 } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Random } from '../base/ports.ts'
import { makeDevice } from './device.ts'

/** What the twelve words give for the record that says where the backup lies. Source: docs/protocol/backup.md#the-record */
export interface BackupKeys {
  /** Ed25519, 32 bytes: the record's author, which nothing else is signed with. */
  readonly author: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
  /** @param plain of at most {@link plainBytesMax}. @returns the record's body, of one size whatever is in it */
  seal(plain: Uint8Array, random: Random): Uint8Array
  /** @throws {MuttrError} `BACKUP_INVALID`, and nothing else */
  open(body: Uint8Array): Uint8Array
}

const info = utf8('muttr backup record 1\n')
const paddedBytes = 512
const lengthBytes = 2
const plainBytesMax = paddedBytes - lengthBytes
const nonceBytes = 12
const tagBytes = 16
export const backupBodyBytes = nonceBytes + paddedBytes + tagBytes

/** @param secret 16 bytes, of the words. */
export function backupKeys(secret: Uint8Array): BackupKeys {
  if (secret.byteLength !== 16) throw new TypeError('the secret of the words is 16 bytes')
  const bytes = new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), info, 64))
  const [seed, key] = [bytes.subarray(0, 32), bytes.subarray(32)]
  const signer = makeDevice(seed)
  return {
    author: signer.publicKey,
    sign: signed => signer.sign(signed),
    seal(plain, random) {
      if (plain.byteLength > plainBytesMax)
        throw new TypeError(`${plain.byteLength} bytes for a record of a backup`)
      const padded = new Uint8Array(paddedBytes)
      new DataView(padded.buffer).setUint16(0, plain.byteLength)
      padded.set(plain, lengthBytes)
      const nonce = random.bytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      return concatBytes(nonce, cipher.update(padded), cipher.final(), cipher.getAuthTag())
    },
    open(body) {
      if (body.byteLength !== backupBodyBytes) throw invalid()
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, nonceBytes))
        decipher.setAuthTag(body.subarray(-tagBytes))
        const sealed = body.subarray(nonceBytes, -tagBytes)
        return unpadded(concatBytes(decipher.update(sealed), decipher.final()))
      } catch (cause) {
        throw invalid(cause)
      }
    }
  }
}

function unpadded(padded: Uint8Array): Uint8Array {
  const length = new DataView(padded.buffer, padded.byteOffset).getUint16(0)
  if (length > plainBytesMax) throw new TypeError('a length above its bound')
  if (padded.subarray(lengthBytes + length).some(byte => byte !== 0))
    throw new TypeError('bytes behind what it says')
  return padded.subarray(lengthBytes, lengthBytes + length)
}

const invalid = (cause?: unknown): MuttrError =>
  new MuttrError('BACKUP_INVALID', 'the record of the backup is damaged or cut', { cause })
