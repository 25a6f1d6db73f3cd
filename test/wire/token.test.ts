import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import * as wire from '../../src/wire/token.ts'
import { hostile } from '../support/hostile-frames.ts'

const codecs = {
  'signed-token-keys': wire.signedTokenKeys,
  'token-keys': wire.tokenKeys,
  tokens: wire.tokensRequest,
  'tokens-answer': wire.tokensAnswer,
  'token-submit': wire.tokenSubmit
}
const vectors: {
  valid: Record<keyof typeof codecs, { frame: string }[]>
  invalid: { what: string; rule: keyof typeof codecs; frame: string }[]
} = JSON.parse(readFileSync(new URL('../vectors/token.json', import.meta.url), 'utf8'))
const raw = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!

describe('the frames of tokens', () => {
  for (const [rule, frames] of Object.entries(vectors.valid)) {
    const codec = codecs[rule as keyof typeof codecs]
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

  it('that break their bounds are refused', () => {
    for (const { what, rule, frame } of vectors.invalid)
      assert.throws(() => codecs[rule].decode(raw(frame)), { code: 'WIRE_MALFORMED' }, what)
  })
})
