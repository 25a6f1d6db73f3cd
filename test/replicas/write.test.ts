import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256 } from '../../src/base/bytes.ts'
import type { Contact, PeerId } from '../../src/base/ports.ts'
import type { WriteOptions } from '../../src/replicas/write.ts'
import { Write } from '../../src/replicas/write.ts'
import { Candidates } from '../../src/routing/candidates.ts'
import { compareDistance } from '../../src/routing/distance.ts'

const placeOf = (peer: PeerId) => sha256(Buffer.from(peer))
const target = sha256(Buffer.from('key'))
/** Nearest first. */
const names = Array.from({ length: 80 }, (_, i) => `peer ${i}`).sort((a, b) =>
  compareDistance(target, placeOf(a), placeOf(b))
)
const contact = (rank: number): Contact => ({ peer: names[rank]!, addresses: [] })
const upTo = (count: number) => Array.from({ length: count }, (_, rank) => rank)

function begin(ranks: number[], options: Partial<WriteOptions> = {}) {
  const candidates = new Candidates({ target, self: names[79]!, placeOf })
  candidates.start(ranks.map(contact))
  const write = new Write({
    candidates,
    replicas: 8,
    quorum: 5,
    hedgeMs: 100,
    deadlineMs: 10_000,
    requestsMax: 40,
    ...options
  })
  return {
    write,
    candidates,
    ranks: (nowMs: number) => write.poll(nowMs).map(c => names.indexOf(c.peer)),
    stored: (rank: number, nearer: number[] = []) =>
      write.stored(names[rank]!, nearer.map(contact)),
    refused: (rank: number) => write.refused(names[rank]!),
    failed: (rank: number) => write.failed(names[rank]!),
    pays: (rank: number, nowMs: number) => write.pays(names[rank]!, nowMs),
    paid: (rank: number, nowMs: number) => write.paid(names[rank]!, nowMs),
    again: (rank: number, nowMs: number) => write.again(names[rank]!, nowMs)
  }
}

describe('a write', () => {
  it('goes to the R nearest at once, is safe at W, and goes on to R', () => {
    const { write, ranks, stored } = begin(upTo(20))
    assert.deepEqual(ranks(0), upTo(8))
    for (const rank of [7, 0, 3, 5]) stored(rank)
    assert(!write.safe)
    stored(1)
    assert(write.safe)
    assert(!write.over(1))
    for (const rank of [2, 4, 6]) stored(rank)
    assert(write.over(1))
    assert.deepEqual(ranks(1), [])
    assert.deepEqual(write.count(), { stored: 8, needed: 5, wanted: 8, smallNetwork: false })
  })

  it('replaces who refuses or fails by the next nearest', () => {
    const { write, ranks, stored, refused, failed } = begin(upTo(20))
    ranks(0)
    refused(0)
    assert.deepEqual(ranks(1), [8])
    failed(4)
    failed(8)
    assert.deepEqual(ranks(2), [9, 10])
    for (const rank of [1, 2, 3, 5, 6, 7, 9, 10]) stored(rank)
    assert(write.over(3))
    assert.equal(write.count().stored, 8)
  })

  it('follows nearer peers that holders name', () => {
    const { write, ranks, stored } = begin(upTo(20).slice(4))
    assert.deepEqual(ranks(0), [4, 5, 6, 7, 8, 9, 10, 11])
    stored(4, [0, 1, 30])
    assert.deepEqual(ranks(1), [0, 1])
    for (const rank of [5, 6, 7, 8, 9, 10, 11, 0, 1]) stored(rank)
    assert(write.over(2))
  })

  it('bears as many slow ones as R is larger than W', () => {
    const { write, ranks, stored } = begin(upTo(20))
    ranks(0)
    for (const rank of [0, 1, 2, 3]) stored(rank)
    write.failed(names[7]!)
    assert.deepEqual(ranks(50), [8])
    assert.deepEqual(ranks(149), [], 'the one just asked can still make it five')
    assert.deepEqual(ranks(150), [9], 'too few are left')
  })

  it('gives the place of slow ones to the next, when too few are left for a quorum', () => {
    const { write, ranks, stored } = begin(upTo(20))
    ranks(0)
    for (const rank of [0, 1, 2, 3]) stored(rank)
    assert.equal(write.wakeMs(50), 100)
    assert.deepEqual(ranks(99), [])
    assert.deepEqual(ranks(100), [8])
    assert.deepEqual(ranks(200), [9])
    stored(9)
    assert(write.safe)
    assert.deepEqual(ranks(500), [])
  })

  it('in a small network needs everybody who can be reached, and says so', () => {
    const { write, ranks, stored, failed } = begin(upTo(3))
    assert.deepEqual(ranks(0), upTo(3))
    assert.deepEqual(write.count(), { stored: 0, needed: 3, wanted: 3, smallNetwork: true })
    stored(0)
    stored(1)
    assert(!write.safe)
    failed(2)
    assert(write.safe && write.over(1))
    assert.deepEqual(write.count(), { stored: 2, needed: 2, wanted: 2, smallNetwork: true })
  })

  it('alone is safe with one copy, and with nobody never', () => {
    const alone = begin([0])
    alone.ranks(0)
    assert(!alone.write.safe)
    alone.stored(0)
    assert(alone.write.safe)

    const nobody = begin([])
    assert(nobody.write.over(0) && !nobody.write.safe)
    const away = begin([0, 1])
    away.ranks(0)
    away.failed(0)
    away.failed(1)
    assert(away.write.over(1) && !away.write.safe)
  })

  it('is not safe where many are known and too few reached, or where one refuses', () => {
    const many = begin(upTo(9))
    many.ranks(0)
    for (const rank of [0, 1, 2, 3]) many.stored(rank)
    for (const rank of [4, 5, 6, 7]) many.failed(rank)
    many.ranks(1)
    many.failed(8)
    assert(many.write.over(2) && !many.write.safe)
    assert.equal(many.write.count().needed, 5)

    const full = begin(upTo(3))
    full.ranks(0)
    full.stored(0)
    full.stored(1)
    full.refused(2)
    assert(full.write.over(1) && !full.write.safe)
  })

  it('counts each holder once, and no report of one it did not ask', () => {
    const { write, ranks, stored } = begin(upTo(8))
    stored(0)
    assert.equal(write.count().stored, 0)
    ranks(0)
    stored(0)
    stored(0)
    stored(70)
    assert.equal(write.count().stored, 1)
  })

  it('stops at its deadline', () => {
    const { write, ranks } = begin(upTo(20))
    assert.deepEqual(ranks(10_000), [])
    assert(write.over(10_000))
  })
})

