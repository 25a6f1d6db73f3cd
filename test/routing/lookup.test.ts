import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256 } from '../../src/base/bytes.ts'
import type { Contact, PeerId } from '../../src/base/ports.ts'
import { Candidates } from '../../src/routing/candidates.ts'
import { compareDistance } from '../../src/routing/distance.ts'
import type { LookupOptions } from '../../src/routing/lookup.ts'
import { cheapest, Lookup } from '../../src/routing/lookup.ts'
import { driveLookup } from '../support/drive-lookup.ts'

const placeOf = (peer: PeerId) => {
  if (peer.startsWith('broken')) throw new TypeError('not a peer id')
  return sha256(Buffer.from(peer))
}
const target = sha256(Buffer.from('target'))
/** Nearest to the target first. */
const names = Array.from({ length: 60 }, (_, i) => `peer ${i}`).sort((a, b) =>
  compareDistance(target, placeOf(a), placeOf(b))
)
const contact = (peer: PeerId): Contact => ({ peer, addresses: [] })
const nth = (...ranks: number[]) => ranks.map(rank => contact(names[rank]!))

function begin(start: Contact[], options: Partial<LookupOptions> = {}) {
  const candidates = new Candidates({ target, self: 'us', placeOf })
  candidates.start(start)
  const lookup = new Lookup({
    candidates,
    want: 3,
    alpha: 2,
    hedgeMs: 100,
    deadlineMs: 5_000,
    requestsMax: 50,
    ...options
  })
  const ranks = (nowMs: number) => lookup.poll(nowMs).map(c => names.indexOf(c.peer))
  return { lookup, ranks, candidates }
}

describe('a lookup', () => {
  it('asks the nearest it knows, alpha at a time, and goes on with nearer ones it hears of', () => {
    const { lookup, ranks } = begin(nth(9, 7, 8))
    assert.deepEqual(ranks(0), [7, 8])
    assert.deepEqual(ranks(0), [])
    lookup.answered(names[7]!, nth(1, 2, 30))
    assert.deepEqual(ranks(1), [1])
    lookup.answered(names[8]!, nth(0))
    assert.deepEqual(ranks(2), [0])
    lookup.answered(names[1]!, [])
    assert.deepEqual(ranks(3), [2])
    lookup.answered(names[0]!, [])
    lookup.answered(names[2]!, [])
    assert.equal(lookup.end(4), 'answered')
    assert.deepEqual(lookup.nearest(), nth(0, 1, 2))
  })

  it('sends the last ones together, once the nearest has answered', () => {
    const { lookup, ranks } = begin(nth(0, 1, 2, 3), { want: 4, alpha: 1 })
    assert.deepEqual(ranks(0), [0])
    lookup.answered(names[0]!, [])
    assert.deepEqual(ranks(1), [1, 2, 3])
  })

  it('overtakes a slow peer before it times out, and still takes its answer', () => {
    const { lookup, ranks } = begin(nth(0, 1, 2, 3), { alpha: 1, want: 1 })
    assert.deepEqual(ranks(0), [0])
    assert.equal(lookup.wakeMs(0), 100)
    assert.deepEqual(ranks(99), [])
    assert.deepEqual(ranks(100), [1])
    lookup.answered(names[0]!, [])
    assert.deepEqual(lookup.nearest(), nth(0))
    assert.equal(lookup.end(101), 'answered')
  })

  it('does not wait at its end for one that stays silent', () => {
    const { lookup, ranks } = begin(nth(0, 1, 2, 3), { alpha: 3, patienceMs: 300 })
    assert.deepEqual(ranks(0), [0, 1, 2])
    lookup.answered(names[1]!, [])
    lookup.answered(names[2]!, [])
    assert.equal(lookup.end(200), undefined)
    assert.deepEqual(ranks(100), [3])
    lookup.answered(names[3]!, [])
    assert.equal(lookup.end(299), undefined)
    assert.equal(lookup.end(300), 'answered')
    assert.deepEqual(lookup.nearest(), nth(1, 2, 3))
  })

  it('replaces those that fail or refuse by the next', () => {
    const { lookup, ranks } = begin(nth(0, 1, 2, 3, 4), { alpha: 3 })
    assert.deepEqual(ranks(0), [0, 1, 2])
    lookup.failed(names[0]!)
    lookup.refused(names[1]!)
    assert.deepEqual(ranks(1), [3, 4])
    for (const rank of [2, 3, 4]) lookup.answered(names[rank]!, [])
    assert.deepEqual(lookup.nearest(), nth(2, 3, 4))
    assert.equal(lookup.end(2), 'answered')
  })

  it('ends at once when the value is found, when nobody is left, and at its deadline', () => {
    const found = begin(nth(0, 1))
    found.ranks(0)
    found.lookup.stop()
    assert.equal(found.lookup.end(1), 'stopped')
    assert.deepEqual(found.ranks(1), [])

    assert.equal(begin([]).lookup.end(0), 'answered')
    const late = begin(nth(0, 1))
    late.ranks(0)
    assert.equal(late.lookup.end(5_000), 'late')
  })

  it('takes enough answers of the wanted where all of those were asked', () => {
    const { lookup, ranks } = begin(nth(0, 1, 2, 3, 4), { want: 4, enough: 2, alpha: 4 })
    assert.deepEqual(ranks(0), [0, 1, 2, 3])
    lookup.answered(names[3]!, [])
    assert.equal(lookup.end(1), undefined)
    lookup.answered(names[1]!, [])
    assert.equal(lookup.end(1), 'answered')
  })

  it('asks the cheapest first where any of the wanted will do, and widens after a miss', () => {
    const cost = (peer: PeerId) => (peer === names[2] ? 0 : 2)
    const { lookup, ranks } = begin(nth(0, 1, 2, 3), {
      want: 3,
      alpha: 1,
      burst: 2,
      choose: cheapest(cost)
    })
    assert.deepEqual(ranks(0), [2])
    lookup.widen()
    lookup.answered(names[2]!, [])
    assert.deepEqual(ranks(1), [0, 1])
  })

  it('leaves it to another rule which of the wanted is asked, and nothing else', () => {
    const offered: number[][] = []
    const choose: LookupOptions['choose'] = among => {
      offered.push(among.map(({ contact }) => names.indexOf(contact.peer)))
      return among.at(-1)!
    }
    const o = { want: 3, alpha: 2, burst: 2, choose }
    const { lookup, ranks } = begin(nth(0, 1, 2, 3), o)
    assert.deepEqual(ranks(0), [2, 1])
    assert.deepEqual(offered.slice(0, 2), [
      [0, 1, 2],
      [0, 1]
    ])
    lookup.answered(names[2]!, [])
    lookup.answered(names[1]!, [])
    assert.deepEqual(ranks(1), [0])
    lookup.answered(names[0]!, [])
    assert.equal(lookup.end(2), 'answered')
  })

  it('passes over ourselves, the broken, the twice named, and reports of strangers', () => {
    const { lookup, ranks, candidates } = begin(nth(5))
    ranks(0)
    const odd = [contact('us'), contact('broken'), ...nth(5, 5, 6, 6)]
    lookup.answered(names[5]!, odd)
    lookup.answered('stranger', nth(0))
    lookup.answered(names[5]!, nth(1))
    assert.deepEqual(
      candidates.all.map(c => c.contact.peer),
      [names[0], names[1], names[5], names[6]]
    )
    assert.equal(candidates.get(names[6]!)?.hops, 2)
  })
})

