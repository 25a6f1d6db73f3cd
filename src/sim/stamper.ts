import type { Stamper } from '../base/ports.ts'
import { encodeStamp, nthNonce, stampBelow, stampBlock, stampPrice } from '../wire/stamp.ts'
import { searchStamp } from '../wire/stamp-work.ts'

/**
 * Makes real stamps at once, where the caller stands: under virtual time no thread may take any. What they cost is charged to nobody;
 * it is known from the price.
 */
export function instantStamper(): Stamper {
  return {
    async make({ factor, ...job }) {
      const price = Math.ceil(stampPrice(job) * factor)
      const block = stampBlock(job.key, job.issuedMs)
      const nonce = searchStamp({ block, below: stampBelow(price), from: 0, count: 2 ** 48 })!
      return encodeStamp({ issuedMs: job.issuedMs, nonce: nthNonce(nonce) })
    }
  }
}
