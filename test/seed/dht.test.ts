import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import type { PutProgress } from '../../src/seed/dht.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import { storedBytes } from '../../src/wire/dht.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { addSeed, simBlob, simNetwork, simSeeds } from '../support/sim-seeds.ts'

const nearestTo = (key: Uint8Array, seeds: SimSeed[], count = 8): SimSeed[] => {
  const place = placeOfKey(key)
  const placed = seeds.map(seed => ({ seed, at: simPlaceOf(seed.node.self) }))
  placed.sort((a, b) => compareDistance(place, a.at, b.at))
  return placed.slice(0, count).map(({ seed }) => seed)
}
const holdersOf = async (sim: VirtualNetwork, key: Uint8Array, seeds: SimSeed[]) => {
  const out: SimSeed[] = []
  for (const seed of seeds) if (await seed.store.getBlob(key, sim.clock.now())) out.push(seed)
  return out
}

describe('forty seeds', () => {
  let sim: VirtualNetwork
  let seeds: SimSeed[]
  before(async () => {
    ;({ sim, seeds } = await simSeeds(40, { seed: 4 }))
  })
  const away = (key: Uint8Array) => seeds.find(seed => !nearestTo(key, seeds, 20).includes(seed))!

  it('know each other after joining through one', () => {
    for (const { seed } of seeds) assert(seed.table.size >= 30)
  })

  it('store at the R nearest, and each copy is acknowledged by its holder', async () => {
    const blob = simBlob(sim)
    const { seed } = seeds[7]!
    const seen: PutProgress[] = []
    const putting = seed.dht.put(blob, { onProgress: p => seen.push(p) })
    const result = await sim.run(putting)
    assert(result.acknowledgements.length >= 5)
    const { needed, wanted, smallNetwork } = result
    assert.deepEqual(
      { needed, wanted, smallNetwork },
      { needed: 5, wanted: 8, smallNetwork: false }
    )
    const { acknowledgements } = await sim.run(result.settled)
    assert.equal(acknowledgements.length, 8)
    assert.equal(seen.at(-1)!.acknowledgements.length, 8)
    const names = (list: SimSeed[]) => list.map(s => s.node.self).sort()
    assert.deepEqual(
      names(await holdersOf(sim, blob.key, seeds)),
      names(nearestTo(blob.key, seeds))
    )
    for (const { holder, key, expiryMs, storedMs, signature } of acknowledgements) {
      assert.equal(toHex(key), toHex(blob.key))
      const signed = storedBytes(blob.key, expiryMs, storedMs)
      assert(seeds[0]!.node.keys.verify(holder, signed, signature))
    }
  })

  it('put in one round trip and get in one request', async () => {
    const blob = simBlob(sim)
    const writer = away(blob.key)
    const startMs = sim.clock.now()
    const { settled } = await sim.run(writer.seed.dht.put(blob))
    assert(sim.clock.now() - startMs <= 75, 'one round trip of 25 to 75 ms')
    await sim.run(settled)
    const before = new Map(sim.byMethod)
    const since = (method: string) => (sim.byMethod.get(method) ?? 0) - (before.get(method) ?? 0)
    const reader = seeds.find(s => s !== writer && !nearestTo(blob.key, seeds, 20).includes(s))!
    const got = await sim.run(reader.seed.dht.get(blob.key))
    assert.deepEqual(got.blob.sealed, blob.sealed)
    assert.equal(got.hops, 1)
    assert.equal(since('get'), 1)
    assert.equal(since('find-node'), 0)
  })

  it('give what is in their own store without asking', async () => {
    const blob = simBlob(sim)
    const { settled } = await sim.run(seeds[3]!.seed.dht.put(blob))
    await sim.run(settled)
    const [holder] = nearestTo(blob.key, seeds)
    const before = sim.totals.requests
    const { from, hops } = await sim.run(holder!.seed.dht.get(blob.key))
    assert.deepEqual([from, hops], [holder!.node.self, 0])
    assert.equal(sim.totals.requests, before)
  })

  it('count their own copy when they are among the nearest', async () => {
    const blob = simBlob(sim)
    const [nearest] = nearestTo(blob.key, seeds)
    const { settled } = await sim.run(nearest!.seed.dht.put(blob))
    const { acknowledgements } = await sim.run(settled)
    assert(acknowledgements.some(a => a.holder === nearest!.node.self))
    assert.equal(acknowledgements.length, 8)
  })

  it('say BLOB_UNKNOWN of what nobody has, and give up on time', async () => {
    const reading = seeds[2]!.seed.dht.get(new Uint8Array(32))
    await assert.rejects(sim.run(reading), { code: 'BLOB_UNKNOWN' })
  })

  it('refuse an expired blob before asking anybody, and stop when told to', async () => {
    const { dht } = seeds[2]!.seed
    const before = sim.totals.requests
    const old = simBlob(sim, 10, -7_200_000)
    await assert.rejects(sim.run(dht.put(old)), { code: 'BLOB_EXPIRED' })
    assert.equal(sim.totals.requests, before)
    const stop = new AbortController()
    const putting = dht.put(simBlob(sim), { signal: stop.signal })
    stop.abort()
    await assert.rejects(sim.run(putting), { code: 'CANCELLED' })
    const getting = dht.get(new Uint8Array(32), { signal: AbortSignal.abort() })
    await assert.rejects(sim.run(getting), { code: 'CANCELLED' })
  })

  it('find the nearest seeds to a place, the true ones', async () => {
    const place = sim.random.bytes(32)
    const found = await sim.run(seeds[9]!.seed.dht.nearest(place))
    const placed = seeds.filter(s => s !== seeds[9]).map(s => s.node.self)
    placed.sort((a, b) => compareDistance(place, simPlaceOf(a), simPlaceOf(b)))
    assert.deepEqual(
      found.map(c => c.peer),
      placed.slice(0, 20)
    )
  })

  it('serve a client, which stores for nobody and stands in no table', async () => {
    const client = addSeed(sim, { mode: 'client' })
    assert((await sim.run(client.seed.join([seeds[0]!.node.contact()]))) >= 20)
    const blob = simBlob(sim)
    const { settled } = await sim.run(client.seed.dht.put(blob))
    assert.equal((await sim.run(settled)).acknowledgements.length, 8)
    assert.equal(client.store.usage().blobs, 0)
    assert.deepEqual((await sim.run(client.seed.dht.get(blob.key))).blob.key, blob.key)
    for (const { seed } of seeds) assert(!seed.table.has(client.node.self))
    const heard = await sim.run(client.seed.askNearest(seeds[5]!.node.contact()))
    assert.equal(heard.length, 20)
  })
})

