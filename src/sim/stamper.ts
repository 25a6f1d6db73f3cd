import { sha256 } from '../base/bytes.ts'
import type { Stamper } from '../base/ports.ts'
import type { StampNumber } from '../wire/stamp.ts'
import { encodeStamp, stampBlock, stampPrice, threshold } from '../wire/stamp.ts'

/** Eight bytes are found, seven stand in a nonce. */
const leftOut = 8n
const luckBits = 56n

const first8 = (bytes: Uint8Array): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)

/**
 * Makes stamps that nobody searched for, at once: their nonce says what the search would have found, which is worth more than was asked for
 * as often as a true find is. A pressed seed asks for a thousand times the floor, which is a second of a core for each put. What stamps cost
 * is charged to nobody; it is known from the price. Only seeds that read them by {@link standInNumber} take them.
 */
export function instantStamper(): Stamper {
  return {
    async make({ key, issuedMs, factor, ...job }) {
      const price = Math.ceil(stampPrice({ ...job, issuedMs }) * factor)
      const luck = first8(sha256(stampBlock(key, issuedMs))) >> leftOut
      const found = (luck * threshold(price)) >> luckBits
      const nonce = new Uint8Array(8)
      new DataView(nonce.buffer).setBigUint64(0, found)
      return encodeStamp({ issuedMs, nonce: nonce.subarray(0, 7) })
    }
  }
}

/** What a stamp of {@link instantStamper} says that it found. */
export const standInNumber: StampNumber = (_key, { nonce }) => {
  const number = new Uint8Array(8)
  number.set(nonce)
  return first8(number)
}
