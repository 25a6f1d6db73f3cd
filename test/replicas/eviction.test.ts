import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Stray } from '../../src/replicas/eviction.ts'
import { Eviction } from '../../src/replicas/eviction.ts'

const strays = fc.array(
  fc.record({
    sharedBits: fc.nat(6),
    expiryMs: fc.nat(20),
    bytes: fc.integer({ min: 1, max: 100 })
  }),
  { maxLength: 60 }
)
const named = (all: readonly Omit<Stray, 'key'>[]): Stray[] =>
  all.map((stray, i) => ({ ...stray, key: Uint8Array.of(i) }))
const compare = (a: Stray, b: Stray) => a.sharedBits - b.sharedBits || a.expiryMs - b.expiryMs

describe('what gives way in a full store', () => {
  it('is the farthest, of two as far the sooner to expire, and no more than is needed', () => {
    fc.assert(
      fc.property(strays, fc.nat(400), fc.nat(7), (given, bytes, sharedBits) => {
        const all = named(given)
        const eviction = new Eviction()
        for (const stray of all) eviction.offer(stray)
        eviction.settle()
        const taken = eviction.take(bytes, sharedBits)
        const farther = all.filter(s => s.sharedBits < sharedBits)
        const most = farther.reduce((sum, s) => sum + s.bytes, 0)
        const freed = taken.reduce((sum, s) => sum + s.bytes, 0)
        if (most < bytes) assert.deepEqual(taken, [], 'nothing is dropped in vain')
        else assert(freed >= bytes && freed - (taken.at(-1)?.bytes ?? 0) <= bytes)
        const ordered = all.toSorted(compare).slice(0, taken.length)
        assert.deepEqual(taken, ordered)
        assert.equal(eviction.size, all.length - taken.length)
      })
    )
  })

  it('is remembered up to a bound, the worst of them', () => {
    fc.assert(
      fc.property(strays, given => {
        const all = named(given)
        const eviction = new Eviction(10)
        for (const stray of all) eviction.offer(stray)
        eviction.settle()
        assert.equal(eviction.size, Math.min(10, all.length))
        assert.equal(eviction.more, all.length > 10)
        const bytes = all
          .toSorted(compare)
          .slice(0, 10)
          .reduce((sum, s) => sum + s.bytes, 0)
        assert.deepEqual(eviction.take(bytes, 256), all.toSorted(compare).slice(0, 10))
      })
    )
  })
})
