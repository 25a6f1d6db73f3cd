import assert from 'node:assert/strict'
import type { Stamper } from '../../src/base/ports.ts'
import type { Blob, StampedBlob } from '../../src/wire/blob.ts'
import { readHeader } from '../../src/wire/blob.ts'
import type { RecordAnswer, Stored } from '../../src/wire/dht.ts'
import {
  decodePutAnswer,
  decodeRecordPutAnswer,
  encodePut,
  encodeRecordPut
} from '../../src/wire/dht.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import {
  encodeStamp,
  endOf,
  issuedAt,
  nthNonce,
  stampBelow,
  stampBlock,
  stampPrice
} from '../../src/wire/stamp.ts'
import { searchStamp } from '../../src/wire/stamp-work.ts'

type Job = Parameters<Stamper['make']>[0]

/** A stamp found here and now, worth what was asked and never by luck twice of it. @returns its frame */
export function stampNow(job: Job): Uint8Array {
  const { key, issuedMs, factor } = job
  const price = Math.ceil(stampPrice(job) * factor)
  const block = stampBlock(key, issuedMs)
  const search = (worth: number, from: number, count: number) =>
    searchStamp({ block, below: stampBelow(worth), from, count })
  let found = search(price, 0, 2 ** 32)!
  while (search(2 * price, found, 1) !== undefined) found = search(price, found + 1, 2 ** 32)!
  return encodeStamp({ issuedMs, nonce: nthNonce(found) })
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

const noContacts = new Uint8Array()
/** For what nobody would look at the stamp of. */
const noStamp = new Uint8Array(14)

/** A put as it should be, however the blob is; its header may be anything. */
export function putFrame(
  { headerBytes, sealed }: Pick<Blob, 'headerBytes' | 'sealed'>,
  nowMs: number,
  known = noContacts
): Uint8Array {
  return encodePut({ headerBytes, sealed, stamp: stampOfHeader(headerBytes, nowMs), known })
}

function stampOfHeader(headerBytes: Uint8Array, nowMs: number): Uint8Array {
  try {
    const { key, header } = readHeader(headerBytes)
    return stampNow({ ...header, key, issuedMs: issuedAt(nowMs), factor: 1 })
  } catch {
    return noStamp
  }
}

/** A put of a record as it should be, however the record is. */
export function recordPutFrame(record: Uint8Array, nowMs: number, known = noContacts): Uint8Array {
  return encodeRecordPut({ record, stamp: stampOfRecord(record, nowMs), known })
}

function stampOfRecord(record: Uint8Array, nowMs: number): Uint8Array {
  try {
    const { key } = decodeRecord(record)
    const issuedMs = issuedAt(nowMs)
    const expiryMs = endOf({ key, lengthBytes: 0 }, issuedMs)
    return stampNow({ key, lengthBytes: record.byteLength, expiryMs, issuedMs, factor: 1 })
  } catch {
    return noStamp
  }
}

/** What a holder said that took a blob. */
export function storedIn(frame: Uint8Array): Stored {
  const answer = decodePutAnswer(frame)
  assert(answer[0] === 0, 'it asks for a dearer stamp')
  return answer[1]
}

/** What a holder said that took a record. */
export function keptIn(frame: Uint8Array): RecordAnswer {
  const answer = decodeRecordPutAnswer(frame)
  assert(answer[0] === 0, 'it asks for a dearer stamp')
  return answer[1]
}
