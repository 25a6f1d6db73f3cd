import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ErrorCode } from '../../src/base/errors.ts'
import { codeOf } from '../../src/base/errors.ts'

export const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })

/** As fc.record, giving plain objects, as decoders do. */
export const recordOf = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>

/**
 * Feeds a decoder what strangers may send: cut, lengthened, with a bit flipped, and anything at all.
 * @param read decodes and encodes again: what is taken must be the only encoding of itself.
 */
export function hostile({
  valid,
  read,
  codes,
  maxBytes,
  numRuns = 150
}: {
  valid: fc.Arbitrary<Uint8Array>
  read: (bytes: Uint8Array) => Uint8Array
  codes: readonly ErrorCode[]
  maxBytes?: number
  numRuns?: number
}): void {
  const meet = (bytes: Uint8Array): boolean => {
    try {
      assert.deepEqual(read(bytes), bytes)
      return true
    } catch (err) {
      const code = codeOf(err)
      if (code === undefined) throw err
      assert.ok(codes.includes(code), code)
      return false
    }
  }
  const place = fc.nat({ max: 0xffff_ffff })
  fc.assert(
    fc.property(valid, place, place, (bytes, at, bit) => {
      assert.ok(meet(bytes), 'the valid frame is taken')
      assert.ok(!meet(bytes.slice(0, at % bytes.byteLength)), 'a cut frame is refused')
      assert.ok(!meet(new Uint8Array([...bytes, bit % 256])), 'a lengthened frame is refused')
      const flipped = bytes.slice()
      flipped[at % bytes.byteLength]! ^= 1 << (bit % 8)
      meet(flipped)
    }),
    { numRuns }
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => void meet(bytes)),
    { numRuns }
  )
  if (maxBytes === undefined) return
  const large = new Uint8Array(maxBytes + 1).fill(0x80)
  assert.throws(() => read(large), { code: 'WIRE_TOO_LARGE' })
}
