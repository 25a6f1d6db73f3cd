import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { openRelationSlip, sealRelationSlip } from '../../src/client/addresses/sealed-slip.ts'
import type { AddressOffer, PublishedPlace } from '../../src/wire/address.ts'
import {
  decodeOffer,
  encodeOffer,
  isOffer,
  makeAddressLink,
  readAddressLink
} from '../../src/wire/address.ts'
import { decodeSlip, encodeSlip } from '../../src/wire/notice.ts'
import * as wire from '../../src/wire/pod-addresses.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

interface Codec {
  encode(value: never): Uint8Array
  decode(frame: Uint8Array): unknown
}

const address = bytesOf(32)
const policy = fc.constantFrom('pull' as const, 'ask', 'ignore')
const untilMs = fc.maxSafeNat()
const uses = fc.option(fc.integer({ min: 1, max: limits.addressUsesMax }))
const several = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 5 })
const kinds: Record<string, { codec: Codec; value: fc.Arbitrary<unknown> }> = {
  'address-changes': {
    codec: wire.addressChanges,
    value: recordOf({
      set: several(recordOf({ address, policy, untilMs: fc.option(untilMs), uses })),
      drop: several(address)
    })
  },
  'addresses-after': { codec: wire.addressesAfter, value: recordOf({ after: fc.option(address) }) },
  'address-page': {
    codec: wire.addressPage,
    value: recordOf({
      addresses: several(
        recordOf({
          ...{ address, policy, untilMs },
          uses: fc.option(fc.nat({ max: limits.addressUsesMax })),
          waiting: fc.nat({ max: limits.addressWaitingMax })
        })
      )
    })
  },
  'addresses-asked': {
    codec: wire.addressesAsked,
    value: recordOf({ addresses: several(address) })
  },
  'addresses-answer': { codec: wire.addressesAnswer, value: recordOf({ count: fc.maxSafeNat() }) }
}
const print = fc.oneof(bytesOf(20), bytesOf(32)).map(toHex)
const name = fc.string({ minLength: 3, maxLength: 60 })
const place = recordOf({ address, pod: name, hpkeKey: bytesOf(32), secret: bytesOf(32) })
const offer: fc.Arbitrary<AddressOffer> = recordOf({
  ...{ fingerprint: print, alias: name, to: recordOf({ fingerprint: print, alias: name }) },
  ...{ key: bytesOf(32), madeMs: fc.maxSafeNat(), place: fc.option(place), renew: fc.boolean() }
})
const published: fc.Arbitrary<PublishedPlace> = recordOf({
  ...{ alias: name, fingerprint: print, address, hpkeKey: bytesOf(32) },
  untilMs: fc.option(untilMs)
})
const slip = recordOf({ fingerprint: print, alias: name, letter: bytesOf(32), key: bytesOf(32) })

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/address.json', import.meta.url), 'utf8')
)
const bytes = (hex: string) => fromHex(hex, hex.length / 2)!

describe('what is said about addresses', () => {
  for (const [rule, { codec, value }] of Object.entries(kinds))
    it(`${rule} comes back as it was, and meets any bytes with a value or a coded error`, () => {
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
    })

  it('an offer comes back, is told from a slip, and is none to who does not know offers', () => {
    fc.assert(
      fc.property(offer, slip, (offered, slip) => {
        const frame = encodeOffer(offered)
        assert.deepEqual(decodeOffer(frame), offered)
        assert.deepEqual([isOffer(frame), isOffer(encodeSlip(slip))], [true, false])
        assert.throws(() => decodeSlip(frame), { code: 'NOTICE_INVALID' })
        assert.throws(() => decodeOffer(encodeSlip(slip)), { code: 'NOTICE_INVALID' })
      })
    )
    hostile({
      valid: offer.map(encodeOffer),
      read: frame => encodeOffer(decodeOffer(frame)),
      codes: ['NOTICE_INVALID', 'WIRE_TOO_LARGE']
    })
  })

  it('a link comes back, with blanks around it too, and with one character other it does not', () => {
    fc.assert(
      fc.property(published, fc.nat(), (one, at) => {
        const link = makeAddressLink(one)
        assert.deepEqual(readAddressLink(` ${link}\n`), one)
        const i = at % link.length
        const other = link[i] === 'A' ? 'B' : 'A'
        const spoiled = link.slice(0, i) + other + link.slice(i + 1)
        assert.throws(() => readAddressLink(spoiled), { code: 'LINK_INVALID' })
        assert.throws(() => readAddressLink(link.slice(0, i)), { code: 'LINK_INVALID' })
      })
    )
  })

  it('a slip on a relationship address opens with its secret, for its address and blob alone', () => {
    fc.assert(
      fc.property(
        slip,
        bytesOf(32),
        bytesOf(32),
        bytesOf(12),
        fc.nat(),
        (one, secret, to, nonce, at) => {
          const bound = { address: to, secret }
          const sealed = sealRelationSlip(one, bound, { bytes: () => nonce })
          assert.equal(sealed.byteLength, limits.slipBytes)
          assert.deepEqual(openRelationSlip({ slip: sealed, key: one.key }, bound), one)
          const flipped = (bytes: Uint8Array) =>
            bytes.map((byte, i) => (i === at % bytes.byteLength ? byte ^ 1 : byte))
          const refused = (given: { slip: Uint8Array; key: Uint8Array }, how: typeof bound) =>
            assert.throws(() => openRelationSlip(given, how), { code: 'SEAL_REFUSED' })
          refused({ slip: flipped(sealed), key: one.key }, bound)
          refused({ slip: sealed.subarray(1), key: one.key }, bound)
          refused({ slip: sealed, key: flipped(one.key) }, bound)
          refused({ slip: sealed, key: one.key }, { ...bound, secret: flipped(secret) })
          refused({ slip: sealed, key: one.key }, { ...bound, address: flipped(to) })
        }
      )
    )
  })

  it('is as the vectors say', () => {
    const { valid, refused } = vectors
    for (const [rule, { codec }] of Object.entries(kinds)) {
      for (const { frame } of valid[rule])
        assert.deepEqual(toHex(codec.encode(codec.decode(bytes(frame)) as never)), frame)
      for (const { frame, code } of refused[rule] ?? [])
        assert.throws(() => codec.decode(bytes(frame)), { code })
    }
    for (const { frame } of valid['address-offer'])
      assert.equal(toHex(encodeOffer(decodeOffer(bytes(frame)))), frame)
    for (const { frame, code } of refused['address-offer'])
      assert.throws(() => decodeOffer(bytes(frame)), { code })
    for (const { link, alias, address } of vectors.links) {
      assert.equal(makeAddressLink(readAddressLink(link)), link)
      assert.deepEqual(
        [readAddressLink(link).alias, toHex(readAddressLink(link).address)],
        [alias, address]
      )
    }
    for (const { sealed, address, secret, key, slip: inner } of vectors.slips) {
      const bound = { address: bytes(address), secret: bytes(secret) }
      const opened = openRelationSlip({ slip: bytes(sealed), key: bytes(key) }, bound)
      assert.equal(toHex(encodeSlip(opened)), inner)
    }
  })
})
