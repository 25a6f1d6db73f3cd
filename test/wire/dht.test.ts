import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import type { Contact } from '../../src/base/ports.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import * as dht from '../../src/wire/dht.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const port = fc.nat(65_535)
const peers = bytesOf(32).map(peerOfKey)
const contact = recordOf<Contact>({
  peer: peers,
  addresses: fc.array(
    fc.oneof(
      port.map(p => `/ip4/10.1.2.3/tcp/${p}`),
      port.map(p => `/ip6/2001:db8::1/tcp/${p}`)
    ),
    { maxLength: limits.contactAddressesMax }
  )
})
const contacts = fc.array(contact, { maxLength: 4 })
const some = (maxLength: number) => fc.uint8Array({ minLength: 1, maxLength })
const hours = fc.integer({ min: 1, max: 10_000_000 }).map(h => h * limits.expiryStepMs)
const headers = some(limits.blobHeaderBytesMax)
const tombstones = some(300)
const stamps = fc.option(some(limits.stampBytesMax))
const known = fc.array(bytesOf(32), { maxLength: limits.contactsMax }).map(dht.knownPlaces)
const records = some(300)

interface Message<T> {
  values: fc.Arbitrary<T>
  encode(value: T): Uint8Array
  decode(frame: Uint8Array): T
}
const message = <T>(m: Message<T>) => m as Message<unknown>

const factors = fc.integer({ min: 1, max: limits.priceFactorMax })

const messages: Record<string, Message<unknown>> = {
  ping: message({
    values: fc.option(bytesOf(16)),
    encode: dht.encodePing,
    decode: dht.decodePing
  }),
  pong: message({ values: fc.option(bytesOf(64)), encode: dht.encodePong, decode: dht.decodePong }),
  'find-node': message({
    values: bytesOf(32),
    encode: dht.encodeFindNode,
    decode: dht.decodeFindNode
  }),
  contacts: message({ values: contacts, encode: dht.encodeContacts, decode: dht.decodeContacts }),
  get: message({ values: bytesOf(32), encode: dht.encodeGet, decode: dht.decodeGet }),
  'answer to get': message<dht.GetAnswer>({
    values: fc.oneof(
      contacts.map(c => [0, c] as const),
      fc.tuple(headers, some(500), some(64)).map(([h, s, p]) => [1, h, s, p] as const),
      tombstones.map(t => [2, t] as const)
    ),
    encode: dht.encodeGetAnswer,
    decode: dht.decodeGetAnswer
  }),
  put: message<dht.Put>({
    values: recordOf<dht.Put>({ headerBytes: headers, sealed: some(500), stamp: stamps, known }),
    encode: dht.encodePut,
    decode: dht.decodePut
  }),
  'answer to put': message<dht.PutAnswer>({
    values: fc.oneof(
      recordOf<dht.Stored>({
        expiryMs: hours,
        storedMs: fc.nat(),
        signature: bytesOf(64),
        contacts
      }).map(stored => [0, stored] as const),
      factors.map(factor => [1, factor] as const)
    ),
    encode: dht.encodePutAnswer,
    decode: dht.decodePutAnswer
  }),
  have: message<dht.Have>({
    values: fc
      .tuple(
        fc.option(bytesOf(16)),
        fc.array(fc.tuple(bytesOf(32), fc.nat(255)), {
          minLength: 1,
          maxLength: limits.haveChallengedKeysMax
        }),
        fc.boolean()
      )
      .map(([nonce, list, isSaid]) => ({
        nonce,
        keys: list.map(([key]) => key),
        says: Uint8Array.from(isSaid ? list.map(([, says]) => says) : [])
      })),
    encode: dht.encodeHave,
    decode: dht.decodeHave
  }),
  'answer to release': message<dht.Released>({
    values: recordOf<dht.Released>({
      tombstone: fc.option(tombstones),
      atMs: fc.nat(),
      signature: bytesOf(64)
    }),
    encode: dht.encodeReleased,
    decode: dht.decodeReleased
  }),
  release: message({ values: tombstones, encode: dht.encodeRelease, decode: dht.decodeRelease }),
  'record-get': message({
    values: bytesOf(32),
    encode: dht.encodeRecordGet,
    decode: dht.decodeRecordGet
  }),
  'answer with a record': message<dht.RecordAnswer>({
    values: recordOf<dht.RecordAnswer>({ record: fc.option(records), contacts }),
    encode: dht.encodeRecordAnswer,
    decode: dht.decodeRecordAnswer
  }),
  'answer to record-put': message<dht.RecordPutAnswer>({
    values: fc.oneof(
      recordOf<dht.RecordAnswer>({ record: fc.option(records), contacts }).map(
        kept => [0, kept] as const
      ),
      factors.map(factor => [1, factor] as const)
    ),
    encode: dht.encodeRecordPutAnswer,
    decode: dht.decodeRecordPutAnswer
  }),
  'record-put': message<dht.RecordPut>({
    values: recordOf<dht.RecordPut>({ record: records, stamp: stamps, known }),
    encode: dht.encodeRecordPut,
    decode: dht.decodeRecordPut
  }),
  forward: message<dht.Forward>({
    values: recordOf<dht.Forward>({
      to: peers,
      method: fc.constantFrom(...dht.dhtMethods),
      payload: fc.uint8Array({ maxLength: 300 })
    }),
    encode: dht.encodeForward,
    decode: dht.decodeForward
  }),
  'forwarded answer': message<dht.Forwarded>({
    values: fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map(payload => [0, payload] as const),
      fc.constantFrom<ErrorCode>('STORE_FULL', 'PEER_REFUSED').map(code => [1, code] as const)
    ),
    encode: dht.encodeForwarded,
    decode: dht.decodeForwarded
  }),
  links: message({
    values: fc.array(bytesOf(32), { maxLength: 30 }),
    encode: dht.encodeLinks,
    decode: frame => [...dht.readTails(dht.decodeLinks(frame))] as never
  })
}

