import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { concatBytes, fromHex, sha256, toHex, utf8 } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { Postage } from '../../src/wire/stamp.ts'
import {
  decodeStamp,
  encodeStamp,
  issuedAt,
  nthNonce,
  readStamp,
  stampBelow,
  stampBlock,
  stampPrice
} from '../../src/wire/stamp.ts'
import { searchStamp } from '../../src/wire/stamp-work.ts'
import { bytesOf, hostile } from '../support/hostile-frames.ts'
import { stampNow } from '../support/stamps.ts'

const hourMs = limits.expiryStepMs
const dayMs = 24 * hourMs
const KiB = 1_024
const nowMs = 480_000 * hourMs + 12 * 60_000
const issuedMs = issuedAt(nowMs)
const keyOf = (n: number) => sha256(Uint8Array.of(n, n >> 8))

/** A small blob of a day: its stamp costs the least there is. */
const job = (n = 0) => ({
  key: keyOf(n),
  lengthBytes: KiB,
  expiryMs: issuedMs + dayMs,
  issuedMs,
  factor: 1
})
const stamps = Array.from({ length: 8 }, (_, n) => stampNow(job(n)))
const read = (frame: Uint8Array | null, o: Postage, atMs = nowMs) => readStamp(frame, o, atMs)

describe('the price of a stamp', () => {
  it('is linear in size and in the life left when it was issued', () => {
    const price = (lengthBytes: number, hours: number) =>
      stampPrice({ lengthBytes, issuedMs, expiryMs: issuedMs + hours * hourMs })
    const floor = price(4 * KiB, 720)
    for (const times of [2, 8, 64])
      assert(Math.abs(price(4 * KiB * times, 720) / times - floor) <= 1)
    assert(Math.abs(price(4 * KiB, 2_400) / (2_400 / 720) - floor) <= 1)
    assert.equal(price(1, 1), limits.stampHashesMin)
    assert.equal(price(1, -5), limits.stampHashesMin)
  })

  it('is what the search needs on average', () => {
    const price = 50
    const searches = 400
    let tries = 0
    for (let n = 0; n < searches; n++) tries += 1 + search(keyOf(n), price)!
    // Geometric: the mean of 400 searches strays by a twentieth of the price.
    assert(Math.abs(tries / searches - price) < 5 * (price / 20), `${tries / searches}`)
  })
})

const search = (key: Uint8Array, price: number, count = 100_000) =>
  searchStamp({ block: stampBlock(key, issuedMs), below: stampBelow(price), from: 0, count })

describe('the search', () => {
  /** As plainly as docs/protocol/stamp.md says it. */
  const isWorth = (key: Uint8Array, nonce: Uint8Array, price: number) => {
    const hours = Buffer.alloc(3)
    hours.writeUIntBE(issuedMs / hourMs, 0, 3)
    const hash = sha256(concatBytes(utf8('muttr stamp 1'), key, hours, nonce))
    return Buffer.from(hash).readBigUInt64BE() * BigInt(price) < 2n ** 64n
  }

  it('finds the first nonce whose SHA-256 is low enough', () => {
    fc.assert(
      fc.property(bytesOf(32), fc.integer({ min: 1, max: 80 }), (key, price) => {
        const found = search(key, price)!
        for (let n = 0; n < found; n++) assert(!isWorth(key, nthNonce(n), price))
        assert(isWorth(key, nthNonce(found), price))
      }),
      { numRuns: 50 }
    )
  })

  it('ends where its slice ends, and takes any slice', () => {
    const found = search(keyOf(1), 1_000)!
    assert.equal(search(keyOf(1), 1_000, found), undefined)
    assert.equal(search(keyOf(1), 1_000, found + 1), found)
    for (const from of [2 ** 24 - 3, 2 ** 32 - 3, 2 ** 50]) {
      const block = stampBlock(keyOf(2), issuedMs)
      const n = searchStamp({ block, below: stampBelow(16), from, count: 1_000 })!
      assert(n >= from && isWorth(keyOf(2), nthNonce(n), 16))
    }
  })

  it('needs no luck where anything is worth it', () => {
    assert.equal(search(keyOf(3), 1), 0)
  })
})

