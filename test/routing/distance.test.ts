import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256 } from '../../src/base/bytes.ts'
import { bitOf, commonPrefix, compareDistance, fraction } from '../../src/routing/distance.ts'
import { RoundTrip } from '../../src/routing/rtt.ts'
import { density, SizeEstimate } from '../../src/routing/size.ts'
import { bytesOf } from '../support/hostile-frames.ts'
import { dice } from '../support/lookup-world.ts'

const place = bytesOf(32)
const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)

describe('the distance between places', () => {
  it('orders as the XOR does, read as a number', () => {
    fc.assert(
      fc.property(place, place, place, (target, a, b) => {
        const [x, y] = [number(target) ^ number(a), number(target) ^ number(b)]
        assert.equal(Math.sign(compareDistance(target, a, b)), x < y ? -1 : x > y ? 1 : 0)
        assert(Math.abs(fraction(target, a) - Number(x) / 2 ** 256) < 1e-12)
      })
    )
  })

  it('counts the leading bits two places share', () => {
    fc.assert(
      fc.property(place, fc.nat(255), (a, bit) => {
        const b = a.slice()
        b[bit >> 3]! ^= 128 >> (bit & 7)
        assert.equal(commonPrefix(a, b), bit)
        assert.notEqual(bitOf(a, bit), bitOf(b, bit))
        assert.equal(commonPrefix(a, a), 256)
      })
    )
  })
})

describe('the estimate of how many nodes there are', () => {
  const roll = dice(3)
  const random = () => Uint8Array.from({ length: 32 }, () => roll() * 256)
  const nodes = Array.from({ length: 1_000 }, random)
  const nearest = (target: Uint8Array) =>
    nodes.toSorted((a, b) => compareDistance(target, a, b)).slice(0, 8)

  it('is within a factor of two after some lookups', () => {
    const size = new SizeEstimate()
    assert.equal(size.nodes, undefined)
    for (let i = 0; i < 15; i++) {
      const target = random()
      size.sample(target, nearest(target))
    }
    assert(size.nodes! > 500 && size.nodes! < 2_000, `${size.nodes}`)
  })

  it('is not moved by one crowded neighbourhood', () => {
    const size = new SizeEstimate()
    const own = sha256(Uint8Array.of(1))
    const crowd = Array.from({ length: 8 }, (_, i) => own.with(31, i))
    for (let i = 0; i < 7; i++) size.sample(own, crowd)
    for (let i = 0; i < 8; i++) {
      const target = random()
      size.sample(target, nearest(target))
    }
    assert(size.nodes! < 10_000, `${size.nodes}`)
    assert.equal(density(own, []), undefined)
  })
})

describe('the round-trip time', () => {
  it('follows what is seen, and calls slow what is far above it', () => {
    const trip = new RoundTrip(40)
    for (let i = 0; i < 50; i++) trip.sample(50)
    assert(trip.hedgeMs >= 50 && trip.hedgeMs < 60)
    for (let i = 0; i < 50; i++) trip.sample(i % 2 ? 200 : 400)
    assert(trip.hedgeMs > 400)
  })

  it('is bounded on both sides, so that neither speed nor silence makes it useless', () => {
    const trip = new RoundTrip(40)
    for (let i = 0; i < 50; i++) trip.sample(0)
    assert.equal(trip.hedgeMs, 40)
    for (let i = 0; i < 50; i++) trip.sample(60_000)
    assert.equal(trip.hedgeMs, 1_500)
  })
})
