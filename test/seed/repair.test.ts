import assert from 'node:assert/strict'
import { sha256 } from '../../src/base/bytes.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import { makeBlob } from '../../src/wire/blob.ts'
import { encodeHeld } from '../../src/wire/dht.ts'
import { encodeTombstone } from '../../src/wire/tombstone.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { addSeed, simBlob, simSeeds } from '../support/sim-seeds.ts'
import { stamped } from '../support/stamps.ts'

/** Thirty seeds, a blob that only the farther four of its eight holders have, and a reader that is none of them. */
async function half() {
  // Equally far from each other, so that the nearest to the key is asked first and answers first.
  const latency = { type: 'constant', ms: 25 } as const
  const { sim, seeds } = await simSeeds(30, { seed: 12, latency })
  const retract = sim.random.bytes(32)
  const { expiryMs } = simBlob(sim).header
  const made = makeBlob(sim.random.bytes(500), { expiryMs, retract: sha256(retract), accept: null })
  const blob = stamped(made, sim.clock.now())
  const place = placeOfKey(blob.key)
  const at = (s: SimSeed) => simPlaceOf(s.node.self)
  const sorted = seeds.toSorted((a, b) => compareDistance(place, at(a), at(b)))
  const near = sorted.slice(0, 8)
  for (const { store } of near.slice(4)) await store.putBlob(blob)
  const count = async () => {
    let copies = 0
    for (const { store } of near) if (await store.getBlob(blob.key, sim.clock.now())) copies += 1
    return copies
  }
  const read = async () => {
    const { blob: got } = await sim.run(sorted.at(-1)!.seed.dht.get(blob.key))
    assert.deepEqual(got.sealed, blob.sealed)
    await sim.pass(3_000)
  }
  const tombstone = encodeTombstone({
    headerBytes: blob.headerBytes,
    retract,
    accept: null,
    receipt: null
  })
  return { sim, near, blob, count, read, tombstone }
}

describe('a read that met a nearer seed without the blob', () => {
  it('gives two of those that lack it a copy', async () => {
    const { count, read } = await half()
    assert.equal(await count(), 4)
    await read()
    assert.equal(await count(), 6)
  })

  it('gives none away when one of the nearest shows that it was released', async () => {
    const { near, blob, count, read, tombstone } = await half()
    await near[7]!.store.putTombstone(blob.key, tombstone, blob.header.expiryMs)
    await read()
    assert.equal(await count(), 3)
  })

  it('does not take a claim without proof for a copy, nor a false tombstone for a release', async () => {
    const { sim, near, count, read } = await half()
    near[5]!.node.serve('have', async () => encodeHeld([[1, sim.random.bytes(32)]]))
    near[6]!.node.serve('have', async () => encodeHeld([[2, sim.random.bytes(90)]]))
    await read()
    assert.equal(await count(), 6)
  })
})

describe('a read of a released blob', () => {
  it('says so, whether the tombstone is here or there', async () => {
    const { sim, near, blob, tombstone } = await half()
    for (const { store } of near)
      await store.putTombstone(blob.key, tombstone, blob.header.expiryMs)
    const released = { code: 'BLOB_RELEASED' }
    await assert.rejects(sim.run(near[0]!.seed.dht.get(blob.key)), released)
    const reader = addSeed(sim, { mode: 'client' })
    await sim.run(reader.seed.join([near[3]!.node.contact()]))
    await assert.rejects(sim.run(reader.seed.dht.get(blob.key)), released)
  })
})
