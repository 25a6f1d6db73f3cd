import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, sha256, toHex, utf8 } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { BlobHeader } from '../../src/wire/blob.ts'
import {
  blobKey,
  checkExpiry,
  decodeBlobHeader,
  encodeBlobHeader,
  expiryAt,
  makeBlob,
  readBlob
} from '../../src/wire/blob.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const hourMs = limits.expiryStepMs
const headers = recordOf<BlobHeader>({
  expiryMs: fc.integer({ min: 1, max: 10_000_000 }).map(hours => hours * hourMs),
  lengthBytes: fc.integer({ min: 1, max: limits.blobBytesMax }),
  hash: bytesOf(32),
  retract: bytesOf(32),
  accept: fc.option(bytesOf(32))
})
const commitments = { expiryMs: 500_000 * hourMs, retract: new Uint8Array(32), accept: null }
const made = (sealed: Uint8Array) => makeBlob(sealed, commitments)

describe('a blob header', () => {
  it('is read as written, and refused otherwise', () => {
    fc.assert(
      fc.property(headers, header => {
        assert.deepEqual(decodeBlobHeader(encodeBlobHeader(header)), header)
      })
    )
    hostile({
      valid: headers.map(encodeBlobHeader),
      read: bytes => encodeBlobHeader(decodeBlobHeader(bytes)),
      codes: ['BLOB_INVALID', 'WIRE_TOO_LARGE'],
      maxBytes: limits.blobHeaderBytesMax
    })
  })

  it('refuses another version, a length of nothing and one above the limit', () => {
    const with32 = (...head: unknown[]) =>
      encodeCbor([...head, new Uint8Array(32), new Uint8Array(32), null])
    const refused = (bytes: Uint8Array) =>
      assert.throws(() => decodeBlobHeader(bytes), { code: 'BLOB_INVALID' })
    decodeBlobHeader(with32(1, 500_000, 1))
    refused(with32(2, 500_000, 1))
    refused(with32(1, 500_000, 0))
    refused(with32(1, 500_000, limits.blobBytesMax + 1))
    refused(with32(1, 0, 1))
  })
})

describe('a blob', () => {
  it('is under the key that commits to its header', () => {
    const blob = made(utf8('sealed'))
    assert.deepEqual(blob.key, sha256(utf8('muttr blob 1'), blob.headerBytes))
    assert.deepEqual(readBlob(blob.headerBytes, blob.sealed, blob.key), blob)
  })

  it('of a stranger is refused with any byte changed, added or missing', () => {
    const sealed = fc.uint8Array({ minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(sealed, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, by) => {
        const { headerBytes } = made(bytes)
        const changed = bytes.slice()
        changed[at % bytes.length]! ^= by
        for (const wrong of [changed, bytes.subarray(1), Uint8Array.of(...bytes, 0)])
          assert.throws(() => readBlob(headerBytes, wrong), { code: 'BLOB_INVALID' })
      })
    )
  })

  it('of a stranger is refused under another key than the one asked for', () => {
    const [asked, given] = [made(utf8('one')), made(utf8('two'))]
    const read = () => readBlob(given.headerBytes, given.sealed, asked.key)
    assert.throws(read, { code: 'BLOB_INVALID' })
  })

  it('holds 1 byte to 256 KiB', () => {
    made(new Uint8Array(limits.blobBytesMax))
    assert.throws(() => made(new Uint8Array(0)), { code: 'BLOB_INVALID' })
    const over = new Uint8Array(limits.blobBytesMax + 1)
    assert.throws(() => made(over), { code: 'BLOB_TOO_LARGE' })
  })
})

describe('the expiry of a blob', () => {
  const nowMs = 500_000 * hourMs + 1
  const check = (expiryMs: number) => checkExpiry({ ...made(utf8('x')).header, expiryMs }, nowMs)

  it('is a whole hour, at or after what was asked', () => {
    assert.equal(expiryAt(nowMs), 500_001 * hourMs)
    assert.equal(expiryAt(500_000 * hourMs), 500_000 * hourMs)
  })

  it('is ahead, and at most 100 days and what rounding and skew take', () => {
    check(nowMs + 1)
    check(nowMs + limits.blobLifeMsMax + hourMs)
    const over = nowMs + limits.blobLifeMsMax + hourMs + limits.clockSkewMs + 1
    for (const expiryMs of [0, nowMs - 1, nowMs, over])
      assert.throws(() => check(expiryMs), { code: 'BLOB_EXPIRED' })
  })
})

describe('the vectors of docs/protocol/blob.md', () => {
  it('hold', async () => {
    const file = new URL('../vectors/blob.json', import.meta.url)
    const { blobs, refused } = JSON.parse(await readFile(file, 'utf8'))
    const bytes = (hex: string) => fromHex(hex, hex.length / 2)!
    for (const v of blobs) {
      const blob = readBlob(bytes(v.header), bytes(v.sealed), bytes(v.key))
      assert.equal(blob.header.expiryMs, v.expiryMs)
      assert.equal(toHex(blobKey(encodeBlobHeader(blob.header))), v.key)
      assert.equal(blob.header.accept && toHex(blob.header.accept), v.accept)
    }
    for (const v of refused)
      assert.throws(() => decodeBlobHeader(bytes(v.header)), { code: 'BLOB_INVALID' }, v.why)
  })
})
