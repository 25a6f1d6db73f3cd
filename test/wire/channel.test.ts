import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import type { Frame } from '../../src/wire/channel.ts'
import {
  cutMessage,
  decodeFrame,
  encodeFrame,
  FrameReader,
  packFrames
} from '../../src/wire/channel.ts'
import { hostile, recordOf } from '../support/hostile-frames.ts'

const is = <T extends string>(type: T) => fc.constant(type)
const id = fc.integer({ min: 1, max: 0xffff_ffff })
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const method = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: limits.methodCharsMax })
const timeoutMs = fc.integer({ min: 0, max: limits.requestMsMax })
const payload = fc.uint8Array({ maxLength: 300 })
const sizeBytes = fc.integer({
  min: limits.smallPayloadBytesMax + 1,
  max: limits.payloadBytesMax
})
const data = fc.uint8Array({ minLength: 1, maxLength: 300 })
const message = fc.string({ maxLength: 60 })
const code = fc.constantFrom<ErrorCode>('STORE_FULL', 'INTERNAL', 'ALIAS_UNKNOWN')

const frames: fc.Arbitrary<Frame> = fc.oneof(
  recordOf({
    type: is('greeting'),
    server: fc.boolean(),
    addresses: fc.array(fc.string({ minLength: 1, maxLength: 40 }), {
      maxLength: limits.contactAddressesMax
    }),
    windowBytes: fc.integer({
      min: limits.channelWindowBytesMin,
      max: limits.channelWindowBytesMax
    }),
    inFlight: fc.integer({ min: limits.channelInFlightMin, max: limits.channelInFlightMax })
  }),
  recordOf({ type: is('request'), id, method, timeoutMs, payload }),
  recordOf({ type: is('answer'), id, payload }),
  recordOf({ type: is('failure'), id, code, message }),
  recordOf({ type: is('cancel'), id }),
  recordOf({ type: is('large-request'), id, method, timeoutMs, sizeBytes }),
  recordOf({ type: is('large-answer'), id, sizeBytes }),
  recordOf({ type: is('request-chunk'), id, data }),
  recordOf({ type: is('answer-chunk'), id, data }),
  recordOf({
    type: is('credit'),
    bytes: fc.integer({ min: 1, max: limits.channelWindowBytesMax })
  }),
  recordOf({ type: is('ping'), nonce: uint32 }),
  recordOf({ type: is('pong'), nonce: uint32 }),
  recordOf({ type: is('goodbye'), code: fc.option(code), message })
)

const refusals = ['WIRE_MALFORMED', 'WIRE_TOO_LARGE', 'WIRE_VERSION'] as const

