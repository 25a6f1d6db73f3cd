import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256 } from '../../src/base/bytes.ts'
import type { Contact, PeerId } from '../../src/base/ports.ts'
import { Candidates } from '../../src/routing/candidates.ts'
import { compareDistance } from '../../src/routing/distance.ts'
import type { LookupOptions } from '../../src/routing/lookup.ts'
import { Lookup } from '../../src/routing/lookup.ts'
import { driveLookup } from '../support/drive-lookup.ts'
import { dice, LookupWorld } from '../support/lookup-world.ts'

const placeOf = (peer: PeerId) => sha256(Buffer.from(peer))
const target = sha256(Buffer.from('target'))
const names = Array.from({ length: 90 }, (_, i) => `peer ${i}`).sort((a, b) =>
  compareDistance(target, placeOf(a), placeOf(b))
)
const contact = (peer: PeerId, ...addresses: string[]): Contact => ({ peer, addresses })
const nth = (...ranks: number[]) => ranks.map(rank => contact(names[rank]!))
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

function begin(start: Contact[], options: Partial<LookupOptions> = {}) {
  const candidates = new Candidates({ target, self: 'us', placeOf })
  candidates.start(start)
  const lookup = new Lookup({
    candidates,
    want: 3,
    alpha: 3,
    paths: 3,
    hedgeMs: 100,
    deadlineMs: 5_000,
    requestsMax: 60,
    ...options
  })
  const ranks = (nowMs: number) => lookup.poll(nowMs).map(c => names.indexOf(c.peer))
  return { lookup, ranks, candidates }
}