describe('a stamp', () => {
  it('pays for its key, size and life', () => {
    for (const [n, frame] of stamps.entries()) {
      const stamp = read(frame, job(n))
      assert(stamp.fresh && stamp.pays(1))
      assert.equal(stamp.issuedMs, issuedMs)
      assert.deepEqual(decodeStamp(frame), { issuedMs, nonce: stamp.nonce })
    }
  })

  it('says what it is worth', () => {
    const dear = stampNow({ ...job(), factor: 20 })
    assert(read(dear, job()).pays(20))
    assert(!read(dear, job()).pays(40))
    assert(!read(stamps[0]!, job()).pays(2))
  })

  it('is worth nothing for another key, for more bytes or for a longer life', () => {
    const refused = (frame: Uint8Array, o: Postage) =>
      assert.throws(() => read(frame, o), { code: 'STAMP_TOO_LOW' })
    for (const [n, frame] of stamps.entries()) {
      refused(frame, { ...job(), key: keyOf(n + 100) })
      refused(frame, { ...job(n), lengthBytes: 2 ** 40 })
      refused(frame, { ...job(n), expiryMs: issuedMs + 1e8 * dayMs })
    }
  })

  it('of an earlier hour is priced from that hour: who dates it back pays for it', () => {
    const back = { ...job(), lengthBytes: 256 * KiB, issuedMs: issuedMs - 1_000 * dayMs }
    const { issuedMs: _, factor: __, ...postage } = back
    const short = stampNow({ ...back, expiryMs: back.issuedMs + dayMs })
    assert.throws(() => read(short, postage), { code: 'STAMP_TOO_LOW' })
    assert.equal(stampPrice(back), Math.ceil((256 * KiB * 24 * 1_001) / 1_000))
  })

  it('is fresh for two hours, then shown again; of the future it is refused', () => {
    const [frame] = stamps
    const at = (ms: number) => read(frame!, job(), issuedMs + ms)
    assert(at(-limits.clockSkewMs).fresh)
    assert(at(limits.stampFreshMs).fresh)
    assert(!at(limits.stampFreshMs + 1).fresh)
    assert(at(20 * hourMs).pays(1))
    assert.throws(() => at(-limits.clockSkewMs - 1), { code: 'STAMP_INVALID' })
  })

  it('of a record is for thirty days from its hour on', () => {
    const record = { key: keyOf(7), lengthBytes: 4 * KiB }
    const expiryMs = issuedMs + limits.recordLifeMs
    const frame = stampNow({ ...record, expiryMs, issuedMs, factor: 1 })
    assert(read(frame, record).pays(1))
    // Kept thirty days from each put on: an old one would keep it for ever.
    const late = issuedMs + limits.stampFreshMs
    assert(read(frame, record, late).pays(1))
    assert.throws(() => read(frame, record, late + 1), { code: 'STAMP_INVALID' })
    assert.equal(stampPrice({ ...record, expiryMs, issuedMs }), Math.ceil((4 * KiB * 720) / 1_000))
  })

  it('that is not there is asked for', () => {
    assert.throws(() => read(null, job()), { code: 'STAMP_MISSING' })
  })

  it('meets any bytes with a value or a named code', () => {
    hostile({
      valid: fc
        .record({ hours: fc.integer({ min: 1, max: 10_000_000 }), nonce: bytesOf(7) })
        .map(({ hours, nonce }) => encodeStamp({ issuedMs: hours * hourMs, nonce })),
      read: bytes => encodeStamp(decodeStamp(bytes)),
      codes: ['STAMP_INVALID', 'WIRE_TOO_LARGE'],
      maxBytes: limits.stampBytesMax
    })
  })

  it('that was changed or cut is worth nothing, or nearly never anything', () => {
    let passed = 0
    fc.assert(
      fc.property(fc.nat(7), fc.nat(13), fc.integer({ min: 1, max: 255 }), (n, at, flip) => {
        const frame = stamps[n]!
        for (const bad of [frame.with(at, frame[at]! ^ flip), frame.subarray(0, at)])
          try {
            read(bad, job(n))
            passed += 1
          } catch (err) {
            assert.match((err as { code: string }).code, /^STAMP_(INVALID|TOO_LOW)$/)
          }
      }),
      { numRuns: 300 }
    )
    // Another nonce is worth it by chance, one in a thousand.
    assert(passed < 6, `${passed}`)
  })
})

describe('the vectors of docs/protocol/stamp.md', () => {
  it('hold', async () => {
    const file = new URL('../vectors/stamp.json', import.meta.url)
    const vectors = JSON.parse(await readFile(file, 'utf8'))
    for (const v of vectors.stamps) {
      const key = fromHex(v.key, 32)!
      const frame = fromHex(v.frame, v.frame.length / 2)!
      const stamp = decodeStamp(frame)
      assert.equal(toHex(encodeStamp(stamp)), v.frame)
      assert.equal(toHex(concatBytes(stampBlock(key, stamp.issuedMs), stamp.nonce)), v.hashed)
      assert.equal(toHex(sha256(fromHex(v.hashed, 55)!)), v.hash)
      assert.equal(stampPrice({ ...v, issuedMs: stamp.issuedMs }), v.price)
      const paid = readStamp(frame, { ...v, key }, stamp.issuedMs)
      assert(paid.pays(v.factor))
    }
    for (const { frame, code, why, ...v } of vectors.refused) {
      const bytes = frame === null ? null : fromHex(frame, frame.length / 2)!
      assert.throws(
        () => readStamp(bytes, { ...v, key: fromHex(v.key, 32)! }, v.nowMs),
        { code },
        why
      )
    }
    for (const { price, ...v } of vectors.prices) assert.equal(stampPrice(v), price)
  })
})
