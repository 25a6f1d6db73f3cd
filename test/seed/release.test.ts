import assert from 'node:assert/strict'
import { sha256 } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import { makeBlob } from '../../src/wire/blob.ts'
import * as dht from '../../src/wire/dht.ts'
import { encodeTombstone, readTombstone } from '../../src/wire/tombstone.ts'
import type { SimSeedParts } from '../support/sim-seeds.ts'
import { addSeed, simBlob, simSeeds } from '../support/sim-seeds.ts'

/** Two dozen seeds, a blob that was put, and what releases it; `near` are its eight holders. */
async function stored(parts: SimSeedParts = {}) {
  const { sim, seeds } = await simSeeds(24, { seed: 21, repair: null, ...parts })
  const [retract, accept] = [sim.random.bytes(32), sim.random.bytes(32)]
  const { expiryMs } = simBlob(sim).header
  const commitments = { expiryMs, retract: sha256(retract), accept: sha256(accept) }
  const blob = makeBlob(sim.random.bytes(500), commitments)
  const place = placeOfKey(blob.key)
  const sorted = seeds.toSorted((a, b) =>
    compareDistance(place, simPlaceOf(a.node.self), simPlaceOf(b.node.self))
  )
  const near = sorted.slice(0, 8)
  const sender = sorted.at(-1)!
  const put = await sim.run(sender.seed.dht.put(blob))
  await sim.run(put.settled)
  const { headerBytes, key } = blob
  const frame = (t: { retract?: Uint8Array; accept?: Uint8Array; receipt?: Uint8Array }) =>
    encodeTombstone({ headerBytes, retract: null, accept: null, receipt: null, ...t })
  const standing = async ({ store }: (typeof near)[number]) => {
    const found = await store.getTombstone(key, sim.clock.now())
    return found && readTombstone(found)
  }
  return { sim, sorted, near, sender, blob, key, retract, accept, frame, standing }
}

describe('a release', () => {
  it('reaches the eight holders, each of which signs what it was shown', async () => {
    const { sim, near, sender, key, retract, frame, standing } = await stored()
    const { took, asked, tombstones } = await sim.run(sender.seed.dht.release(frame({ retract })))
    assert.deepEqual(
      took.map(({ holder }) => holder).toSorted(),
      near.map(({ node }) => node.self).toSorted()
    )
    assert.deepEqual([asked.length, tombstones], [8, []])
    for (const { holder, atMs, signature, ...shown } of took) {
      assert.deepEqual(shown, { retract: true, accept: false })
      const signed = dht.releasedBytes(key, shown, atMs)
      assert.ok(sender.node.keys.verify(holder, signed, signature))
      assert.ok(!sender.node.keys.verify(holder, dht.releasedBytes(key, shown, 1), signature))
    }
    for (const holder of near) {
      assert.ok((await standing(holder))?.retract)
      assert.equal(await holder.store.getBlob(key, sim.clock.now()), undefined)
    }
    await assert.rejects(sim.run(sender.seed.dht.get(key)), { code: 'BLOB_RELEASED' })
  })

  it('goes past holders that are away, and also to those that are named', async () => {
    const { sim, sorted, near, sender, retract, frame, standing } = await stored()
    near[0]!.node.kill()
    const farther = sorted[20]!
    const holders = [farther.node.self, near[0]!.node.self]
    const { took, asked } = await sim.run(sender.seed.dht.release(frame({ retract }), { holders }))
    assert.ok(asked.includes(near[0]!.node.self))
    assert.ok(!took.some(({ holder }) => holder === near[0]!.node.self))
    assert.ok(took.length >= 8, `${took.length}`)
    assert.ok((await standing(farther))?.retract)
  })

  it('of the other kind is merged: both preimages stay, and the one who comes second is told', async () => {
    const { sim, near, sender, retract, accept, frame, standing } = await stored()
    const receipt = sim.random.bytes(40)
    await sim.run(sender.seed.dht.release(frame({ accept, receipt })))
    const { took, tombstones } = await sim.run(sender.seed.dht.release(frame({ retract })))
    assert.ok(took.every(word => word.retract && word.accept))
    assert.equal(tombstones.length, 1)
    assert.deepEqual(readTombstone(tombstones[0]!).accept, accept)
    const worse = frame({ accept, receipt: sim.random.bytes(30) })
    await sim.run(sender.seed.dht.release(worse))
    await sim.run(sender.seed.dht.release(frame({ accept })))
    for (const holder of near) {
      const { header: _, key: __, ...stands } = (await standing(holder))!
      assert.deepEqual(stands, readsAs(frame({ retract, accept, receipt })))
    }
  })

  it('of two at once loses neither', async () => {
    const { sim, near, sender, retract, accept, frame, standing } = await stored()
    const both = [frame({ retract }), frame({ accept })]
    await sim.run(Promise.all(both.map(one => sender.seed.dht.release(one))))
    for (const holder of near) {
      const stands = await standing(holder)
      assert.ok(stands?.retract && stands.accept)
    }
  })

  it('that a holder did not sign, or that shows another blob, counts for nothing', async () => {
    const { sim, near, sender, retract, frame } = await stored()
    const answer = { tombstone: null, atMs: 1, signature: new Uint8Array(64) }
    near[1]!.node.serve('release', async () => dht.encodeReleased(answer))
    const other = simBlob(sim)
    const secret = sim.random.bytes(32)
    const foreign = makeBlob(other.sealed, { ...other.header, retract: sha256(secret) })
    const tombstone = encodeTombstone({
      headerBytes: foreign.headerBytes,
      retract: secret,
      accept: null,
      receipt: null
    })
    near[2]!.node.serve('release', async () => dht.encodeReleased({ ...answer, tombstone }))
    const { took, tombstones } = await sim.run(sender.seed.dht.release(frame({ retract })))
    const liars = [near[1]!, near[2]!].map(({ node }) => node.self)
    assert.ok(took.every(({ holder }) => !liars.includes(holder)))
    assert.deepEqual(tombstones, [])
  })

  it('says so when nobody is there, and when it is none', async () => {
    const { sim, retract, frame } = await stored()
    const lonely = addSeed(sim)
    const nobody = sim.run(lonely.seed.dht.release(frame({ retract })))
    const { took } = await nobody
    assert.deepEqual(
      took.map(({ holder }) => holder),
      [lonely.node.self]
    )
    const client = addSeed(sim, { mode: 'client' })
    const empty = sim.run(client.seed.dht.release(frame({ retract })))
    await assert.rejects(empty, { code: 'NETWORK_EMPTY' })
    const forged = sim.run(client.seed.dht.release(sim.random.bytes(50)))
    await assert.rejects(forged, { code: 'BLOB_INVALID' })
  })
})