describe('small networks', () => {
  it('of one: stores here, and says how small it is', async () => {
    const { sim, seeds } = await simSeeds(1)
    const blob = simBlob(sim)
    const { settled, ...result } = await sim.run(seeds[0]!.seed.dht.put(blob))
    assert.equal(result.acknowledgements.length, 1)
    assert.deepEqual([result.needed, result.wanted, result.smallNetwork], [1, 1, true])
    assert.equal((await settled).acknowledgements.length, 1)
    const { from } = await sim.run(seeds[0]!.seed.dht.get(blob.key))
    assert.equal(from, seeds[0]!.node.self)
  })

  it('of three: needs all of them', async () => {
    const { sim, seeds } = await simSeeds(3)
    const result = await sim.run(seeds[1]!.seed.dht.put(simBlob(sim)))
    assert.equal(result.acknowledgements.length, 3)
    assert.deepEqual([result.needed, result.wanted, result.smallNetwork], [3, 3, true])
  })

  it('of nobody: a client says NETWORK_EMPTY, and that it knows nobody', async () => {
    const sim = simNetwork()
    const { seed } = addSeed(sim, { mode: 'client' })
    assert.equal(await sim.run(seed.join([])), 0)
    const { dht } = seed
    const empty = { code: 'NETWORK_EMPTY' }
    await assert.rejects(sim.run(dht.put(simBlob(sim))), empty)
    await assert.rejects(sim.run(dht.get(new Uint8Array(32))), empty)
    await assert.rejects(sim.run(dht.getRecord(new Uint8Array(32))), empty)
  })

  it('whose other half is full: say honestly that the quorum was missed', async () => {
    const { sim, seeds } = await simSeeds(4, { capBytes: 100 })
    const putting = seeds[0]!.seed.dht.put(simBlob(sim))
    await assert.rejects(sim.run(putting), { code: 'QUORUM_MISSED' })
  })

  it('that went away: the dead are let go, and the rest is enough again', async () => {
    const { sim, seeds } = await simSeeds(10, { deaths: 'refused' })
    for (const { node } of seeds.slice(4)) node.kill()
    const { dht } = seeds[0]!.seed
    await assert.rejects(sim.run(dht.put(simBlob(sim))), { code: 'QUORUM_MISSED' })
    await sim.pass(30_000)
    // It may be we who are cut off, for so long.
    await assert.rejects(sim.run(dht.put(simBlob(sim))), { code: 'QUORUM_MISSED' })
    await sim.pass(10 * 60_000)
    const result = await sim.run(dht.put(simBlob(sim)))
    assert.equal(result.acknowledgements.length, 4)
    assert(result.smallNetwork)
  })
})