describe('a message of the DHT', () => {
  for (const [name, { values, encode, decode }] of Object.entries(messages)) {
    if (name === 'links') continue
    it(`${name}: is read as written; any other bytes meet a named code`, () => {
      fc.assert(
        fc.property(values, value => {
          assert.deepEqual(decode(encode(value)), value)
        }),
        { numRuns: 50 }
      )
      const bounded = name === 'forwarded answer' // an unknown code is read as another one
      hostile({
        valid: values.map(encode),
        read: bytes => {
          const value = decode(bytes)
          return bounded ? bytes : encode(value)
        },
        codes: ['WIRE_MALFORMED', 'WIRE_TOO_LARGE'],
        maxBytes: limits.payloadBytesMax,
        numRuns: 100
      })
    })
  }

  it('links: tells of each connection by the tail of its place', () => {
    fc.assert(
      fc.property(fc.array(bytesOf(32), { maxLength: 600 }), places => {
        const tails = dht.readTails(dht.decodeLinks(dht.encodeLinks(places)))
        for (const place of places.slice(0, limits.linksMax)) assert(tails.has(dht.tailOf(place)))
        assert(tails.size <= limits.linksMax)
      }),
      { numRuns: 20 }
    )
    const odd = encodeCbor([new Uint8Array(4 * limits.linksMax + 4)])
    assert.throws(() => dht.decodeLinks(odd), { code: 'WIRE_MALFORMED' })
  })

  it('have: proves at most 8 copies at a time, and is answered key by key', () => {
    const keys = Array.from({ length: 9 }, () => new Uint8Array(32))
    dht.decodeHave(dht.encodeHave({ nonce: null, keys }))
    const challenged = dht.encodeHave({ nonce: new Uint8Array(16), keys })
    assert.throws(() => dht.decodeHave(challenged), { code: 'WIRE_MALFORMED' })

    for (const length of [1, 8, 10])
      assert.throws(
        () => dht.decodeHave(dht.encodeHave({ nonce: null, keys, says: new Uint8Array(length) })),
        { code: 'WIRE_MALFORMED' }
      )

    const held: dht.Held[] = [[0], [1, null], [1, new Uint8Array(32)], [2, new Uint8Array(9)], [3]]
    const says = Uint8Array.of(0, 0, 0, 0, 1)
    assert.deepEqual(dht.decodeHeld(dht.encodeHeld(held), 5, says), held)
    for (const said of [undefined, Uint8Array.of(1, 1, 1, 1, 0)])
      assert.throws(() => dht.decodeHeld(dht.encodeHeld(held), 5, said), {
        code: 'WIRE_MALFORMED'
      })
    for (const count of [4, 6])
      assert.throws(() => dht.decodeHeld(dht.encodeHeld(held), count), { code: 'WIRE_MALFORMED' })
  })

  it('forward: carries no forward, and no code of the network in its answer', () => {
    const frame = encodeCbor([new Uint8Array(32), 'forward', new Uint8Array(0)])
    assert.throws(() => dht.decodeForward(frame), { code: 'WIRE_MALFORMED' })
    for (const code of ['PEER_TIMEOUT', 'INTERNAL', 'NEVER_HEARD_OF', 'USAGE'])
      assert.deepEqual(dht.decodeForwarded(dht.encodeForwarded([1, code])), [1, 'PEER_REFUSED'])
    const rsa = { to: 'QmRsa', method: 'ping', payload: new Uint8Array(0) } as const
    assert.throws(() => dht.encodeForward(rsa), { code: 'WIRE_MALFORMED' })
  })

  it('contacts: at most 20, whatever is meant', () => {
    const peer = peerOfKey(new Uint8Array(32))
    const many = Array(21).fill({ peer, addresses: [] })
    assert.equal(dht.decodeContacts(dht.encodeContacts(many)).length, limits.contactsMax)
    const frame = encodeCbor([Array(21).fill([new Uint8Array(32), []])])
    assert.throws(() => dht.decodeContacts(frame), { code: 'WIRE_MALFORMED' })
  })
})

describe('the vectors of docs/protocol/dht.md', () => {
  it('hold', async () => {
    const file = new URL('../vectors/dht.json', import.meta.url)
    const vectors = JSON.parse(await readFile(file, 'utf8'))
    for (const { message: name, frame } of vectors.frames) {
      const { decode, encode } = messages[name]!
      assert.equal(toHex(encode(decode(fromHex(frame, frame.length / 2)!))), frame, name)
    }
    for (const { key, peer } of vectors.peers) assert.equal(peerOfKey(fromHex(key, 32)!), peer)
    for (const v of vectors.signed) {
      const key = fromHex(v.key, 32)!
      assert.equal(toHex(dht.storedBytes(key, v.expiryMs, v.storedMs)), v.bytes)
    }
  })
})
