import assert from 'node:assert/strict'
import { encode, rfc8949EncodeOptions } from 'cborg'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import type { Field } from '../../src/wire/cbor.ts'
import * as cbor from '../../src/wire/cbor.ts'

const any: Field<unknown> = value => value
const read = (hex: string, field: Field<unknown> = any) =>
  cbor.decodeCbor(fromHex(hex, hex.length / 2)!, 'a value', field, 1_000)
const refused = (hex: string, field?: Field<unknown>) =>
  assert.throws(() => read(hex, field), { code: 'WIRE_MALFORMED' }, hex)

describe('canonical CBOR', () => {
  const value: fc.Arbitrary<unknown> = fc.letrec(tie => ({
    value: fc.oneof(
      { depthSize: 'small', maxDepth: 6 },
      fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
      fc.boolean(),
      fc.constant(null),
      fc.string({ unit: 'grapheme' }).filter(s => s.isWellFormed()),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie('value'), { maxLength: 5 })
    )
  })).value

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(value, made => {
        const bytes = cbor.encodeCbor(made)
        assert.deepEqual(cbor.decodeCbor(bytes, 'a value', any, 1e6), made)
      })
    )
  })

  it('takes what is encoded already as it is', () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        const made = cbor.encodeCbor([one, new cbor.Encoded(cbor.encodeCbor(other))])
        assert.deepEqual(made, cbor.encodeCbor([one, other]))
      })
    )
  })

  it('writes what another encoder writes', () => {
    fc.assert(
      fc.property(value, made => {
        const theirs = new Uint8Array(encode(made, rfc8949EncodeOptions))
        assert.deepEqual(cbor.encodeCbor(made), theirs)
      })
    )
  })

  it('writes no maps or tags, and reads no number that it writes as a double', () => {
    for (const odd of [undefined, {}, 1n, new Map(), [[undefined]]])
      assert.throws(() => cbor.encodeCbor(odd), TypeError)
    for (const odd of [1.5, -0.5, 2 ** 53, -(2 ** 53), Number.NaN])
      refused(toHex(cbor.encodeCbor(odd)))
  })

  it('takes nothing that it would write otherwise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        let decoded: unknown
        try {
          decoded = cbor.decodeCbor(bytes, 'a value', any, 1_000)
        } catch (err) {
          assert.equal((err as { code?: string }).code, 'WIRE_MALFORMED')
          return
        }
        assert.deepEqual(cbor.encodeCbor(decoded), bytes)
      }),
      { numRuns: 5_000 }
    )
  })

  it('refuses second encodings of one value', () => {
    for (const hex of [
      '1801',
      '190001',
      '1a00000001',
      '1b0000000000000001',
      '5800',
      '7800',
      '9800'
    ])
      refused(hex)
    for (const hex of ['9f01ff', '5f4101ff', '7f6161ff', 'c101', 'a0', 'a10102', 'f7', 'f93c00'])
      refused(hex)
    refused('fb3ff0000000000000') // a float
    refused('1bffffffffffffffff') // above what a double holds exactly
  })

  it('refuses text that is not UTF-8, or begins with a byte order mark', () => {
    refused('61ff')
    refused('63eda080') // a surrogate
    refused('62c080') // an overlong NUL
    refused('63efbbbf') // the mark: other decoders would drop it
    refused('67efbbbf61efbfbd')
    read('67efbfbd61efbbbf') // a replacement character, and a mark elsewhere, are characters
  })

  it('refuses what is cut, lengthened, or empty', () => {
    const bytes = toHex(cbor.encodeCbor(['abc', new Uint8Array(3), [1, 2]]))
    for (let end = 0; end < bytes.length; end += 2) refused(bytes.slice(0, end))
    refused(`${bytes}00`)
  })

  it('reads arrays eight deep and refuses nine', () => {
    read(`${'81'.repeat(7)}80`)
    refused(`${'81'.repeat(8)}80`)
    refused('81'.repeat(900))
  })

  it('does not believe a length that no bytes follow', () => {
    refused('9bffffffffffffffff')
    refused('9a0fffffff')
    refused('5a7fffffff00')
  })

  it('refuses too many bytes before it reads any', () => {
    const large = new Uint8Array(1_001)
    assert.throws(() => cbor.decodeCbor(large, 'a value', any, 1_000), { code: 'WIRE_TOO_LARGE' })
  })
})

describe('fields', () => {
  it('hold numbers, bytes and text to their bounds', () => {
    read('05', cbor.uint(5))
    refused('06', cbor.uint(5))
    refused('20', cbor.uint())
    refused('01', cbor.uint(5, 2))
    read('420102', cbor.bytes(1, 2))
    refused('43010203', cbor.bytes(1, 2))
    refused('40', cbor.bytes(1, 2))
    read('62c3a4', cbor.text(2))
    refused('63616263', cbor.text(2))
    refused('60', cbor.text(2, 1))
    refused('f5', cbor.uint())
    read('f4', cbor.bool)
    refused('00', cbor.bool)
  })

  it('hold arrays to their length and each item to its field', () => {
    const pair = cbor.tuple(cbor.literal(1), cbor.nullable(cbor.oneOf('a', 'b')))
    assert.deepEqual(read('82016161', pair), [1, 'a'])
    assert.deepEqual(read('8201f6', pair), [1, null])
    for (const hex of ['8101', '830101f6', '8202f6', '82016163', '01', 'f6']) refused(hex, pair)
    assert.deepEqual(read('820102', cbor.array(cbor.uint(), 2)), [1, 2])
    refused('83010203', cbor.array(cbor.uint(), 2))
    refused('80', cbor.array(cbor.uint(), 2, 1))
  })

  it('names the code it was told to', () => {
    const frame = Uint8Array.of(0xff)
    const decode = () => cbor.decodeCbor(frame, 'a thing', any, 10, 'BLOB_INVALID')
    assert.throws(decode, { code: 'BLOB_INVALID', message: 'not a thing' })
  })
})
