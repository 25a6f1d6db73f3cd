import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, sha256, toHex, utf8 } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { makeBlob } from '../../src/wire/blob.ts'
import type { Tombstone } from '../../src/wire/tombstone.ts'
import {
  encodeTombstone,
  isNews,
  mergeTombstones,
  readTombstone
} from '../../src/wire/tombstone.ts'
import { bytesOf, hostile } from '../support/hostile-frames.ts'

const expiryMs = 500_000 * limits.expiryStepMs
const [retract, accept] = [sha256(utf8('withdraw')), sha256(utf8('accept'))]
const blob = makeBlob(utf8('sealed'), {
  expiryMs,
  retract: sha256(retract),
  accept: sha256(accept)
})
const none = { headerBytes: blob.headerBytes, retract: null, accept: null, receipt: null }
const read = (t: Tombstone) => readTombstone(encodeTombstone(t))
const refused = (t: Tombstone) => assert.throws(() => read(t), { code: 'BLOB_INVALID' })

describe('a tombstone', () => {
  it('with either preimage, or both, releases the blob of its header', () => {
    const receipt = utf8('sealed to the sender')
    for (const t of [
      { ...none, retract },
      { ...none, accept },
      { ...none, accept, receipt },
      { ...none, retract, accept }
    ]) {
      const { key, header, ...rest } = read(t)
      assert.deepEqual(rest, t)
      assert.deepEqual(key, blob.key)
      assert.deepEqual(header, blob.header)
    }
  })

  it('needs a preimage that fits, each given one', () => {
    refused(none)
    fc.assert(
      fc.property(bytesOf(32), secret => {
        refused({ ...none, retract: secret })
        refused({ ...none, accept: secret })
        refused({ ...none, retract, accept: secret })
      }),
      { numRuns: 50 }
    )
    refused({ ...none, retract: accept })
  })

  it('cannot accept a blob that offers no acceptance, nor carry a receipt without one', () => {
    const plain = makeBlob(utf8('sealed'), { expiryMs, retract: sha256(retract), accept: null })
    refused({ ...none, headerBytes: plain.headerBytes, accept })
    refused({ ...none, retract, receipt: utf8('receipt') })
  })

  it('and another of the same blob say together what both say; a receipt that was there stays', () => {
    const [first, other] = [utf8('first'), utf8('other')]
    const part = fc.record({
      retract: fc.constantFrom(null, retract),
      accept: fc.constantFrom(null, accept),
      receipt: fc.constantFrom(null, first, other)
    })
    fc.assert(
      fc.property(part, part, (there, shown) => {
        const [a, b] = [there, shown].map(t => ({ ...none, ...t }))
        const merged = mergeTombstones(a!, b!)
        assert.equal(merged.retract, there.retract ?? shown.retract)
        assert.equal(merged.accept, there.accept ?? shown.accept)
        assert.equal(merged.receipt, there.receipt ?? shown.receipt)
        assert.equal(isNews(merged, a!) || isNews(merged, b!), false)
        if (!isNews(a!, b!)) assert.deepEqual(merged, a)
      })
    )
  })

  it('meets any bytes with a value or a named code', () => {
    hostile({
      valid: fc
        .uint8Array({ minLength: 1, maxLength: 60 })
        .map(receipt => encodeTombstone({ ...none, accept, receipt })),
      read: bytes => encodeTombstone(readTombstone(bytes)),
      codes: ['BLOB_INVALID', 'WIRE_TOO_LARGE'],
      maxBytes: limits.tombstoneBytesMax
    })
  })
})

describe('the tombstone vectors of docs/protocol/blob.md', () => {
  it('hold', async () => {
    const file = new URL('../vectors/blob.json', import.meta.url)
    const { tombstones } = JSON.parse(await readFile(file, 'utf8'))
    for (const { frame, key } of tombstones) {
      const t = readTombstone(fromHex(frame, frame.length / 2)!)
      assert.equal(toHex(t.key), key)
      assert.equal(toHex(encodeTombstone(t)), frame)
    }
  })
})
