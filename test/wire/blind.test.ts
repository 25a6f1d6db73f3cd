import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import * as wire from '../../src/wire/blind.ts'
import { describeFrames } from '../support/frame-vectors.ts'

describeFrames('the frames of what is asked blindly', 'blind.json', {
  blind: wire.blindPass,
  'blind-open': wire.blindOpen,
  'blind-answer': wire.blindAnswer,
  'blind-get': wire.blindGet,
  'blind-blob': wire.blindBlob,
  'blind-release': wire.blindRelease,
  'blind-released': wire.blindReleased
})

describe('what is asked blindly', () => {
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
