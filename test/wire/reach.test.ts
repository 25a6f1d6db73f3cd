import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { peerOfKey, wireContact } from '../../src/wire/contact.ts'
import {
  decodeDialBack,
  decodeDialBackAnswer,
  decodeStanding,
  encodeDialBack,
  encodeDialBackAnswer,
  encodeStanding
} from '../../src/wire/reach.ts'

const port = fc.integer({ min: 1, max: 65_535 })
const ports = fc.array(port, { maxLength: 2 })
const direct = fc.oneof(
  fc.tuple(fc.ipV4(), port).map(([host, p]) => `/ip4/${host}/tcp/${p}`),
  fc.tuple(fc.ipV6(), port).map(([host, p]) => `/ip6/${host.replaceAll('.', ':')}/tcp/${p}`)
)
const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const relayed = fc
  .tuple(direct, key)
  .map(([address, relay]) => `${address}/p2p/${peerOfKey(relay)}/p2p-circuit`)
const address = fc.oneof(direct, relayed)

const frames = {
  'dial-back': [ports, encodeDialBack, decodeDialBack],
  'answer to dial-back': [
    fc.record({ seen: address, open: ports }, { noNullPrototype: true }),
    encodeDialBackAnswer,
    decodeDialBackAnswer
  ],
  standing: [
    fc.record(
      { server: fc.boolean(), addresses: fc.array(address, { maxLength: 8 }) },
      { noNullPrototype: true }
    ),
    encodeStanding,
    decodeStanding
  ]
} as unknown as Record<
  string,
  [fc.Arbitrary<unknown>, (value: unknown) => Uint8Array, (frame: Uint8Array) => unknown]
>

describe('a message about being reached', () => {
  for (const [name, [values, encode, decode]] of Object.entries(frames))
    it(`${name}: is read as written; any other bytes meet a named code`, () => {
      fc.assert(fc.property(values, value => assert.deepEqual(decode(encode(value)), value)))
      const spoilt = fc.tuple(values, fc.nat(), fc.nat({ max: 255 })).map(([value, at, to]) => {
        const frame = Uint8Array.from(encode(value))
        frame[at % frame.length] = to
        return frame
      })
      const any = fc.oneof(fc.uint8Array({ maxLength: 3_000 }), spoilt)
      fc.assert(
        fc.property(any, frame => {
          try {
            assert.deepEqual(Buffer.from(encode(decode(frame))), Buffer.from(frame))
          } catch (err) {
            assert(['WIRE_MALFORMED', 'WIRE_TOO_LARGE'].includes(codeOf(err) ?? ''), `${err}`)
          }
        })
      )
    })

  it('names at most two ports, and no port 0', () => {
    for (const wrong of [[1, 2, 3], [0], [65_536]])
      assert.throws(() => decodeDialBack(encodeDialBack(wrong)), { code: 'WIRE_MALFORMED' })
  })
})

describe('an address behind a relay', () => {
  it('is 38 bytes where the relay has IPv4, and has no second way to be written', () => {
    const peer = peerOfKey(new Uint8Array(32).fill(7))
    const text = `/ip4/1.2.3.4/tcp/4420/p2p/${peer}/p2p-circuit`
    const [, [packed]] = wireContact({ peer, addresses: [text] })!
    assert.equal(packed?.length, 38)
    assert.deepEqual(decodeStanding(encodeStanding({ server: false, addresses: [text] })), {
      server: false,
      addresses: [text]
    })
  })

  it('names one relay and nobody behind it', () => {
    const peer = peerOfKey(new Uint8Array(32).fill(7))
    const at = `/ip6/2a00::1/tcp/4420/p2p/${peer}`
    for (const wrong of [
      at,
      `${at}/p2p-circuit/p2p/${peer}`,
      `${at}/p2p-circuit/p2p/${peer}/p2p-circuit`,
      `/p2p/${peer}/p2p-circuit`,
      `${at}x/p2p-circuit`
    ]) {
      assert.deepEqual(wireContact({ peer, addresses: [wrong] })?.[1], [], wrong)
      const frame = encodeStanding({ server: false, addresses: [wrong] })
      assert.throws(() => decodeStanding(frame), { code: 'WIRE_MALFORMED' }, wrong)
    }
  })
})

describe('the vectors of docs/protocol/reach.md', () => {
  interface Vector {
    message: keyof typeof frames
    said: unknown
    frame: string
  }

  it('hold', async () => {
    const file = new URL('../vectors/reach.json', import.meta.url)
    const vectors = JSON.parse(await readFile(file, 'utf8'))
    const frameOf = ({ frame }: Vector) => fromHex(frame, frame.length / 2)!
    for (const vector of vectors.frames as Vector[]) {
      const [, encode, decode] = frames[vector.message]!
      assert.deepEqual(decode(frameOf(vector)), vector.said)
      assert.deepEqual(Buffer.from(encode(vector.said)), Buffer.from(frameOf(vector)))
    }
    for (const vector of vectors.refused as Vector[])
      assert.throws(() => frames[vector.message]![2](frameOf(vector)), { code: 'WIRE_MALFORMED' })
  })
})
