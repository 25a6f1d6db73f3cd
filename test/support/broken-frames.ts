import type { ErrorCode } from '../../src/base/errors.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import type { Frame } from '../../src/wire/channel.ts'
import { encodeFrame, packFrames } from '../../src/wire/channel.ts'
import { encodePing } from '../../src/wire/dht.ts'
import { greeting } from './stranger.ts'

const MiB = 2 ** 20
export const junk = new Uint8Array(64 * 1024).fill(0x55)

export const request = (id: number, method: string, payload: Uint8Array): Frame => ({
  type: 'request',
  id,
  method,
  timeoutMs: 5_000,
  payload
})
/** A frame with its length, whatever is in it. */
export const framed = (...bytes: number[]) =>
  Uint8Array.of(bytes.length >> 8, bytes.length & 255, ...bytes)
export const frames = (...all: Frame[]) => packFrames(all.map(encodeFrame))
const cbor = (value: unknown) => framed(...encodeCbor(value))
/** Behind a greeting. */
export const greeted = (...pieces: Uint8Array[]) => Buffer.concat([frames(greeting), ...pieces])
export const large: Frame = {
  type: 'large-request',
  id: 1,
  method: 'put',
  timeoutMs: 5_000,
  sizeBytes: 9_000
}

/** What a stranger may say on any of our protocols, and the code that it gets. */
export const broken: readonly [what: string, bytes: Uint8Array, code: ErrorCode][] = [
  ['an empty frame', greeted(framed()), 'WIRE_MALFORMED'],
  ['a length beyond the limit', greeted(Uint8Array.of(0xff, 0xff)), 'WIRE_TOO_LARGE'],
  ['no greeting', frames(request(1, 'ping', encodePing(null))), 'WIRE_MALFORMED'],
  ['a second greeting', greeted(frames(greeting)), 'WIRE_MALFORMED'],
  ['another version', cbor([0, 2, 'whatever']), 'WIRE_VERSION'],
  ['an integer longer than it need be', greeted(framed(0x82, 0x0a, 0x18, 5)), 'WIRE_MALFORMED'],
  ['bytes behind the array', greeted(framed(0x82, 0x0a, 5, 0)), 'WIRE_MALFORMED'],
  ['an array cut short', greeted(framed(0x83, 0x0a, 5)), 'WIRE_MALFORMED'],
  ['an array of no end', greeted(framed(0x9f, 0x0a, 5, 0xff)), 'WIRE_MALFORMED'],
  ['a map', greeted(framed(0xa1, 0x0a, 5)), 'WIRE_MALFORMED'],
  ['a float', greeted(framed(0x82, 0x0a, 0xf9, 0x3c, 0)), 'WIRE_MALFORMED'],
  ['arrays without end', greeted(framed(...new Array(1_000).fill(0x81), 0)), 'WIRE_MALFORMED'],
  ['an array said to be huge', greeted(framed(0x9b, 0, 0, 0, 1, 0, 0, 0, 0)), 'WIRE_MALFORMED'],
  ['a kind that is none', greeted(cbor([13])), 'WIRE_MALFORMED'],
  ['a kind that is a text', greeted(cbor(['constructor'])), 'WIRE_MALFORMED'],
  ['id 0', greeted(cbor([4, 0])), 'WIRE_MALFORMED'],
  ['a deadline of a year', greeted(cbor([1, 1, 'ping', 3e10, encodePing(null)])), 'WIRE_MALFORMED'],
  [
    'a method of 33 letters',
    greeted(cbor([1, 1, 'm'.repeat(33), 1, junk.subarray(0, 1)])),
    'WIRE_MALFORMED'
  ],
  [
    'a small payload that is large',
    greeted(cbor([1, 1, 'ping', 1, junk.subarray(0, 8_193)])),
    'WIRE_MALFORMED'
  ],
  [
    'an id twice',
    greeted(frames(request(1, 'x', junk.subarray(0, 1)), request(1, 'x', junk.subarray(0, 1)))),
    'WIRE_MALFORMED'
  ],
  [
    'an answer to nothing',
    greeted(frames({ type: 'answer', id: 7, payload: junk.subarray(0, 1) })),
    'WIRE_MALFORMED'
  ],
  ['credit for nothing', greeted(frames({ type: 'credit', bytes: 16 * MiB })), 'LIMIT_EXCEEDED']
]
