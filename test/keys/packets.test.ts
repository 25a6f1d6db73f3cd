import assert from 'node:assert/strict'
import { inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { deflateBytesMin, paddedDeflate } from '../../src/keys/deflate.ts'
import { packet, unarmor, walkPackets } from '../../src/keys/packets.ts'

describe('packets', () => {
  it('walks what was written, and any other bytes without harm', () => {
    const bodies = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 63 }), fc.uint8Array({ maxLength: 300 })),
      { maxLength: 6 }
    )
    fc.assert(
      fc.property(bodies, list => {
        const views = walkPackets(Buffer.concat(list.map(([tag, body]) => packet(tag, body))), 6)
        assert.deepEqual(
          views.map(v => [v.tag, v.bodyBytes]),
          list.map(([tag, body]) => [tag, body.byteLength])
        )
      })
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        try {
          const total = walkPackets(bytes, 10).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)
          assert.ok(total <= bytes.byteLength)
        } catch (err) {
          assert.ok(err instanceof Error && err.constructor.name === 'FramingError')
        }
      }),
      { numRuns: 5000 }
    )
  })

  it('reads every form of length', () => {
    const forms: [head: number[], bodyBytes: number][] = [
      [[0xd2, 5], 5],
      [[0xd2, 192, 8], 200],
      [[0xd2, 255, 0, 0, 1, 0], 256],
      [[0x84, 7], 7],
      [[0x85, 1, 0], 256],
      [[0x86, 0, 0, 1, 0], 256]
    ]
    for (const [head, bodyBytes] of forms) {
      const whole = Uint8Array.of(...head, ...new Uint8Array(bodyBytes))
      assert.deepEqual(
        walkPackets(whole, 1).map(view => view.bodyBytes),
        [bodyBytes]
      )
      assert.throws(() => walkPackets(whole.subarray(0, -1), 1), /cut short/)
    }
  })

  it('refuses indeterminate lengths, partial ones of keys, and too many packets', () => {
    assert.throws(() => walkPackets(Uint8Array.of(0x87, 1, 2), 5), /indeterminate/)
    assert.throws(() => walkPackets(Uint8Array.of(0xc1, 0xe0, 1, 1, 2), 5), /partial/)
    assert.deepEqual(
      walkPackets(Uint8Array.of(0xd2, 0xe1, 1, 2, 1, 3), 5).map(v => v.bodyBytes),
      [3]
    )
    assert.throws(
      () =>
        walkPackets(Buffer.concat([packet(1, new Uint8Array()), packet(1, new Uint8Array())]), 1),
      /more than 1/
    )
  })

  it('takes armor off, and refuses what is none', () => {
    const armor =
      '-----BEGIN PGP MESSAGE-----\nComment: x\n\nAQID\n=abcd\n-----END PGP MESSAGE-----\n'
    assert.deepEqual(unarmor(Buffer.from(armor), 'MESSAGE'), Uint8Array.of(1, 2, 3))
    for (const bad of [
      '',
      armor.slice(0, 50),
      armor.replace('AQID', 'A*ID'),
      armor.replaceAll('MESSAGE', 'SIGNATURE')
    ])
      assert.throws(() => unarmor(Buffer.from(bad), 'MESSAGE'))
  })
})

describe('padded deflate', () => {
  it('is as long as wished and inflates to the same', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        fc.integer({ min: 0, max: 300 }),
        (bytes, spare) => {
          const length = deflateBytesMin(bytes.byteLength) + spare
          const deflated = paddedDeflate(bytes, length)
          assert.equal(deflated.byteLength, length)
          assert.deepEqual(new Uint8Array(inflateRawSync(deflated)), bytes)
        }
      )
    )
  })

  it('takes more than one stored block holds', () => {
    const bytes = new Uint8Array(200_000).fill(3)
    for (let spare = 0; spare < 6; spare++) {
      const deflated = paddedDeflate(bytes, deflateBytesMin(bytes.byteLength) + spare)
      assert.deepEqual(new Uint8Array(inflateRawSync(deflated)), bytes)
    }
    assert.throws(() => paddedDeflate(bytes, 200_000), RangeError)
  })
})
