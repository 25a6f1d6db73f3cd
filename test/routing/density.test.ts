import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256 } from '../../src/base/bytes.ts'
import type { Place } from '../../src/base/ports.ts'
import { atLeast, densityAt } from '../../src/routing/density.ts'
import { commonPrefix, compareDistance } from '../../src/routing/distance.ts'
import { Region, rarely } from '../../src/routing/region.ts'
import { dice } from '../support/lookup-world.ts'

const replicas = 8
const placeOf = (peer: string): Place => {
  if (peer.startsWith('broken')) throw new TypeError('not a peer id')
  return sha256(Buffer.from(peer))
}
const nearestTo = (target: Place, places: readonly Place[], count: number): Place[] =>
  places.toSorted((a, b) => compareDistance(target, a, b)).slice(0, count)
const contact = (peer: string) => ({ peer, addresses: [] })

describe('the density around a place', () => {
  it('is taken as unnatural no more often than was asked for, where nobody chose an id', () => {
    const nodes = 1_000
    const trials = 3_000
    const places = Array.from({ length: nodes }, (_, i) => placeOf(`honest ${i}`))
    const head = (place: Place) => Buffer.from(place).readUInt32BE()
    const counts = { natural: 0, crowded: 0, sparse: 0 }
    for (let i = 0; i < trials; i++) {
      const target = placeOf(`key ${i}`)
      const at = head(target)
      const few = places.filter(place => (head(place) ^ at) >>> 27 === 0)
      const nearest = nearestTo(target, few, replicas)
      counts[densityAt({ target, nearest, wanted: replicas, nodes, ...rarely })] += 1
    }
    // The same ids meet all keys, so the trials are not quite independent.
    assert(counts.crowded <= 2 * rarely.crowded * trials, JSON.stringify(counts))
    assert(counts.sparse <= 1.4 * rarely.sparse * trials, JSON.stringify(counts))
    assert(counts.crowded + counts.sparse > 0, 'it does look')
  })

  it('shows eight minted ids, whatever the size of the network', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 1e6 }), fc.nat(1e6), (nodes, seed) => {
        const target = placeOf(`key ${seed}`)
        const roll = dice(seed + 1)
        const minted = Array.from({ length: replicas }, () => {
          const place = Uint8Array.from({ length: 32 }, () => roll() * 256)
          place.set(target.subarray(0, 3))
          return place
        })
        const nearest = nearestTo(target, minted, replicas)
        const o = { target, nearest, wanted: replicas, ...rarely }
        assert.equal(densityAt({ ...o, nodes }), 'crowded')
      })
    )
  })

  it('shows that somebody keeps the nearest from us', () => {
    const target = placeOf('key')
    const places = Array.from({ length: 2_000 }, (_, i) => placeOf(`node ${i}`))
    const all = nearestTo(target, places, 60)
    const o = { target, wanted: replicas, nodes: 2_000, ...rarely }
    assert.equal(densityAt({ ...o, nearest: all.slice(0, 8) }), 'natural')
    assert.equal(densityAt({ ...o, nearest: all.slice(30, 38) }), 'sparse')
    assert.equal(densityAt({ ...o, nearest: all.slice(0, 3) }), 'sparse')
    assert.equal(densityAt({ ...o, nodes: 5, nearest: all.slice(0, 3) }), 'natural')
  })

  it('is judged by Poisson’s law', () => {
    assert.equal(atLeast(0, 3), 1)
    assert(Math.abs(atLeast(1, 2) - (1 - Math.exp(-2))) < 1e-12)
    assert(Math.abs(atLeast(8, 8) - 0.547) < 1e-3)
    fc.assert(
      fc.property(fc.nat(40), fc.double({ min: 0, max: 500, noNaN: true }), (count, mean) => {
        const chance = atLeast(count, mean)
        assert(chance >= 0 && chance <= 1 && atLeast(count + 1, mean) <= chance + 1e-9)
      })
    )
  })
})

describe('the region of a key', () => {
  it('is where twice R nodes live', () => {
    const target = placeOf('key')
    const sizes = [1, 15, 16, 64, 1_000, 100_000].map(nodes => {
      const region = new Region({ target, nodes, share: 16, placeOf })
      return [nodes, region.bits] as const
    })
    assert.deepEqual(sizes, [
      [1, 0],
      [15, 0],
      [16, 0],
      [64, 2],
      [1_000, 5],
      [100_000, 12]
    ])
  })

  it('is looked at in its halves, its quarters, its eighths, and holds nobody else', () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.integer({ min: 1, max: 1e9 }), (seed, nodes) => {
        const target = placeOf(`key ${seed}`)
        const roll = dice(seed + 1)
        const region = new Region({ target, nodes, share: 16, placeOf })
        const random = () => Uint8Array.from({ length: 32 }, () => roll() * 256)
        const shared = region.places(random).map(place => commonPrefix(place, target))
        assert.deepEqual(
          shared,
          [0, 1, 2].map(shell => region.bits + shell)
        )
        const peers = ['broken', 'broken too', ...Array.from({ length: 300 }, (_, i) => `p ${i}`)]
        region.hear(peers.map(contact))
        assert(region.members.length <= 256)
        for (const { peer } of region.members) assert(region.has(placeOf(peer)))
      }),
      { numRuns: 50 }
    )
  })

  it('is drawn from evenly, so that those crowded into a corner are few of the drawn', () => {
    const target = placeOf('key')
    const region = new Region({
      target,
      nodes: 1_000,
      share: 16,
      placeOf: peer => places.get(peer)!
    })
    const roll = dice(3)
    const random = () => Uint8Array.from({ length: 32 }, () => roll() * 256)
    const places = new Map<string, Place>()
    const minted = Array.from({ length: 100 }, (_, i) => `minted ${i}`)
    for (const name of minted) {
      const place = random()
      place.set(target.subarray(0, 2))
      places.set(name, place)
    }
    const honest = Array.from({ length: 16 }, (_, i) => `honest ${i}`)
    for (const name of honest) {
      const place = random()
      place[0] = (target[0]! & 0b11111000) | (place[0]! & 0b111)
      places.set(name, place)
    }
    region.hear([...minted, ...honest].map(contact))
    const drawn = region.draw(16, random).map(({ peer }) => peer)
    assert.equal(new Set(drawn).size, 16)
    assert(drawn.filter(peer => honest.includes(peer)).length >= 12, drawn.join())
    assert.equal(region.draw(1_000, random).length, region.members.length)
  })
})
