import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, sha256, toHex, utf8 } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import {
  authorId,
  compareRecords,
  decodeRecord,
  readRecord,
  recordKey,
  recordKeyOf
} from '../../src/wire/record.ts'
import { hostile } from '../support/hostile-frames.ts'
import { ed25519Author, packetAuthor, recordBy } from '../support/record-authors.ts'

const alice = ed25519Author(1)
const nowMs = 1_800_000_000_000
const invalid = { code: 'RECORD_INVALID' }

describe('a record', () => {
  it('is found by its kind and author, and read back when its author signed it', async () => {
    const record = await recordBy(alice, { sequence: 5 })
    const id = encodeCbor(['pod', [0, alice.author.bytes]])
    assert.deepEqual(record.key, sha256(utf8('muttr record 1'), id))
    assert.deepEqual(await readRecord(record.frame, { nowMs, wanted: record.key }), record)
    const other = recordKey('person', alice.author)
    assert.notDeepEqual(other, record.key)
    await assert.rejects(readRecord(record.frame, { nowMs, wanted: other }), invalid)
  })

  it('is refused with any bit changed', async () => {
    const { frame } = await recordBy(alice)
    await fc.assert(
      fc.asyncProperty(fc.nat(frame.byteLength - 1), fc.nat(7), async (at, bit) => {
        const changed = frame.slice()
        changed[at]! ^= 1 << bit
        await assert.rejects(readRecord(changed, { nowMs }), invalid)
      }),
      { numRuns: 60 }
    )
  })

  it('is refused when another author signed it', async () => {
    const forged = await recordBy({ author: alice.author, sign: ed25519Author(2).sign })
    await assert.rejects(readRecord(forged.frame, { nowMs }), invalid)
  })

  it('holds 4 KiB in all', async () => {
    const { frame } = await recordBy(alice, { body: 'x'.repeat(3_900) })
    assert(frame.byteLength <= limits.recordBytesMax)
    await assert.rejects(recordBy(alice, { body: 'x'.repeat(4_090) }), invalid)
    assert.throws(() => decodeRecord(new Uint8Array(limits.recordBytesMax + 1)), invalid)
  })

  it('meets any bytes with a record or RECORD_INVALID', async () => {
    const frames = await Promise.all([1, 2, 3].map(n => recordBy(alice, { sequence: n })))
    hostile({
      valid: fc.constantFrom(...frames.map(r => r.frame)),
      read: bytes => decodeRecord(bytes).frame,
      codes: ['RECORD_INVALID']
    })
  })
})

describe('a record by an OpenPGP key', () => {
  const body = utf8('the body of a primary key packet')
  const pgp = packetAuthor(body)

  it('is found by the pin of the key and checked by what is passed in', async () => {
    const record = await recordBy(pgp, { kind: 'person' })
    assert.deepEqual(authorId(pgp.author), sha256(body))
    assert.deepEqual(record.key, recordKeyOf('person', 1, sha256(body)))
    const { verifyRecord } = pgp
    assert.deepEqual(await readRecord(record.frame, { nowMs, verifyRecord }), record)
    await assert.rejects(readRecord(record.frame, { nowMs }), invalid)
    const forged = await recordBy({ ...pgp, sign: () => new Uint8Array(32) }, { kind: 'person' })
    await assert.rejects(readRecord(forged.frame, { nowMs, verifyRecord }), invalid)
  })

  it('needs a primary key packet in front, its length in the shortest form', () => {
    const id = (...head: number[]) => authorId({ scheme: 1, bytes: Uint8Array.from(head) })
    const long = Buffer.alloc(9_000, 7)
    assert.deepEqual(id(0xc6, 2, 8, 9), sha256(Uint8Array.of(8, 9)))
    assert.deepEqual(id(0xc6, 192, 8, ...long), sha256(long.subarray(0, 200)))
    for (const bad of [
      [],
      [0xc6],
      [0xc6, 0],
      [0xc6, 3, 8, 9],
      [0x99, 0, 2, 8, 9],
      [0xce, 2, 8, 9],
      [0xc6, 255, 0, 0, 0, 2, 8, 9],
      [0xc6, 224, 8, 9]
    ])
      assert.throws(() => id(...bad), invalid, bad.join())
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        try {
          assert.equal(authorId({ scheme: 1, bytes }).byteLength, 32)
        } catch (err) {
          assert.equal((err as { code?: string }).code, 'RECORD_INVALID')
        }
      })
    )
  })
})

describe('of two records', () => {
  it('the higher sequence is better, then the lower hash', async () => {
    const [old, one, two] = [
      await recordBy(alice, { sequence: 1 }),
      await recordBy(alice, { sequence: 2, body: 'one' }),
      await recordBy(alice, { sequence: 2, body: 'two' })
    ]
    assert(compareRecords(one, old) < 0 && compareRecords(old, two) > 0)
    const oneIsLower = Buffer.compare(sha256(one.frame), sha256(two.frame)) < 0
    assert.equal(compareRecords(one, two) < 0, oneIsLower)
    assert.equal(compareRecords(one, one), 0)
  })
})

describe('the vectors of docs/protocol/record.md', () => {
  it('hold', async () => {
    const file = new URL('../vectors/record.json', import.meta.url)
    const { records, refused } = JSON.parse(await readFile(file, 'utf8'))
    for (const v of records) {
      const record = await readRecord(fromHex(v.frame, v.frame.length / 2)!, { nowMs })
      const { key, kind, sequence, body } = record
      const seen = { key: toHex(key), kind, sequence, body: toHex(body), frame: v.frame }
      assert.deepEqual(seen, v)
    }
    for (const v of refused)
      await assert.rejects(readRecord(fromHex(v.frame, v.frame.length / 2)!, { nowMs }), invalid)
  })
})
