import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { hostile } from './hostile-frames.ts'

interface Codec {
  encode(value: never): Uint8Array
  decode(frame: Uint8Array): unknown
}
interface Vectors {
  valid: Record<string, { frame: string }[]>
  invalid: { what: string; rule: string; frame: string }[]
}
const raw = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!

/** Holds frames of a pod's requests to their vectors, and to what strangers may send. @param codecs by the rules of the CDDL */
export function describeFrames(what: string, file: string, codecs: Record<string, Codec>): void {
  const path = new URL(`../vectors/${file}`, import.meta.url)
  const { valid, invalid }: Vectors = JSON.parse(readFileSync(path, 'utf8'))

  describe(what, () => {
    for (const [rule, frames] of Object.entries(valid)) {
      const codec = codecs[rule]!
      const read = (frame: Uint8Array) => codec.encode(codec.decode(frame) as never)

      it(`${rule} is as in the vectors, and refused when it is anything else`, () => {
        assert(frames.length > 0)
        for (const { frame } of frames) assert.equal(toHex(read(raw(frame))), frame)
        hostile({
          valid: fc.constantFrom(...frames.map(({ frame }) => raw(frame))),
          ...{ read, codes: ['WIRE_MALFORMED', 'WIRE_TOO_LARGE'], numRuns: 60 }
        })
        const huge = new Uint8Array(limits.payloadBytesMax).fill(0x80)
        assert.throws(() => codec.decode(huge), { code: 'WIRE_TOO_LARGE' })
      })
    }

    it('has vectors for each of them', () => {
      assert.deepEqual(Object.keys(valid).sort(), Object.keys(codecs).sort())
    })

    it('that break their bounds are refused', () => {
      for (const { what, rule, frame } of invalid)
        assert.throws(() => codecs[rule]!.decode(raw(frame)), { code: 'WIRE_MALFORMED' }, what)
    })
  })
}
