import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import { Table } from '../../src/routing/table.ts'
import { createAdmission } from '../../src/seed/admission.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import type { VirtualNode } from '../../src/sim/node.ts'
import { decodePutAnswer, encodePing } from '../../src/wire/dht.ts'
import { fakeClock } from '../support/fake-clock.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { simBlob, simSeeds } from '../support/sim-seeds.ts'
import { putFrame, stamped } from '../support/stamps.ts'

const KiB = 1024
const timeoutMs = 5_000

/** What each seed asks for a fresh put of `key`, the nearest seed first. */
async function pricesOf(seeds: SimSeed[], key: Uint8Array, nowMs: number): Promise<number[]> {
  const place = placeOfKey(key)
  return seeds
    .toSorted((a, b) => compareDistance(place, simPlaceOf(a.node.self), simPlaceOf(b.node.self)))
    .map(({ seed }) => seed.admission.price('somebody', key, nowMs))
}

describe('the price that a seed asks', () => {
  it('is the floor where a key belongs and where it may have to stand in, and more far away', async () => {
    const parameters = { replicas: 4, quorum: 3 }
    const { sim, seeds } = await simSeeds(26, { seed: 9, parameters, settleMs: 150_000 })
    for (let i = 0; i < 5; i++) {
      const prices = await pricesOf(seeds, sim.random.bytes(32), sim.clock.now())
      assert.deepEqual(prices.slice(0, 4), Array(4).fill(1))
      assert(Math.max(...prices.slice(16)) >= 2, `${prices}`)
    }
    const known = seeds.map(({ seed }) => seed.admission.status().networkSize ?? 0)
    const middle = known.sort((a, b) => a - b)[13]!
    assert(middle > 13 && middle < 52, `${middle} of 26`)
  })

  it('is the floor everywhere in a network of a few', async () => {
    const { sim, seeds } = await simSeeds(6)
    for (let i = 0; i < 5; i++)
      assert.deepEqual(
        await pricesOf(seeds, sim.random.bytes(32), sim.clock.now()),
        Array(6).fill(1)
      )
  })

  it('stands for who heard it, for ten minutes, also when it rises', async () => {
    const { sim, seeds } = await simSeeds(3)
    const { node } = seeds[0]!
    let bytes = 600
    const usage = () => ({ blobs: 0, tombstones: 0, bytes, capBytes: 1_000 })
    const { price } = createAdmission({
      clock: sim.clock,
      network: node,
      store: { usage },
      table: seeds[0]!.seed.table,
      size: { nodes: 3 } as never,
      placeOf: simPlaceOf,
      replicas: 8
    })
    const [key, other] = [sim.random.bytes(32), sim.random.bytes(32)]
    const at = (minutes: number) => sim.clock.now() + minutes * 60_000
    const first = price('a', key, at(0))
    assert.equal(first, 4)
    bytes = 900
    const now = price('b', key, at(1))
    assert(now > 100)
    assert.equal(price('a', key, at(9)), first)
    assert(price('a', other, at(9)) > 100, 'for that key alone')
    assert.equal(price('a', key, at(10)), now)
    bytes = 100
    assert.equal(price('b', key, at(10)), 1, 'what has become cheaper is cheaper for all')
  })
})

describe('what a seed is responsible for', () => {
  const place = (...head: number[]) => Uint8Array.from({ length: 32 }, (_, i) => head[i] ?? 0)
  const nodes = 1_000
  /** A seed at place 0 that knows those peers, whose names are their places. */
  function seedThatKnows(peers: Uint8Array[]) {
    const placeOf = (peer: string) => Uint8Array.from(Buffer.from(peer, 'hex'))
    const table = new Table({ place: place(), placeOf, k: 20 })
    for (const at of peers) table.answered({ peer: toHex(at), addresses: [] }, 0)
    return createAdmission({
      clock: fakeClock(0),
      network: { self: '', subnetOf: () => undefined },
      store: { usage: () => ({ blobs: 0, bytes: 0, capBytes: 1_000 }) as never },
      table,
      size: { nodes } as never,
      placeOf,
      replicas: 8
    })
  }
  const crowdAt = (...head: number[]) =>
    Array.from({ length: 12 }, (_, i) => place(...head, 0, 0, i + 1))

  it('is not given up because ids were minted around it', () => {
    const key = place(0, 0x80) // 1/512 of the space away: two nodes are expected nearer
    const { isStray } = seedThatKnows(crowdAt(0, 0x80))
    assert(!isStray(key))
  })

  it('is not given up because the network seems large, while nobody nearer is known', () => {
    const key = place(0x80) // half of the space away: 500 nodes are expected nearer
    assert(!seedThatKnows(crowdAt(0, 0x80)).isStray(key))
    assert(seedThatKnows(crowdAt(0x80)).isStray(key), 'with both it is others’')
  })
})

