import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import type { NoticeBody, Slip } from '../../src/wire/notice.ts'
import {
  announcedBytes,
  decodeNotice,
  decodeSlip,
  decodeStored,
  encodeNotice,
  encodeSlip,
  encodeStored,
  entries
} from '../../src/wire/notice.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const paddedBytes = limits.noticeBytesMax - 48
const hash = bytesOf(32)

const notice: fc.Arbitrary<NoticeBody> = recordOf({
  address: hash,
  key: hash,
  sizeBytes: fc.integer({ min: 1, max: limits.blobBytesMax }),
  expiryMs: fc.integer({ min: 1, max: 10_000_000 }).map(hours => hours * limits.expiryStepMs),
  slip: fc.uint8Array({ minLength: 1, maxLength: limits.slipBytes })
})

const slip: fc.Arbitrary<Slip> = recordOf({
  fingerprint: fc.oneof(bytesOf(20), bytesOf(32)).map(toHex),
  alias: fc.string({ minLength: 3, maxLength: 60 }),
  letter: hash,
  key: hash
})

describe('a notice', () => {
  it('comes back as it was, and is always of one length', () => {
    fc.assert(
      fc.property(notice, n => {
        const plaintext = encodeNotice(n)
        assert.equal(plaintext.byteLength, paddedBytes)
        assert.deepEqual(decodeNotice(plaintext), n)
      })
    )
  })

  it('has room for the largest slip and every other field at its longest', () => {
    const largest: NoticeBody = {
      address: new Uint8Array(32).fill(255),
      key: new Uint8Array(32).fill(255),
      sizeBytes: limits.blobBytesMax,
      expiryMs: 10_000_000 * limits.expiryStepMs,
      slip: new Uint8Array(limits.slipBytes).fill(255)
    }
    assert.deepEqual(decodeNotice(encodeNotice(largest)), largest)
  })

  it('meets any bytes with a value or NOTICE_INVALID', () => {
    hostile({
      valid: notice.map(encodeNotice),
      read: bytes => encodeNotice(decodeNotice(bytes)),
      codes: ['NOTICE_INVALID']
    })
  })

  it('has nothing but zeros for padding', () => {
    fc.assert(
      fc.property(notice, fc.nat({ max: 40 }), (n, back) => {
        const plaintext = encodeNotice({ ...n, slip: n.slip.slice(0, 1_000) })
        plaintext[paddedBytes - 1 - back]! ^= 1
        assert.throws(() => decodeNotice(plaintext), { code: 'NOTICE_INVALID' })
      })
    )
  })
})

describe('a slip', () => {
  it('comes back as it was, and fits its sealed size', () => {
    fc.assert(fc.property(slip, s => assert.deepEqual(decodeSlip(encodeSlip(s)), s)))
  })

  it('meets any bytes with a value or a coded error', () => {
    hostile({
      valid: slip.map(encodeSlip),
      read: bytes => encodeSlip(decodeSlip(bytes)),
      codes: ['NOTICE_INVALID', 'WIRE_TOO_LARGE'],
      maxBytes: limits.slipBytes
    })
  })
})

describe('a kept notice', () => {
  const stored = fc
    .tuple(notice, fc.nat({ max: Number.MAX_SAFE_INTEGER }))
    .map(([n, takenMs]) => ({ ...n, takenMs }))

  it('comes back as it was', () => {
    fc.assert(fc.property(stored, n => assert.deepEqual(decodeStored(encodeStored(n)), n)))
  })

  it('meets any bytes with a value or a coded error', () => {
    hostile({
      valid: stored.map(encodeStored),
      read: bytes => encodeStored(decodeStored(bytes)),
      codes: ['WIRE_MALFORMED', 'WIRE_TOO_LARGE'],
      maxBytes: 1_200
    })
  })

  it('stands in a page in ascending order only', () => {
    const frame = new Uint8Array([1])
    assert.equal(
      entries([
        [1, frame],
        [3, frame]
      ]).length,
      2
    )
    for (const wrong of [
      [
        [3, frame],
        [1, frame]
      ],
      [
        [1, frame],
        [1, frame]
      ],
      [[0, frame]]
    ])
      assert.throws(() => entries(wrong))
    assert.throws(() => entries(Array.from({ length: 101 }, (_, i) => [i + 1, frame])))
  })
})

describe('the notice vectors', () => {
  interface Vectors {
    valid: {
      address: string
      key: string
      sizeBytes: number
      expiryMs: number
      slip: string
      plaintext: string
    }[]
    slips: { fingerprint: string; alias: string; letter: string; key: string; frame: string }[]
    receipts: { sealed: string; atMs: number; signed: string }[]
    invalid: { why: string; plaintext: string }[]
  }
  const raw = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!
  let vectors: Vectors

  before(async () => {
    const file = new URL('../vectors/notice.json', import.meta.url)
    vectors = JSON.parse(await readFile(file, 'utf8')) as Vectors
  })

  it('hold', () => {
    for (const v of vectors.valid) {
      const n = { ...v, address: raw(v.address), key: raw(v.key), slip: raw(v.slip) }
      assert.equal(toHex(encodeNotice(n)), v.plaintext)
      assert.equal(decodeNotice(raw(v.plaintext)).sizeBytes, v.sizeBytes)
    }
    for (const v of vectors.slips)
      assert.equal(toHex(encodeSlip({ ...v, letter: raw(v.letter), key: raw(v.key) })), v.frame)
    for (const v of vectors.receipts)
      assert.equal(toHex(announcedBytes(raw(v.sealed), v.atMs)), v.signed)
    for (const { why, plaintext } of vectors.invalid) {
      let code: string | undefined
      try {
        decodeNotice(raw(plaintext))
      } catch (err) {
        code = codeOf(err)
      }
      assert.equal(code, 'NOTICE_INVALID', why)
    }
  })
})
