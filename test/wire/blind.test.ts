import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import * as wire from '../../src/wire/blind.ts'
import { hostile } from '../support/hostile-frames.ts'

const codecs = {
  blind: wire.blindPass,
  'blind-open': wire.blindOpen,
  'blind-answer': wire.blindAnswer,
  'blind-get': wire.blindGet,
  'blind-blob': wire.blindBlob,
  'blind-release': wire.blindRelease,
  'blind-released': wire.blindReleased
}
const vectors: {
  valid: Record<keyof typeof codecs, { frame: string }[]>
  invalid: { what: string; rule: keyof typeof codecs; frame: string }[]
} = JSON.parse(readFileSync(new URL('../vectors/blind.json', import.meta.url), 'utf8'))
const raw = (hex: string): Uint8Array => fromHex(hex, hex.length / 2)!

describe('the frames of what is asked blindly', () => {
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

  it('fit their largest', () => {
    const largest = wire.blindBlob.encode({
      headerBytes: new Uint8Array(limits.blobHeaderBytesMax),
      stamp: new Uint8Array(limits.stampBytesMax),
      sealed: new Uint8Array(limits.blobBytesMax),
      from: 'p'.repeat(limits.peerIdCharsMax)
    })
    assert(wire.blindBlob.decode(largest))
    const reply = wire.encodeBlindAnswer({ payload: largest }, 'large')
    assert.deepEqual(wire.decodeBlindAnswer(reply), { payload: largest })
    const sealed = new Uint8Array(wire.blindAnswerBytes.large)
    assert(wire.blindAnswer.encode({ sealed }).byteLength <= limits.payloadBytesMax)
    const peer = 'p'.repeat(limits.peerIdCharsMax)
    const word = {
      holder: peer,
      retract: true,
      accept: true,
      atMs: 2 ** 52,
      signature: new Uint8Array(64)
    }
    const holders = <T>(one: T) => Array.from({ length: 64 }, () => one)
    const released = { asked: holders(peer), needed: 64, took: holders(word) }
    const frame = wire.blindReleased.encode(released)
    assert.deepEqual(wire.blindReleased.decode(frame), released)
    assert(
      'payload' in wire.decodeBlindAnswer(wire.encodeBlindAnswer({ payload: frame }, 'medium'))
    )
  })
})
