import assert from 'node:assert/strict'
import { blindAnswerBytes, decodeBlindAnswer, encodeBlindAnswer } from '../../src/wire/blind.ts'
import * as wire from '../../src/wire/key-address.ts'
import { encodeStored } from '../../src/wire/notice.ts'
import { describeFrames } from '../support/frame-vectors.ts'

describeFrames('the frames of addresses of keys', 'key-address.json', {
  'key-request': wire.keyRequest,
  'key-make': wire.keyMake,
  'key-made': wire.keyMade,
  'key-page': wire.keyPage
})

describe('a page of an address of a key', () => {
  it('is full, and of the largest notices, and still fits the smallest sealed answer', () => {
    const frame = encodeStored({
      ...{ takenMs: Number.MAX_SAFE_INTEGER, sizeBytes: 262_144, expiryMs: 9_999_999 * 3_600_000 },
      ...{ address: new Uint8Array(32), key: new Uint8Array(32), slip: new Uint8Array(1_064) }
    })
    const entries = Array.from({ length: wire.keyPageMax }, (_, i) => ({
      sequence: Number.MAX_SAFE_INTEGER - wire.keyPageMax + i,
      frame
    }))
    const last = Number.MAX_SAFE_INTEGER
    const payload = wire.keyPage.encode({ untilMs: last, through: last, more: true, entries })
    const plaintext = encodeBlindAnswer({ payload }, 'small')
    assert.equal(plaintext.byteLength + 48, blindAnswerBytes.small)
    assert.deepEqual(decodeBlindAnswer(plaintext), { payload })
  })
})
