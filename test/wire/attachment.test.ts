import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { Manifest } from '../../src/wire/attachment.ts'
import {
  chunkAt,
  chunkContentBytes,
  chunkKeyBytes,
  chunkOverheadBytes,
  decodeManifest,
  encodeManifest,
  keyPlaceOf,
  keysPerChunk,
  shapeOf
} from '../../src/wire/attachment.ts'
import { bytesOf, hostile } from '../support/hostile-frames.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/attachment.json', import.meta.url), 'utf8')
)
const bytes = (hex: string) => fromHex(hex, hex.length / 2)!
const sizes = fc.oneof(
  fc.integer({ min: 0, max: 20 * chunkContentBytes }),
  fc.maxSafeInteger().map(n => Math.abs(n) % (limits.attachmentBytesMax + 1))
)
const manifests: fc.Arbitrary<Manifest> = fc
  .record({
    name: fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme-ascii' }),
    sizeBytes: sizes,
    expiryMs: fc.integer({ min: 1, max: 10_000_000 }).map(h => h * limits.expiryStepMs),
    fileKey: bytesOf(32),
    root: bytesOf(32)
  })
  .map(({ root, ...rest }) => ({
    ...rest,
    mimeType: 'image/png',
    roots: Array.from({ length: shapeOf(rest.sizeBytes).roots }, () => root)
  }))

describe('a manifest', () => {
  it('is read as written, and refused otherwise', () => {
    fc.assert(fc.property(manifests, m => assert.deepEqual(decodeManifest(encodeManifest(m)), m)))
    hostile({
      valid: manifests.map(encodeManifest),
      read: frame => encodeManifest(decodeManifest(frame)),
      codes: ['ATTACHMENT_INVALID', 'WIRE_TOO_LARGE'],
      maxBytes: limits.letterManifestBytesMax
    })
  })

  it('is as in the vectors', () => {
    for (const { frame, ...v } of vectors.valid) {
      const read = decodeManifest(bytes(frame))
      const { mimeType: type, fileKey, roots, ...rest } = read
      const said = { ...rest, type, fileKey: toHex(fileKey), roots: roots.map(toHex) }
      assert.deepEqual({ what: v.what, ...said }, v)
      assert.equal(toHex(encodeManifest(read)), frame)
    }
    for (const { what, frame } of vectors.invalid)
      assert.throws(() => decodeManifest(bytes(frame)), { code: 'ATTACHMENT_INVALID' }, what)
  })

  it('at its longest, sixty-four of them, leaves room for a whole letter', () => {
    const longest = encodeManifest({
      name: 'n'.repeat(limits.attachmentNameBytesMax),
      mimeType: `a/${'b'.repeat(limits.mimeTypeBytesMax - 2)}`,
      sizeBytes: 8 * chunkContentBytes,
      expiryMs: 10_000_000 * limits.expiryStepMs,
      fileKey: new Uint8Array(32),
      roots: Array.from({ length: 8 }, () => new Uint8Array(32))
    })
    const all = limits.letterAttachmentsMax * (longest.byteLength + 3)
    const rest = limits.letterBodyBytesMax + limits.certificateBytesMax + 16 * 1_024
    assert.ok(all + rest < limits.blobBytesMax)
  })
})

describe('the shape of a file', () => {
  it('is as in the vectors', () => {
    for (const { sizeBytes, levels, last } of vectors.shapes) {
      const shape = shapeOf(sizeBytes)
      assert.deepEqual(
        shape.levels.map(({ count }) => count),
        levels
      )
      const ends = shape.levels.map(({ first, count }) =>
        count === 0 ? 0 : chunkAt(shape, first + count - 1).sealedBytes
      )
      assert.deepEqual(ends, last)
    }
  })

  it('holds every byte once, ends in at most eight roots, and no chunk leads back to itself', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (size, at) => {
          const shape = shapeOf(size)
          assert.ok(shape.levels.length <= 3)
          assert.equal(shape.roots, shape.levels.at(-1)!.count)
          assert.ok(shape.roots <= limits.attachmentRootsMax)
          for (const [n, { first, count, bytes: total }] of shape.levels.entries()) {
            const full = n === 0 ? chunkContentBytes : keysPerChunk * chunkKeyBytes
            const last = count === 0 ? 0 : chunkAt(shape, first + count - 1).contentBytes
            assert.equal(Math.max(0, count - 1) * full + last, total)
          }
          if (shape.chunks === 0) return
          const chunk = Math.floor(at * shape.chunks)
          const place = chunkAt(shape, chunk)
          assert.ok(place.contentBytes > 0)
          assert.ok(place.contentBytes + chunkOverheadBytes <= place.sealedBytes)
          const above = keyPlaceOf(shape, place)
          if (above.chunk === null) assert.ok(above.at < shape.roots)
          else {
            assert.ok(above.chunk > chunk)
            const parent = chunkAt(shape, above.chunk)
            assert.equal(parent.level, place.level + 1)
            assert.ok(above.at + chunkKeyBytes <= parent.contentBytes)
          }
        }
      )
    )
  })
})
