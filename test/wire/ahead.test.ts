import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import * as wire from '../../src/wire/ahead.ts'
import { shapeOf } from '../../src/wire/attachment.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

interface Codec {
  encode(value: never): Uint8Array
  decode(frame: Uint8Array): unknown
}

const task = bytesOf(16)
const count = fc.nat({ max: limits.aheadChunksMax })
const chunk = fc.nat({ max: limits.aheadChunksMax - 1 })
const some = fc.uint8Array({ minLength: 1, maxLength: 200 })
const kinds: Record<string, { codec: Codec; value: fc.Arbitrary<unknown> }> = {
  'ahead-request': {
    codec: wire.aheadRequest,
    value: recordOf({
      task,
      chunks: fc.integer({ min: 1, max: limits.aheadChunksMax }),
      expiryMs: fc.integer({ min: 1, max: 10_000_000 }).map(hours => hours * limits.expiryStepMs)
    })
  },
  'ahead-status': {
    codec: wire.aheadStatus,
    value: recordOf({ keys: count, here: count, lost: count })
  },
  'ahead-keys': {
    codec: wire.aheadKeys,
    value: recordOf({ task, from: chunk, keys: fc.array(bytesOf(32), { maxLength: 20 }) })
  },
  'ahead-task': { codec: wire.aheadTask, value: recordOf({ task }) },
  'ahead-take': { codec: wire.aheadTake, value: recordOf({ task, chunk }) },
  'ahead-chunk': {
    codec: wire.aheadChunk,
    value: fc.option(recordOf({ headerBytes: some, sealed: some }), { nil: null })
  }
}
const vectors = JSON.parse(readFileSync(new URL('../vectors/ahead.json', import.meta.url), 'utf8'))
const bytes = (hex: string) => fromHex(hex, hex.length / 2)!

describe('requests to fetch ahead', () => {
  for (const [name, { codec, value }] of Object.entries(kinds)) {
    it(`${name} comes back as it was, and meets any bytes with a value or a coded error`, () => {
      fc.assert(
        fc.property(value, v => assert.deepEqual(codec.decode(codec.encode(v as never)), v)),
        { numRuns: 50 }
      )
      hostile({
        valid: value.map(v => codec.encode(v as never)),
        read: frame => codec.encode(codec.decode(frame) as never),
        codes: ['WIRE_MALFORMED', 'WIRE_TOO_LARGE'],
        numRuns: 60
      })
      const huge = new Uint8Array(limits.payloadBytesMax).fill(0x80)
      assert.throws(() => codec.decode(huge), { code: 'WIRE_TOO_LARGE' })
    })

    it(`${name} is as in the vectors`, () => {
      for (const { frame } of vectors.valid[name])
        assert.equal(toHex(codec.encode(codec.decode(bytes(frame)) as never)), frame)
    })
  }

  it('that break their bounds are refused', () => {
    for (const { what, rule, frame } of vectors.invalid)
      assert.throws(() => kinds[rule]!.codec.decode(bytes(frame)), { code: 'WIRE_MALFORMED' }, what)
    const keys = Array.from({ length: limits.aheadKeysPageMax + 1 }, () => new Uint8Array(32))
    const page = wire.aheadKeys.encode({ task: new Uint8Array(16), from: 0, keys })
    assert.throws(() => wire.aheadKeys.decode(page))
    assert.throws(() => wire.aheadTask.decode(page), { code: 'WIRE_TOO_LARGE' })
  })

  it('fit the largest file, and the largest page and chunk', () => {
    assert.equal(shapeOf(limits.attachmentBytesMax).levels[0]!.count, limits.aheadChunksMax)
    const keys = Array.from({ length: limits.aheadKeysPageMax }, () => new Uint8Array(32))
    const from = limits.aheadChunksMax - 1
    const page = wire.aheadKeys.encode({ task: new Uint8Array(16), from, keys })
    assert.equal(wire.aheadKeys.decode(page).keys.length, limits.aheadKeysPageMax)
    const headerBytes = new Uint8Array(limits.blobHeaderBytesMax)
    const whole = wire.aheadChunk.encode({
      headerBytes,
      sealed: new Uint8Array(limits.blobBytesMax)
    })
    assert.ok(whole.byteLength <= limits.payloadBytesMax && wire.aheadChunk.decode(whole))
  })
})
