import assert from 'node:assert/strict'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import { encodeGet } from '../../src/wire/dht.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { simBlob, simSeeds } from '../support/sim-seeds.ts'

const options = { timeoutMs: 3_000 }

describe('a seed that nobody can dial any more', () => {
  let sim: VirtualNetwork
  let seeds: SimSeed[]
  let hidden: SimSeed
  let others: SimSeed[]
  beforeEach(async () => {
    ;({ sim, seeds } = await simSeeds(9))
    hidden = seeds[4]!
    others = seeds.filter(seed => seed !== hidden)
  })

  const inTables = () => others.filter(({ seed }) => seed.table.has(hidden.node.self)).length

  it("is in nobody's table, and in all of them again when it can be dialled", async () => {
    assert.equal(inTables(), 8)
    hidden.node.stand(false)
    assert.equal(inTables(), 0)
    await sim.pass(10 * 60_000)
    assert.equal(inTables(), 0, 'whatever it asks and answers')
    hidden.node.stand(true)
    await sim.pass(60_000)
    assert.equal(inTables(), 8)
  })

  it('takes no copies and is none of the holders of what it puts; it puts and gets as before', async () => {
    hidden.node.stand(false)
    const blob = simBlob(sim)
    const stored = await sim.run(hidden.seed.dht.put(blob))
    const { acknowledgements } = await sim.run(stored.settled)
    assert.equal(acknowledgements.length, 8)
    assert(acknowledgements.every(({ holder }) => holder !== hidden.node.self))
    assert.equal(await hidden.store.getBlob(blob.key, sim.clock.now()), undefined)
    const other = simBlob(sim)
    await sim.run(others[0]!.seed.dht.put(other))
    assert.equal(await hidden.store.getBlob(other.key, sim.clock.now()), undefined)
    const got = await sim.run(hidden.seed.dht.get(other.key))
    assert.deepEqual(got.blob.sealed, other.sealed)
  })

  it('serves what it holds to those it is connected to', async () => {
    const blob = simBlob(sim)
    await sim.run(others[0]!.seed.dht.put(blob))
    const held = await hidden.store.getBlob(blob.key, sim.clock.now())
    assert(held, 'of nine seeds eight hold it; this seed of the simulation is one of them')
    hidden.node.stand(false)
    const asker = others.find(({ node }) => node.isConnected(hidden.node.self))!
    const to = { peer: hidden.node.self, addresses: [] }
    const answer = await sim.run(asker.node.request(to, 'get', encodeGet(blob.key), options))
    assert(answer.byteLength > blob.sealed.byteLength)
    const put = asker.node.request(to, 'put', new Uint8Array(1), options)
    await assert.rejects(sim.run(put), { code: 'METHOD_UNKNOWN' })
  })
})