describe('whatever holders answer, a write', () => {
  const answer = fc.record({
    fate: fc.constantFrom('stored', 'stored', 'refused', 'failed', 'silent', 'pays'),
    workMs: fc.nat(30_000),
    named: fc.array(fc.nat(79), { maxLength: 20 })
  })

  it('claims what was acknowledged and no more, asks nobody twice, and comes to an end', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(78), { maxLength: 30 }),
        fc.array(answer, { minLength: 1, maxLength: 50 }),
        (known, answers) => {
          const { write, ranks, stored, refused, failed, pays, paid, again } = begin(known)
          const asked: number[] = []
          const working = new Map<number, number>()
          let offers = 0
          const acknowledged = new Set<number>()
          let hearsay = 0
          let nowMs = 0
          while (!write.over(nowMs)) {
            assert(nowMs <= 10_000 + 41 * 30_000)
            for (const [rank, untilMs] of working) {
              if (untilMs > nowMs) continue
              working.delete(rank)
              paid(rank, nowMs)
              offers += 1
              if (!again(rank, nowMs)) refused(rank)
              else {
                acknowledged.add(rank)
                stored(rank)
              }
            }
            for (const rank of ranks(nowMs)) {
              const next = answers[asked.length % answers.length]!
              asked.push(rank)
              if (!known.includes(rank)) hearsay += 1
              if (next.fate === 'stored') {
                acknowledged.add(rank)
                stored(rank, next.named)
              } else if (next.fate === 'refused') refused(rank)
              else if (next.fate === 'failed') failed(rank)
              else if (next.fate === 'pays') {
                pays(rank, nowMs)
                working.set(rank, nowMs + next.workMs)
              }
            }
            const { stored: count, needed, wanted } = write.count()
            assert.equal(count, acknowledged.size)
            assert.equal(write.safe, count >= needed)
            assert(needed >= 1 && needed <= 5 && wanted >= needed && wanted <= 8)
            nowMs = Math.max(nowMs + 1, Math.min(write.wakeMs(nowMs), ...working.values()))
          }
          assert.equal(new Set(asked).size, asked.length)
          assert(asked.length <= 40 && hearsay <= 20)
          assert(write.requests <= 40 && offers <= asked.length)
          assert(working.size === 0, 'it does not end while it works')
          assert(!asked.includes(79), 'never ourselves by hearsay')
        }
      ),
      { numRuns: 200 }
    )
  })
})

