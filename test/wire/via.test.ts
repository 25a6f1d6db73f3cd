import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import type { Contact } from '../../src/base/ports.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import { dhtMethods } from '../../src/wire/dht.ts'
import type { ViaAnswer, ViaRequest } from '../../src/wire/via.ts'
import { decodeVia, decodeViaAnswer, encodeVia, encodeViaAnswer } from '../../src/wire/via.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const payloads = fc.uint8Array({ maxLength: 300 })
const request = recordOf<ViaRequest>({
  to: recordOf<Contact>({
    peer: bytesOf(32).map(peerOfKey),
    addresses: fc.array(
      fc.nat(65_535).map(port => `/ip4/192.0.2.7/tcp/${port}`),
      { maxLength: limits.contactAddressesMax }
    )
  }),
  method: fc.constantFrom(...dhtMethods),
  payload: payloads
})
const answer: fc.Arbitrary<ViaAnswer> = fc.oneof(
  payloads.map(payload => [0, payload] as const),
  fc.constantFrom<ErrorCode>('STORE_FULL', 'PEER_REFUSED').map(code => [1, code] as const),
  fc
    .constantFrom<ErrorCode>('PEER_TIMEOUT', 'PEER_CLOSED', 'PEER_UNREACHABLE')
    .map(code => [2, code] as const)
)
const codes: ErrorCode[] = ['WIRE_MALFORMED', 'WIRE_TOO_LARGE']
const bounds = { codes, maxBytes: limits.payloadBytesMax, numRuns: 200 }

describe('a request to pass on', () => {
  it('is read as written; any other bytes meet a named code', () => {
    fc.assert(fc.property(request, value => assert.deepEqual(decodeVia(encodeVia(value)), value)))
    hostile({
      valid: request.map(encodeVia),
      read: frame => encodeVia(decodeVia(frame)),
      ...bounds
    })
  })

  it('carries none of its kind, and fits where a blob does', () => {
    const where = [new Uint8Array(32), []]
    for (const method of ['via', 'forward', 'links', 'relay'])
      assert.throws(() => decodeVia(encodeCbor([where, method, new Uint8Array(0)])), {
        code: 'WIRE_MALFORMED'
      })
    const payload = new Uint8Array(limits.blobBytesMax + 2_048)
    const to = { peer: peerOfKey(new Uint8Array(32)), addresses: [] }
    assert.equal(
      decodeVia(encodeVia({ to, method: 'put', payload })).payload.length,
      payload.length
    )
    const rsa = { to: { peer: 'QmRsa', addresses: [] }, method: 'ping', payload } as const
    assert.throws(() => encodeVia(rsa), { code: 'WIRE_MALFORMED' })
  })
})

describe('its answer', () => {
  it('is read as written; any other bytes meet a named code', () => {
    fc.assert(
      fc.property(answer, value => assert.deepEqual(decodeViaAnswer(encodeViaAnswer(value)), value))
    )
    // A code out of its place is read as another one.
    const read = (frame: Uint8Array) => {
      decodeViaAnswer(frame)
      return frame
    }
    hostile({ valid: answer.map(encodeViaAnswer), read, ...bounds })
  })

  it('lets no relay make up a refusal of ours, or of the network', () => {
    for (const code of ['PEER_TIMEOUT', 'INTERNAL', 'NEVER_HEARD_OF', 'USAGE'])
      assert.deepEqual(decodeViaAnswer(encodeCbor([1, code])), [1, 'PEER_REFUSED'])
    for (const code of ['STORE_FULL', 'INTERNAL', 'BLOB_RELEASED', ''])
      assert.deepEqual(decodeViaAnswer(encodeCbor([2, code])), [2, 'PEER_UNREACHABLE'])
  })
})

describe('the vectors of via', () => {
  it('hold', async () => {
    const file = new URL('../vectors/via.json', import.meta.url)
    const { requests, answers } = JSON.parse(await readFile(file, 'utf8'))
    for (const { frame, to, method, payload } of requests) {
      const read = decodeVia(fromHex(frame, frame.length / 2)!)
      assert.deepEqual([read.to, read.method, toHex(read.payload)], [to, method, payload])
      assert.equal(toHex(encodeVia(read)), frame)
    }
    for (const { frame, type, said } of answers) {
      const read = decodeViaAnswer(fromHex(frame, frame.length / 2)!)
      const [what, value] = read
      assert.deepEqual([what, value instanceof Uint8Array ? toHex(value) : value], [type, said])
      assert.equal(toHex(encodeViaAnswer(read)), frame)
    }
  })
})
