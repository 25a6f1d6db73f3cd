import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256 } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { Contact, PeerId } from '../../src/base/ports.ts'
import { commonPrefix, compareDistance } from '../../src/routing/distance.ts'
import { subnetsOf } from '../../src/routing/subnet.ts'
import { Table } from '../../src/routing/table.ts'

const placeOf = (peer: PeerId) => {
  if (peer === 'broken') throw new TypeError('not a peer id')
  return sha256(Buffer.from(peer))
}
const own = placeOf('us')
const make = (k = 20) => new Table({ place: own, placeOf, k })
const local = (name: string | number): Contact => ({
  peer: `peer ${name}`,
  addresses: ['/ip4/127.0.0.1/tcp/1']
})
const shared = (contact: Contact) => commonPrefix(own, placeOf(contact.peer))

describe('the routing table', () => {
  /** Peers of the farthest bucket. */
  const far = Array.from({ length: 400 }, (_, i) => local(i)).filter(c => shared(c) === 0)

  it('holds whom it heard an answer from, and nobody else', () => {
    const table = make()
    assert(table.wants(local(1)))
    assert.equal(table.size, 0)
    table.seen('peer 1', 5)
    assert.equal(table.size, 0)
    assert(table.answered(local(1), 5))
    assert.deepEqual(table.contacts(), [local(1)])
    assert(!table.wants(local(1)))
  })

  it('never holds ourselves, nor what is no peer', () => {
    const table = make()
    for (const peer of ['us', 'broken']) {
      assert(!table.wants({ peer, addresses: [] }))
      assert(!table.answered({ peer, addresses: [] }, 1))
      assert(!table.failed(peer))
    }
    assert.equal(table.size, 0)
  })

  it('lets a peer go after two failures in a row, and not after one', () => {
    const table = make()
    table.answered(local(1), 1)
    assert(!table.failed('peer 1'))
    assert.deepEqual(table.doubtful(9), [local(1)])
    table.seen('peer 1', 2)
    assert(!table.failed('peer 1'))
    assert(table.failed('peer 1'))
    assert.equal(table.size, 0)
  })

  it('keeps those it knows longest when a bucket is full, and replaces the lost by a spare', () => {
    const table = make(8)
    for (const contact of far.slice(0, 8)) assert(table.answered(contact, 1))
    assert(table.answered(local('near'), 1) || true)
    const spare = far[20]!
    assert(!table.answered(spare, 2))
    assert(!table.has(spare.peer))
    assert(table.nearest(placeOf(spare.peer), 1, { spares: true })[0] === spare)
    table.remove(far[3]!.peer)
    assert(table.has(spare.peer))
    assert(!table.has(far[3]!.peer))
  })

  it('takes new addresses from a peer that moved', () => {
    const table = make()
    table.answered(local(1), 1)
    const moved = { peer: 'peer 1', addresses: ['/ip4/127.0.0.1/tcp/2'] }
    table.answered(moved, 2)
    assert.deepEqual(table.contacts(), [moved])
    table.answered({ peer: 'peer 1', addresses: [] }, 3)
    assert.deepEqual(table.contacts(), [moved])
  })

  it('says who has been silent, which bucket no lookup passed, and how far it is split', () => {
    const table = make(4)
    for (let i = 0; i < 40; i++) table.answered(local(i), i)
    assert(table.depth >= 2)
    const silent = table.silent(20, 3)
    assert.equal(silent.length, 3)
    assert.equal(table.stale(1), 0)
    table.touched(placeOf(far[0]!.peer), 10)
    assert.equal(table.stale(1), 1)
    assert.equal(table.stale(0), undefined)
    assert.equal(table.spread(2).length, table.depth)
  })
})