describe('of one subnet, a write', () => {
  const seed = fc.record({ subnet: fc.nat(9), fate: fc.constantFrom('stored', 'stored', 'failed') })

  it('takes two holders at most while there are others, and as many as there are else', () => {
    fc.assert(
      fc.property(
        fc.array(seed, { minLength: 1, maxLength: 40 }),
        fc.nat(40),
        (seeds, knownCount) => {
          const contacts = seeds.map(({ subnet }, rank) => ({
            peer: names[rank]!,
            addresses: [`/ip4/203.0.${subnet}.${rank}/tcp/4420`]
          }))
          const { write, candidates } = begin([])
          candidates.start(contacts.slice(0, Math.max(1, knownCount)))
          const stored = new Map<number, number>()
          let copies = 0
          for (let nowMs = 0; !write.over(nowMs); nowMs++) {
            assert(nowMs < 1_000)
            for (const { peer } of write.poll(nowMs)) {
              const { subnet, fate } = seeds[names.indexOf(peer)]!
              if (fate === 'failed') {
                write.failed(peer)
                continue
              }
              write.stored(peer, [])
              stored.set(subnet, (stored.get(subnet) ?? 0) + 1)
              copies += 1
            }
          }
          const there = seeds.slice(0, Math.max(1, knownCount)).filter(s => s.fate === 'stored')
          const bySubnet = Map.groupBy(there, ({ subnet }) => subnet)
          const choice = [...bySubnet.values()].reduce((sum, s) => sum + Math.min(2, s.length), 0)
          assert.equal(copies, Math.min(8, there.length))
          if (choice >= 8) assert(Math.max(...stored.values()) <= 2, 'there was a choice')
        }
      ),
      { numRuns: 300 }
    )
  })

  it('waits for what the others name before it takes a third', () => {
    const { write, candidates } = begin([])
    const at = (rank: number, address: string) => ({ peer: names[rank]!, addresses: [address] })
    const crowd = upTo(8).map(rank => at(rank, `/ip6/2001:db8:1:${rank}::1/tcp/1`))
    candidates.start(crowd)
    assert.deepEqual(
      write.poll(0).map(({ peer }) => names.indexOf(peer)),
      [0, 1]
    )
    write.stored(names[0]!, [at(20, '/ip6/2001:db8:2::1/tcp/1')])
    assert.deepEqual(
      write.poll(1).map(({ peer }) => names.indexOf(peer)),
      [20]
    )
    write.stored(names[1]!, [])
    write.stored(names[20]!, [])
    assert.deepEqual(
      write.poll(2).map(({ peer }) => names.indexOf(peer)),
      [2]
    )
  })
})

describe('a write to those that ask for more work', () => {
  it('keeps their places, and gives them the copy when the work is done', () => {
    const { write, ranks, stored, pays, paid, again } = begin(upTo(20))
    ranks(0)
    for (const rank of [3, 4, 5, 6, 7]) stored(rank)
    for (const rank of [0, 1, 2]) pays(rank, 10)
    assert(write.safe)
    assert.deepEqual(ranks(5_000), [], 'a quorum is there')
    assert(!write.over(5_000))
    for (const rank of [0, 1, 2]) {
      paid(rank, 5_000)
      assert(again(rank, 5_000))
      stored(rank)
    }
    assert(write.over(5_000))
    assert.equal(write.requests, 11)
  })

  it('tries others beside them when no quorum is there, and then wants no more than R', () => {
    const { write, ranks, stored, refused, pays, paid, again } = begin(upTo(20))
    ranks(0)
    for (const rank of upTo(6)) pays(rank, 10)
    for (const rank of [6, 7]) stored(rank)
    assert.deepEqual(ranks(109), [])
    assert.deepEqual(ranks(110), [8, 9, 10])
    for (const rank of [8, 9, 10]) stored(rank)
    assert(write.safe)
    const taken = upTo(6).filter(rank => {
      paid(rank, 2_000)
      const wanted = again(rank, 2_000)
      if (wanted) stored(rank)
      else refused(rank)
      return wanted
    })
    assert.deepEqual(taken, [0, 1, 2])
    assert.equal(write.count().stored, 8)
    assert(write.over(2_000))
  })

  it('bothers nobody else where all of them ask for it', () => {
    const { ranks, pays, refused } = begin(upTo(20))
    ranks(0)
    for (const rank of upTo(8)) pays(rank, 10)
    assert.deepEqual(ranks(60_000), [])
    refused(5)
    assert.deepEqual(ranks(60_000), [8])
  })

  it('has its time stand still, however many work at once, and goes on where it stood', () => {
    const { write, ranks, pays, paid } = begin(upTo(3))
    ranks(0)
    pays(0, 1_000)
    pays(1, 3_000)
    assert(!write.late(60_000))
    assert(write.wakeMs(60_000) > 60_000)
    paid(0, 61_000)
    assert(!write.late(80_000))
    paid(1, 101_000)
    assert(!write.late(109_999))
    assert(write.late(110_000))
    assert(write.over(110_000))
  })

  it('does not offer again to one that has failed meanwhile, nor beyond its requests', () => {
    const { ranks, pays, paid, again, failed } = begin(upTo(20), { requestsMax: 8 })
    ranks(0)
    for (const rank of [0, 1]) {
      pays(rank, 10)
      paid(rank, 20)
    }
    assert(!again(0, 20), 'all requests are used up')
    failed(1)
    assert(!again(1, 20))
  })
})