const readsAs = (frame: Uint8Array) => {
  const { header: _, key: __, ...said } = readTombstone(frame)
  return said
}

describe('a tombstone of a blob never seen', () => {
  it('is kept, at the price of 16 KiB, so that a flood of them ends', async () => {
    const { sim, seeds } = await simSeeds(2, {
      seed: 5,
      rates: { putBytes: { burst: 20 * limits.strangeTombstoneBytes, perSecond: 0 } }
    })
    const [holder, flooder] = seeds as [(typeof seeds)[0], (typeof seeds)[0]]
    const ask = (payload: Uint8Array) =>
      sim.run(flooder.node.request(holder.node.contact(), 'release', payload, { timeoutMs: 1_000 }))
    let taken = 0
    const refusal = await (async () => {
      for (; taken < 40; taken++) {
        const retract = sim.random.bytes(32)
        const { header, sealed } = simBlob(sim)
        const { headerBytes, key } = makeBlob(sealed, { ...header, retract: sha256(retract) })
        const frame = encodeTombstone({ headerBytes, retract, accept: null, receipt: null })
        try {
          await ask(dht.encodeRelease(frame))
        } catch (err) {
          return err
        }
        assert.ok(await holder.store.getTombstone(key, sim.clock.now()))
      }
    })()
    assert.equal((refusal as { code?: string }).code, 'LIMIT_EXCEEDED')
    assert.ok(taken >= 18 && taken < 20, `${taken} taken`)
  })
})

describe('a census', () => {
  it('counts the copies that are proved, and gives one to each that lacks it', async () => {
    const { sim, near, sender, blob, key } = await stored()
    for (const { store } of near.slice(0, 3)) await store.drop(key)
    near[5]!.node.serve('have', async () => dht.encodeHeld([[1, sim.random.bytes(32)]]))
    const asked = await sim.run(sender.seed.dht.census(key))
    assert.deepEqual([asked.wanted, asked.answered.length, asked.given], [8, 8, []])
    const { holders, given } = await sim.run(sender.seed.dht.census(key, { blob }))
    assert.ok(!holders.includes(near[5]!.node.self), 'the liar counts')
    assert.ok(given.length >= 3, `${given.length} given`)
    for (const { store } of near.slice(0, 3)) assert.ok(await store.getBlob(key, sim.clock.now()))
    for (const { holder, expiryMs, storedMs, signature } of given)
      assert.ok(
        sender.node.keys.verify(holder, dht.storedBytes(key, expiryMs, storedMs), signature)
      )
  })

  it('shows a tombstone that anybody has, and gives no copy then', async () => {
    const { sim, near, sender, blob, key, accept, frame } = await stored()
    for (const { store } of near.slice(0, 3)) await store.drop(key)
    await near[7]!.store.putTombstone(key, frame({ accept }), blob.header.expiryMs)
    near[6]!.node.serve('have', async () => dht.encodeHeld([[2, sim.random.bytes(60)]]))
    near[5]!.node.serve('have', async () => dht.encodeHeld([[3]]))
    const { tombstones, given } = await sim.run(sender.seed.dht.census(key, { blob }))
    assert.deepEqual([tombstones, given], [[frame({ accept })], []])
  })

  it('says so when nobody answers', async () => {
    const { sim, key } = await stored()
    const client = addSeed(sim, { mode: 'client' })
    await assert.rejects(sim.run(client.seed.dht.census(key)), { code: 'NETWORK_EMPTY' })
  })
})