describe('a lookup over disjoint paths', () => {
  it('goes on each path only where that path was led', () => {
    const { lookup, ranks, candidates } = begin(nth(40, 41, 42))
    assert.deepEqual(ranks(0), [40, 41, 42])
    lookup.answered(names[40]!, nth(10, 11))
    assert.deepEqual(ranks(1), [10], 'the path that heard it, one at a time')
    lookup.answered(names[41]!, nth(20))
    lookup.answered(names[42]!, nth(21))
    assert.deepEqual(ranks(2), [20, 21])
    const pathOf = (rank: number) => candidates.get(names[rank]!)!.path
    assert.deepEqual([10, 20, 21].map(pathOf), [40, 41, 42].map(pathOf))
  })

  it('asks who was named on two paths once, and lets the answer lead one of them', () => {
    const { lookup, ranks, candidates } = begin(nth(40, 41, 42))
    ranks(0)
    for (const rank of [40, 41, 42]) lookup.answered(names[rank]!, nth(5))
    assert.deepEqual(ranks(1), [5])
    lookup.answered(names[5]!, nth(1))
    assert.equal(candidates.get(names[1]!)!.paths, 1 << candidates.get(names[5]!)!.path)
  })

  it('comes to an end on all paths where they meet, and takes the nearest of all', () => {
    const { lookup, ranks } = begin(nth(40, 41, 42), { want: 4 })
    ranks(0)
    lookup.answered(names[40]!, nth(0, 1))
    lookup.answered(names[41]!, nth(1, 2))
    lookup.answered(names[42]!, nth(2, 3))
    for (let nowMs = 1; lookup.end(nowMs) === undefined; nowMs++)
      for (const rank of ranks(nowMs)) lookup.answered(names[rank]!, nth(0, 1, 2, 3))
    assert.deepEqual(lookup.nearest(), nth(0, 1, 2, 3))
    assert.equal(lookup.requests, 7, 'nobody twice')
  })

  it('doubts who names peers that are not there, unless another names them too', () => {
    const { lookup, ranks } = begin(nth(40, 41, 42), { want: 8 })
    ranks(0)
    lookup.answered(names[40]!, nth(...range(0, 20)))
    lookup.answered(names[41]!, nth(10, 30))
    lookup.answered(names[42]!, nth(31))
    const asked: number[] = []
    for (let nowMs = 1; lookup.end(nowMs) === undefined; nowMs++)
      for (const rank of ranks(nowMs)) {
        asked.push(rank)
        if (rank < 20 && rank !== 10) lookup.failed(names[rank]!)
        else lookup.answered(names[rank]!, [])
      }
    assert(asked.includes(10), 'two know it')
    assert(asked.filter(rank => rank < 20).length <= 6, asked.join())
    assert.deepEqual(lookup.nearest(3), nth(10, 30, 31))
  })

  it('does not wait for a path that is led on and on when most others are at their end', () => {
    const { lookup } = begin(nth(40, 41, 42), { requestsMax: 1_000 })
    let invented = 0
    let nowMs = 0
    for (; lookup.end(nowMs) === undefined; nowMs += 10)
      for (const { peer } of lookup.poll(nowMs)) {
        const isBad = peer === names[40] || peer.startsWith('more')
        lookup.answered(peer, isBad ? [contact(`more ${invented++}`)] : nth(3, 4, 5))
      }
    assert(nowMs < 1_000, `${nowMs} ms`)
    assert.equal(lookup.end(nowMs), 'answered')
  })

  it('takes four of one subnet from an answer and ten in all, the nearest', () => {
    const { lookup, ranks, candidates } = begin(nth(...range(80, 86)))
    const inOne = (...list: number[]) =>
      list.map(rank => contact(names[rank]!, `/ip4/198.41.0.${rank}/tcp/1`))
    ranks(0)
    for (const [i, rank] of [80, 81, 82].entries()) {
      lookup.answered(names[rank]!, inOne(...range(50 + 6 * i, 56 + 6 * i)))
    }
    const taken = () =>
      candidates.all
        .filter(c => c.contact.addresses.length > 0)
        .map(c => names.indexOf(c.contact.peer))
    assert.deepEqual(taken(), [50, 51, 52, 53, 56, 57, 58, 59, 62, 63])
    ranks(1)
    lookup.answered(names[83]!, inOne(1, 2))
    assert.deepEqual(taken().slice(0, 2), [1, 2])
    assert.equal(taken().length, 10)
  })

  it('asks no more than one path would, where all are honest', () => {
    const world = new LookupWorld(2_000, { seed: 3 })
    const roll = dice(5)
    const cost = (paths: number) => {
      let [requests, right] = [0, 0]
      for (let i = 0; i < 60; i++) {
        const from = world.peers[Math.floor(roll() * world.peers.length)]!
        const at = sha256(Buffer.from(`place ${i}`))
        const found = world.lookup(from, at, 8, { paths })
        if (found.nearest.join() === world.trueNearest(at, 8, from).join()) right += 1
        requests += found.requests
      }
      return { requests: requests / 60, right }
    }
    const [one, three] = [cost(1), cost(3)]
    assert(three.requests <= 1.15 * one.requests, JSON.stringify({ one, three }))
    assert(three.right >= 59, JSON.stringify(three))
  })
})

describe('whatever peers answer on its paths, a lookup', () => {
  const answer = fc.record({
    delayMs: fc.constantFrom(0, 1, 50, 150, 900, 10_000),
    fate: fc.constantFrom('answered', 'answered', 'failed', 'refused'),
    named: fc.array(fc.nat(300), { maxLength: 20 })
  })

  it('asks nobody twice, lets no answer lead two paths, and is over in time and within its bound', () => {
    fc.assert(
      fc.property(
        fc.array(answer, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 2, max: 8 }),
        (answers, paths) => {
          const start = [2, 3, 4, 5, 6].map(n => contact(`peer ${n}`))
          const { lookup, candidates } = begin(start, { paths, want: 5 })
          const { nowMs, asked } = driveLookup(lookup, answers, next =>
            next.named.map(n => contact(`peer ${n}`))
          )
          assert(nowMs <= 5_000 && asked.length <= 60)
          assert.equal(new Set(asked).size, asked.length)
          for (const c of candidates.all)
            if (c.hearsay) {
              const led = new Set(c.tellers.map(teller => teller.path))
              for (let path = 0; path < 8; path++)
                assert.equal((c.paths & (1 << path)) !== 0, led.has(path))
              if (c.state !== 'heard') assert(led.has(c.path))
            }
          assert(candidates.all.length <= asked.length + 5 + 64 * paths)
        }
      ),
      { numRuns: 120 }
    )
  })
})
