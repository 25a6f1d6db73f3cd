import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, sha256, toHex, utf8 } from '../../src/base/bytes.ts'
import { chunkCipher } from '../../src/keys/chunk.ts'
import { chunkAt, chunkContentBytes, shapeOf } from '../../src/wire/attachment.ts'
import { readBlob } from '../../src/wire/blob.ts'

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/attachment.json', import.meta.url), 'utf8')
)
const bytes = (hex: string) => fromHex(hex, hex.length / 2)!
const fileKey = sha256(utf8('file key'))
const nonce = new Uint8Array(12)
const refused = { code: 'ATTACHMENT_INVALID' }

describe('a chunk', () => {
  it('is as in the vectors, and so is its blob', async () => {
    for (const v of vectors.chunks) {
      const cipher = await chunkCipher(bytes(v.fileKey))
      const content = bytes(v.content)
      const place = chunkAt(shapeOf(content.byteLength), 0)
      assert.equal(toHex(await cipher.seal(place, content, bytes(v.nonce))), v.sealed)
      assert.equal(toHex(await cipher.open(place, bytes(v.sealed))), v.content)
      assert.equal(toHex(readBlob(bytes(v.header), bytes(v.sealed)).key), v.key)
    }
  })

  it('fills the largest blob exactly, when it is full', async () => {
    const place = chunkAt(shapeOf(chunkContentBytes), 0)
    const sealed = await (await chunkCipher(fileKey)).seal(
      place,
      new Uint8Array(chunkContentBytes),
      nonce
    )
    assert.equal(sealed.byteLength, 262_144)
  })

  it('opens at its own place, under its own key, whole and unchanged, and nowhere else', async () => {
    const cipher = await chunkCipher(fileKey)
    const other = await chunkCipher(sha256(utf8('another')))
    const place = chunkAt(shapeOf(100), 0)
    const content = utf8('x'.repeat(100))
    const sealed = await cipher.seal(place, content, nonce)
    assert.deepEqual(await cipher.open(place, sealed), content)
    await assert.rejects(other.open(place, sealed), refused)
    await assert.rejects(cipher.open({ ...place, index: 1 }, sealed), refused)
    await assert.rejects(cipher.open({ ...place, level: 1 }, sealed), refused)
    await assert.rejects(cipher.open(place, sealed.subarray(0, -1)), refused)
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed.byteLength - 1), fc.nat(7), async (at, bit) => {
        const changed = sealed.slice()
        changed[at]! ^= 1 << bit
        await assert.rejects(cipher.open(place, changed), refused)
      }),
      { numRuns: 30 }
    )
  })

  it('that holds more than its size says is refused', async () => {
    const cipher = await chunkCipher(fileKey)
    const [said, held] = [chunkAt(shapeOf(99), 0), chunkAt(shapeOf(100), 0)]
    const sealed = await cipher.seal(held, utf8('x'.repeat(100)), nonce)
    await assert.rejects(cipher.open(said, sealed), refused)
  })
})
