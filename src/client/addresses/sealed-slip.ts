import { createCipheriv, createDecipheriv } from 'node:crypto'
import { concatBytes, equalBytes, utf8 } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Random } from '../../base/ports.ts'
import type { Slip } from '../../wire/notice.ts'
import { decodeSlip, encodeSlip } from '../../wire/notice.ts'

// Slips on relationship addresses: AES-256-GCM under a key that the two share. Source: docs/protocol/address.md#slips

interface Bound {
  /** That the reader made. 32 bytes. */
  readonly address: Uint8Array
  /** 32 bytes. */
  readonly secret: Uint8Array
}

const nonceBytes = 12
const tagBytes = 16
const lengthBytes = 2
const plainBytes = limits.slipBytes - nonceBytes - tagBytes

const about = (address: Uint8Array, key: Uint8Array): Uint8Array =>
  concatBytes(utf8('muttr relationship slip 1\0'), address, key)

/** @returns exactly {@link limits.slipBytes} bytes. */
export function sealRelationSlip(slip: Slip, { address, secret }: Bound, random: Random) {
  const frame = encodeSlip(slip)
  const plain = new Uint8Array(plainBytes)
  new DataView(plain.buffer).setUint16(0, frame.byteLength)
  plain.set(frame, lengthBytes)
  const nonce = random.bytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(about(address, slip.key))
  return concatBytes(nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag())
}

/**
 * Opens what came for an address of ours. Whoever made it knows the secret: our correspondent, or we ourselves.
 * @throws {MuttrError} `SEAL_REFUSED`, `NOTICE_INVALID`
 */
export function openRelationSlip(
  { slip, key }: { slip: Uint8Array; key: Uint8Array },
  { address, secret }: Bound
): Slip {
  const plain = unsealed(slip, secret, about(address, key))
  const end = lengthBytes + new DataView(plain.buffer, plain.byteOffset).getUint16(0)
  if (end > plain.byteLength || plain.subarray(end).some(byte => byte !== 0))
    throw new MuttrError('NOTICE_INVALID', 'a slip that is not padded with zeros')
  const read = decodeSlip(plain.subarray(lengthBytes, end))
  if (!equalBytes(read.key, key)) throw new MuttrError('NOTICE_INVALID', 'of another notice')
  return read
}

function unsealed(slip: Uint8Array, secret: Uint8Array, aad: Uint8Array): Uint8Array {
  try {
    if (slip.byteLength !== limits.slipBytes) throw new TypeError('another length')
    const nonce = slip.subarray(0, nonceBytes)
    const decipher = createDecipheriv('aes-256-gcm', secret, nonce, { authTagLength: tagBytes })
    decipher.setAAD(aad).setAuthTag(slip.subarray(-tagBytes))
    return concatBytes(decipher.update(slip.subarray(nonceBytes, -tagBytes)), decipher.final())
  } catch (cause) {
    throw new MuttrError('SEAL_REFUSED', 'not sealed by this correspondent', { cause })
  }
}