describe('a frame of a channel', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(frames, frame => assert.deepEqual(decodeFrame(encodeFrame(frame)), frame))
    )
  })

  it('meets any bytes with a frame or a named code, and takes one encoding of each', () => {
    hostile({
      valid: frames.map(encodeFrame),
      codes: refusals,
      maxBytes: limits.frameBytesMax,
      read(bytes) {
        const frame = decodeFrame(bytes)
        // A code that we do not know is not kept, so it cannot be written again.
        const lost = 'code' in frame && frame.code === 'PEER_REFUSED'
        return lost ? bytes : encodeFrame(frame)
      }
    })
  })

  it('is of a kind that has a number, and of no other', () => {
    for (const kind of ['constructor', 'length', '__proto__', 'at', '1', true, null, -1, 13])
      assert.throws(() => decodeFrame(encodeCbor([kind])), { code: 'WIRE_MALFORMED' }, `${kind}`)
  })

  it('keeps nothing of the buffer it came in', () => {
    const raw = Buffer.from(encodeFrame({ type: 'answer', id: 1, payload: new Uint8Array(9) }))
    const frame = decodeFrame(raw)
    assert.ok(frame.type === 'answer')
    raw.fill(1)
    assert.deepEqual(frame.payload, new Uint8Array(9))
    assert.equal(frame.payload.buffer.byteLength, 9)
  })

  it('of a newer peer: its version is named, its codes are a refusal', () => {
    const greeting = encodeCbor([0, 2, 'anything', []])
    assert.throws(() => decodeFrame(greeting), { code: 'WIRE_VERSION' })
    const failure = decodeFrame(encodeCbor([3, 1, 'NEVER_HEARD_OF', 'why']))
    assert.deepEqual(failure, { type: 'failure', id: 1, code: 'PEER_REFUSED', message: 'why' })
  })

  it('carries at most so much', () => {
    const request = (size: number) =>
      encodeFrame({
        type: 'request',
        id: 1,
        method: 'm'.repeat(limits.methodCharsMax),
        timeoutMs: 1,
        payload: new Uint8Array(size)
      })
    decodeFrame(request(limits.smallPayloadBytesMax))
    assert.throws(() => decodeFrame(request(limits.smallPayloadBytesMax + 1)), {
      code: 'WIRE_MALFORMED'
    })
    const chunk = (size: number) =>
      encodeFrame({ type: 'answer-chunk', id: 0xffff_ffff, data: new Uint8Array(size) })
    assert.ok(chunk(limits.chunkBytesMax).byteLength <= limits.frameBytesMax)
    decodeFrame(chunk(limits.chunkBytesMax))
    assert.throws(() => decodeFrame(chunk(limits.chunkBytesMax + 1)), { code: 'WIRE_MALFORMED' })
  })

  it('carries no message that is too long or broken', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), text => {
        const cut = cutMessage(`${text}\ud800`)
        assert.ok(Buffer.byteLength(cut) <= limits.failureMessageBytesMax && cut.isWellFormed())
        decodeFrame(encodeFrame({ type: 'failure', id: 1, code: 'INTERNAL', message: cut }))
      }),
      { numRuns: 30 }
    )
    assert.equal(cutMessage('no such blob'), 'no such blob')
  })
})

describe('a stream of frames', () => {
  const read = (pieces: Uint8Array[]): Frame[] => {
    const found: Frame[] = []
    const reader = new FrameReader()
    for (const piece of pieces) reader.push(piece, raw => found.push(decodeFrame(raw)))
    return found
  }

  it('is cut anywhere and read whole', () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 8 }), fc.array(fc.nat(40)), (sent, cuts) => {
        const packed = packFrames(sent.map(encodeFrame))
        const pieces: Uint8Array[] = []
        let at = 0
        for (const cut of cuts) pieces.push(packed.subarray(at, (at += cut)))
        pieces.push(packed.subarray(at))
        assert.deepEqual(read(pieces), sent)
      })
    )
  })

  it('refuses a length of nothing, and one above the limit, before any more bytes come', () => {
    assert.throws(() => read([new Uint8Array([0, 0])]), { code: 'WIRE_MALFORMED' })
    const over = limits.frameBytesMax + 1
    assert.throws(() => read([new Uint8Array([over >> 8, over & 255])]), { code: 'WIRE_TOO_LARGE' })
  })

  it('meets any bytes with frames or a named code', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), pieces => {
        try {
          read(pieces)
        } catch (err) {
          assert.ok(refusals.includes(codeOf(err) as never), String(err))
        }
      })
    )
  })
})

describe('the vectors of docs/protocol/channel.md', () => {
  interface Vectors {
    frames: { what: string; frame: Frame; hex: string }[]
    refused: { what: string; hex: string; code: ErrorCode }[]
  }
  const file = new URL('../vectors/channel.json', import.meta.url)
  const fromJson = (_: string, value: unknown) => {
    const bytes = (value as { hex?: string } | null)?.hex
    const only = bytes !== undefined && Object.keys(value as object).length === 1
    return only ? fromHex(bytes, bytes.length / 2) : value
  }

  it('say what is written, and what is refused', async () => {
    const vectors = JSON.parse(await readFile(file, 'utf8'), fromJson) as Vectors
    for (const { what, frame, hex } of vectors.frames) {
      assert.equal(toHex(encodeFrame(frame)), hex, what)
      assert.deepEqual(decodeFrame(fromHex(hex, hex.length / 2)!), frame, what)
    }
    for (const { what, hex, code } of vectors.refused)
      assert.throws(() => decodeFrame(fromHex(hex, hex.length / 2)!), { code }, what)
    const types = new Set(vectors.frames.map(({ frame }) => frame.type))
    assert.equal(types.size, 13)
  })
})
