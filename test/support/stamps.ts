import type { Stamper } from '../../src/base/ports.ts'
import type { Blob, StampedBlob } from '../../src/wire/blob.ts'
import {
  encodeStamp,
  issuedAt,
  nthNonce,
  stampBlock,
  stampPrice,
  stampThreshold
} from '../../src/wire/stamp.ts'
import { searchStamp } from '../../src/wire/stamp-work.ts'

type Job = Parameters<Stamper['make']>[0]

/** A stamp found here and now. @returns its frame */
export function stampNow(job: Job): Uint8Array {
  const { key, issuedMs, factor } = job
  const below = stampThreshold(Math.ceil(stampPrice(job) * factor))
  const found = searchStamp({
    block: stampBlock(key, issuedMs),
    below: [Number(below >> 32n), Number(below & 0xffff_ffffn)],
    from: 0,
    count: 2 ** 32
  })
  return encodeStamp({ issuedMs, nonce: nthNonce(found!) })
}

/** Computes real stamps at once, where the caller stands: under virtual time no thread may take any. */
export function inlineStamper(): Stamper & { readonly jobs: Job[] } {
  const jobs: Job[] = []
  return {
    jobs,
    async make(job) {
      jobs.push(job)
      return stampNow(job)
    }
  }
}

/** With a stamp as a put at `nowMs` would make it. */
export function stamped(blob: Blob, nowMs: number, factor = 1): StampedBlob {
  const { key, header } = blob
  const issuedMs = issuedAt(nowMs)
  return { ...blob, stamp: stampNow({ ...header, key, issuedMs, factor }) }
}