describe('a flood', () => {
  const rates = {
    requests: { burst: 1e9, perSecond: 1e9 },
    putBytes: { burst: 80 * KiB, perSecond: 8 * KiB },
    subnetRequests: { burst: 1e9, perSecond: 1e9 },
    subnetPutBytes: { burst: 100 * KiB, perSecond: 10 * KiB },
    allPutBytes: { burst: 1e9, perSecond: 1e9 }
  }
  /** What a peer gets stored that puts without end, and never pays more than the floor. */
  async function flood(from: VirtualNode[], seconds: number) {
    const { sim, seeds } = worlds.get(from)!
    const target = seeds[0]!
    const before = target.store.usage().bytes
    let [taken, dearer, refused] = [0, 0, 0]
    for (let tenth = 0; tenth < 10 * seconds; tenth++) {
      const asked = from.map(async peer => {
        const blob = simBlob(sim, 4 * KiB)
        const frame = putFrame(blob, sim.clock.now())
        try {
          const answer = await peer.request(target.node.contact(), 'put', frame, { timeoutMs })
          if (decodePutAnswer(answer)[0] === 0) taken += frame.byteLength
          else dearer += 1
        } catch (err) {
          assert.equal(codeOf(err), 'LIMIT_EXCEEDED')
          refused += 1
        }
      })
      await Promise.all([sim.pass(100), sim.run(Promise.all(asked))])
    }
    return { taken, dearer, refused, stored: target.store.usage().bytes - before }
  }
  const worlds = new Map<VirtualNode[], Awaited<ReturnType<typeof simSeeds>>>()
  async function peersOf(count: number, subnet?: string): Promise<VirtualNode[]> {
    const world = await simSeeds(2, { rates, capBytes: 64 * 1_024 * KiB })
    const peers = Array.from({ length: count }, () => world.sim.add())
    for (const { self } of peers) if (subnet) world.seeds[0]!.node.subnets.set(self, subnet)
    worlds.set(peers, world)
    return peers
  }

  it('of one peer is held to the caps, in bytes that are kept', async () => {
    const { taken, stored, refused } = await flood(await peersOf(1), 8)
    assert(refused > 0)
    assert(stored <= taken + 30 * KiB)
    assert(taken <= 80 * KiB + 9 * 8 * KiB, `${taken}`)
  })

  it('of many peers in one network is held to what one network is given', async () => {
    const peers = await peersOf(4, '192.0.2')
    const { taken, refused } = await flood(peers, 3)
    assert(refused > 0)
    assert(taken <= 100 * KiB + 4 * 10 * KiB, `${taken}`)
    const apart = await peersOf(4)
    const more = await flood(apart, 3)
    assert(more.taken > 4 * 60 * KiB, 'apart from each other they would get more')
  })

  it('costs its sender more and more, and others less', async () => {
    const { sim, seeds } = await simSeeds(2, { capBytes: 1_024 * KiB })
    const [target] = seeds
    const flooder = sim.add()
    for (let n = 0; n < 100; n++) {
      const frame = putFrame(simBlob(sim, 4 * KiB), sim.clock.now())
      await sim.run(flooder.request(target!.node.contact(), 'put', frame, { timeoutMs }))
    }
    const { admission } = target!.seed
    const key = sim.random.bytes(32)
    const mine = admission.price(flooder.self, key, sim.clock.now())
    const theirs = admission.price('somebody', key, sim.clock.now())
    assert(mine > theirs, `${mine} and ${theirs}`)
    const { refusals } = admission.status()
    assert((refusals.STAMP_TOO_LOW ?? 0) > 0, 'it was asked for more')
    await sim.pass(60 * 60_000)
    assert.equal(
      admission.price(flooder.self, sim.random.bytes(32), sim.clock.now()),
      admission.status().priceFactor,
      'and is as good as anybody an hour later'
    )
  })
})

describe('a full store', () => {
  it('refuses, and asks nobody to pay for it', async () => {
    const { sim, seeds } = await simSeeds(1, { capBytes: 60 * KiB })
    const { store, seed, node } = seeds[0]!
    const full = async () => {
      for (;;) await store.putBlob(stamped(simBlob(sim, 4 * KiB), sim.clock.now()))
    }
    await assert.rejects(full(), { code: 'STORE_FULL' })
    const peer = sim.add()
    const put = () => {
      const frame = putFrame(simBlob(sim, 4 * KiB), sim.clock.now())
      return sim.run(peer.request(node.contact(), 'put', frame, { timeoutMs }))
    }
    assert.equal(decodePutAnswer(await put())[0], 1, 'it has not looked through its store yet')
    await assert.rejects(put(), { code: 'STORE_FULL' })
    assert.deepEqual(seed.admission.status().refusals, { STAMP_TOO_LOW: 1, STORE_FULL: 1 })
  })
})

describe('what a seed refuses', () => {
  it('is counted by code, and its price told', async () => {
    const { sim, seeds } = await simSeeds(1, { rates: { requests: { burst: 3, perSecond: 0 } } })
    const [target] = seeds
    const peer = sim.add()
    for (let i = 0; i < 5; i++)
      await sim
        .run(peer.request(target!.node.contact(), 'ping', encodePing(null), { timeoutMs }))
        .catch(err => assert.equal(codeOf(err), 'LIMIT_EXCEEDED'))
    const status = target!.seed.admission.status()
    assert.deepEqual(status.refusals, { LIMIT_EXCEEDED: 2 })
    assert.equal(status.priceFactor, 1)
    assert.equal(status.evicted, 0)
  })
})