describe('whatever its peers answer, a lookup', () => {
  /** Contacts made up on the way; small numbers come again, ours and broken ones occur. */
  const answer = fc.record({
    delayMs: fc.constantFrom(0, 1, 50, 150, 900, 10_000),
    fate: fc.constantFrom('answered', 'answered', 'failed', 'refused'),
    named: fc.array(fc.oneof(fc.nat(30), fc.nat(1e9)), { maxLength: 40 }),
    nearer: fc.boolean()
  })
  const name = (n: number) => (n === 0 ? 'us' : n === 1 ? 'broken' : `peer ${n}`)
  /** Made-up peers ever nearer to the target, as a liar would name them. */
  const lure = (n: number) => {
    let best = `lure ${n}`
    for (let i = 0; i < 8; i++) {
      const other = `lure ${n} ${i}`
      if (compareDistance(target, placeOf(other), placeOf(best)) < 0) best = other
    }
    return best
  }

  it('asks nobody twice, at most so many, and is over by its deadline', () => {
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1, maxLength: 60 }), answers => {
        const { lookup, candidates } = begin(
          [2, 3, 4].map(n => contact(name(n))),
          {
            want: 4,
            alpha: 3
          }
        )
        const { nowMs, asked } = driveLookup(lookup, answers, (next, many) =>
          next.named.map(n => contact(next.nearer ? lure(n + many) : name(n)))
        )
        assert(nowMs <= 5_000)
        assert(asked.length <= 50)
        assert.equal(new Set(asked).size, asked.length)
        assert(!asked.includes('us') && !asked.includes('broken'))
        assert(candidates.all.length <= asked.length + 64)
        const nearest = lookup.nearest().map(c => c.peer)
        assert(nearest.every(peer => asked.includes(peer)))
      }),
      { numRuns: 150 }
    )
  })
})