describe('when a third of the seeds die at once', () => {
  for (const deaths of ['silent', 'refused'] as const)
    it(`(${deaths}) what was stored is found, and new blobs are stored`, async () => {
      const { sim, seeds } = await simSeeds(36, { seed: 9, deaths })
      const blobs = Array.from({ length: 6 }, () => simBlob(sim))
      for (const blob of blobs) {
        const { settled } = await sim.run(seeds[0]!.seed.dht.put(blob))
        await sim.run(settled)
      }
      for (const { node } of seeds.slice(24)) node.kill()
      for (const [i, blob] of blobs.entries()) {
        const { blob: got } = await sim.run(seeds[3 + i]!.seed.dht.get(blob.key))
        assert.deepEqual(got.sealed, blob.sealed)
      }
      const { acknowledgements } = await sim.run(seeds[1]!.seed.dht.put(simBlob(sim)))
      assert(acknowledgements.length >= 5)
    })
})

describe('on a bad network', () => {
  it('that loses one message in twenty, puts and gets come through', async () => {
    const { sim, seeds } = await simSeeds(24, { seed: 5, loss: 0.05 })
    for (let i = 0; i < 10; i++) {
      const blob = simBlob(sim)
      await sim.run(seeds[i]!.seed.dht.put(blob))
      const { blob: got } = await sim.run(seeds[23 - i]!.seed.dht.get(blob.key))
      assert.deepEqual(got.key, blob.key)
    }
  })

  it('while nobody answers at all, nobody is taken for dead', async () => {
    const { sim, seeds } = await simSeeds(12, { deaths: 'refused' })
    const [us, ...others] = seeds
    const known = us!.seed.table.size
    for (const { node } of others) node.kill()
    await sim.pass(20_000)
    for (let i = 0; i < 3; i++) {
      await assert.rejects(sim.run(us!.seed.dht.get(sim.random.bytes(32))))
      await sim.pass(1_000)
    }
    assert(us!.seed.table.size >= known / 2, `${us!.seed.table.size} of ${known}`)
  })
})

describe('one seed, one history', () => {
  it('of a run: the same requests and the same holders', async () => {
    const history = async () => {
      const { sim, seeds } = await simSeeds(12, { seed: 11, loss: 0.02 })
      const { settled } = await sim.run(seeds[5]!.seed.dht.put(simBlob(sim)))
      const { acknowledgements } = await sim.run(settled)
      return [sim.totals, sim.clock.now(), acknowledgements.map(a => a.holder)]
    }
    assert.deepEqual(await history(), await history())
  })
})
