import assert from 'node:assert/strict'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import * as dht from '../../src/wire/dht.ts'
import { compareRecords, makeRecord } from '../../src/wire/record.ts'
import { ed25519Author, packetAuthor, recordBy } from '../support/record-authors.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { simSeeds } from '../support/sim-seeds.ts'

describe('records among thirty seeds', () => {
  let sim: VirtualNetwork
  let seeds: SimSeed[]
  before(async () => {
    ;({ sim, seeds } = await simSeeds(30, { seed: 6 }))
  })
  const holders = (key: Uint8Array) => {
    const place = placeOfKey(key)
    const at = (s: SimSeed) => simPlaceOf(s.node.self)
    return seeds.toSorted((a, b) => compareDistance(place, at(a), at(b))).slice(0, 8)
  }
  const dhtOf = (i: number) => seeds[i]!.seed.dht

  it('are stored at a quorum and read back', async () => {
    const record = await recordBy(ed25519Author(1), { sequence: 5 })
    const { copies } = await sim.run(dhtOf(1).putRecord(record.frame))
    assert(copies >= 5 && copies <= 8)
    assert.deepEqual(await sim.run(dhtOf(20).getRecord(record.key)), record.frame)
    const unknown = dhtOf(3).getRecord(new Uint8Array(32))
    await assert.rejects(sim.run(unknown), { code: 'RECORD_UNKNOWN' })
  })

  it('give way to a higher sequence and refuse a lower one', async () => {
    const author = ed25519Author(2)
    const [one, two] = [
      await recordBy(author, { sequence: 1 }),
      await recordBy(author, { sequence: 2 })
    ]
    await sim.run(dhtOf(1).putRecord(one.frame))
    await sim.run(dhtOf(2).putRecord(two.frame))
    await assert.rejects(sim.run(dhtOf(1).putRecord(one.frame)), { code: 'RECORD_STALE' })
    assert.deepEqual(await sim.run(dhtOf(9).getRecord(one.key)), two.frame)
    await sim.run(dhtOf(3).putRecord(two.frame))
  })

  it('of one sequence: the lower hash wins everywhere', async () => {
    const author = ed25519Author(3)
    const pair = [
      await recordBy(author, { sequence: 1, body: 'one' }),
      await recordBy(author, { sequence: 1, body: 'two' })
    ].sort(compareRecords)
    await sim.run(dhtOf(1).putRecord(pair[1]!.frame))
    await sim.run(dhtOf(2).putRecord(pair[0]!.frame))
    assert.deepEqual(await sim.run(dhtOf(8).getRecord(pair[0]!.key)), pair[0]!.frame)
  })

  it('that some holders lack or have in an old version are repaired by a read', async () => {
    const author = ed25519Author(4)
    const [old, current] = [
      await recordBy(author, { sequence: 1 }),
      await recordBy(author, { sequence: 2 })
    ]
    const near = holders(current.key)
    const expiryMs = sim.clock.now() + 86_400_000
    for (const { store } of near.slice(0, 2)) await store.putRecord(old.key, old.frame, expiryMs)
    // As many as a quorum of five of the eight cannot miss.
    for (const { store } of near.slice(2, 6))
      await store.putRecord(old.key, current.frame, expiryMs)
    const reader = seeds.findIndex(s => !near.includes(s))
    assert.deepEqual(await sim.run(dhtOf(reader).getRecord(current.key)), current.frame)
    await sim.pass(2_000)
    let have = 0
    for (const { store } of near) {
      const frame = await store.getRecord(current.key, sim.clock.now())
      assert.notDeepEqual(frame, old.frame, 'no old one is left')
      if (frame) have += 1
    }
    assert(have >= 7, `${have}`)
  })

  it('are not believed when their author did not sign them', async () => {
    const author = ed25519Author(5)
    const record = await recordBy(author, { sequence: 1 })
    await sim.run(dhtOf(1).putRecord(record.frame))
    const forged = await recordBy(
      { author: author.author, sign: () => new Uint8Array(64) },
      { sequence: 99 }
    )
    const frame = dht.encodeRecordAnswer({ record: forged.frame, contacts: [] })
    for (const { node } of holders(record.key).slice(0, 3)) {
      node.serve('record-get', async () => frame)
      node.serve('record-put', async () => frame)
    }
    assert.deepEqual(await sim.run(dhtOf(12).getRecord(record.key)), record.frame)
    const next = await recordBy(author, { sequence: 2 })
    assert((await sim.run(dhtOf(4).putRecord(next.frame))).copies >= 5)
    await assert.rejects(sim.run(dhtOf(4).putRecord(forged.frame)), { code: 'RECORD_INVALID' })
  })

  it('by an OpenPGP key are refused by seeds that cannot check them', async () => {
    const record = await recordBy(packetAuthor(new Uint8Array(40)), { kind: 'person' })
    await assert.rejects(sim.run(dhtOf(1).putRecord(record.frame)), { code: 'RECORD_INVALID' })
  })

  it('above 4 KiB are not even made', async () => {
    const { author, sign } = ed25519Author(7)
    const body = new Uint8Array(4_090)
    const making = makeRecord({ kind: 'pod', author, sequence: 1, body }, sign)
    await assert.rejects(making, { code: 'RECORD_INVALID' })
  })
})