describe('limits per network', () => {
  const at = (n: number, ...addresses: string[]): Contact => ({ peer: `peer ${n}`, addresses })
  const many = (address: (i: number) => string, count = 300) => {
    const table = make()
    for (let i = 0; i < count; i++) table.answered(at(i, address(i)), 1)
    return table
  }

  it('admit two of a /24 or /48 per bucket and ten in all', () => {
    for (const address of [
      (i: number) => `/ip4/203.0.113.${i % 256}/tcp/${i}`,
      (i: number) => `/ip6/2001:db8:7:${i}::1/tcp/1`,
      (i: number) => `/dns4/crowd.example/tcp/${i + 1}`
    ]) {
      const table = many(address)
      const bucketOf = (c: Contact) => Math.min(shared(c), table.depth)
      const counts = Map.groupBy(table.contacts(), bucketOf)
      for (const [, list] of counts) assert(list.length <= limits.subnetPeersPerBucketMax)
      assert(table.size <= limits.subnetPeersMax)
      assert(table.size >= 2)
    }
  })

  it('leave loopback and private networks free', () => {
    for (const address of [
      (i: number) => `/ip4/127.0.0.1/tcp/${i + 1}`,
      (i: number) => `/ip4/192.168.1.${i % 256}/tcp/1`,
      (i: number) => `/ip4/10.0.0.1/tcp/${i + 1}`,
      (i: number) => `/ip6/::1/tcp/${i + 1}`,
      (i: number) => `/ip6/fd00::${i}/tcp/1`
    ])
      assert(many(address).size > 40)
  })

  it('hold when a peer says it moved', () => {
    const table = make()
    const crowd = (i: number) => at(i, `/ip4/203.0.113.${i % 256}/tcp/1`)
    for (let i = 0; i < 300; i++) table.answered(local(i), 1)
    for (let i = 0; i < 300; i++) table.answered(crowd(i), 2)
    const crowded = table.contacts().filter(c => subnetsOf(c).length > 0)
    assert(crowded.length <= limits.subnetPeersMax)
  })

  it('free a place when a peer leaves', () => {
    const table = many(i => `/ip4/203.0.113.${i % 256}/tcp/1`)
    const [gone] = table.contacts()
    const before = table.size
    table.remove(gone!.peer)
    table.answered(gone!, 9)
    assert.equal(table.size, before)
  })

  it('read addresses of any shape', () => {
    const text = fc.array(fc.string(), { maxLength: 5 })
    fc.assert(fc.property(text, addresses => void subnetsOf({ peer: 'x', addresses })))
    assert.deepEqual(subnetsOf(at(1, '/ip6/2001:db8:7::/tcp/1')), ['2001:db8:7'])
  })
})

describe('whatever happens to the table', () => {
  type Act = { do: 'answered' | 'failed' | 'seen' | 'remove'; n: number; subnet: number }
  const acts = fc.array(
    fc.record<Act>({
      do: fc.constantFrom('answered', 'answered', 'answered', 'failed', 'seen', 'remove'),
      n: fc.nat(150),
      subnet: fc.nat(40)
    }),
    { maxLength: 400 }
  )
  const target = fc.uint8Array({ minLength: 32, maxLength: 32 })

  it('its buckets, counts and order hold', () => {
    fc.assert(
      fc.property(acts, target, (list, place) => {
        const table = make(4)
        for (const [at, act] of list.entries()) {
          const peer = `peer ${act.n}`
          const addresses =
            act.subnet < 20 ? ['/ip4/10.0.0.1/tcp/1'] : [`/ip4/8.8.${act.subnet}.1/tcp/1`]
          if (act.do === 'answered') table.answered({ peer, addresses }, at)
          else if (act.do === 'seen') table.seen(peer, at)
          else table[act.do](peer)
        }
        const all = table.contacts()
        assert.equal(all.length, table.size)
        assert.equal(new Set(all.map(c => c.peer)).size, all.length)
        const buckets = Map.groupBy(all, c => Math.min(shared(c), table.depth))
        for (const [, bucket] of buckets) assert(bucket.length <= table.k)
        const bySubnet = Map.groupBy(all.flatMap(subnetsOf), s => s)
        for (const [, found] of bySubnet) assert(found.length <= limits.subnetPeersMax)
        const byDistance = (a: Contact, b: Contact) =>
          compareDistance(place, placeOf(a.peer), placeOf(b.peer))
        assert.deepEqual(table.nearest(place, 7), all.toSorted(byDistance).slice(0, 7))
        const spared = table.nearest(place, 7, { spares: true })
        assert.deepEqual(spared, spared.toSorted(byDistance))
      }),
      { numRuns: 60 }
    )
  })
})
