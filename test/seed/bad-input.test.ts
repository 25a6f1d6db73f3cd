import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256 } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { codeOf } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import type { VirtualNode } from '../../src/sim/node.ts'
import { makeBlob } from '../../src/wire/blob.ts'
import { encodeCbor } from '../../src/wire/cbor.ts'
import * as dht from '../../src/wire/dht.ts'
import { encodeTombstone } from '../../src/wire/tombstone.ts'
import { ed25519Author, recordBy } from '../support/record-authors.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { addSeed, simBlob, simSeeds } from '../support/sim-seeds.ts'
import { keptIn, putFrame, recordPutFrame, storedIn } from '../support/stamps.ts'

const known = new Uint8Array()
const hourMs = limits.expiryStepMs

describe('a seed that strangers ask', () => {
  let sim: VirtualNetwork
  let seed: SimSeed
  let stranger: VirtualNode
  const timeoutMs = 5_000
  before(async () => {
    const network = await simSeeds(2)
    sim = network.sim
    seed = network.seeds[0]!
    stranger = sim.add()
  })
  const ask = (method: string, frame: Uint8Array, from: VirtualNode = stranger) =>
    sim.run(from.request(seed.node.contact(), method, frame, { timeoutMs }))
  const refused = async (method: string, frame: Uint8Array, code: ErrorCode) => {
    const before = seed.store.usage()
    await assert.rejects(ask(method, frame), { code })
    assert.deepEqual(seed.store.usage(), before, 'nothing was stored')
  }
  const put = (blob: { headerBytes: Uint8Array; sealed: Uint8Array }) =>
    putFrame(blob, sim.clock.now(), known)

  it('refuses a blob whose bytes are not those of its header', async () => {
    const blob = simBlob(sim)
    const sealed = blob.sealed.with(9, blob.sealed[9]! ^ 1)
    await refused('put', put({ ...blob, sealed }), 'BLOB_INVALID')
    await refused('put', put({ ...blob, sealed: sealed.subarray(1) }), 'BLOB_INVALID')
    await refused('put', put({ ...blob, headerBytes: known.slice() }), 'WIRE_MALFORMED')
    const headerBytes = blob.headerBytes.with(0, 0x85)
    await refused('put', put({ ...blob, headerBytes }), 'BLOB_INVALID')
  })

  it('refuses a blob that has expired, or would stay too long', async () => {
    await refused('put', put(simBlob(sim, 100, -2 * hourMs)), 'BLOB_EXPIRED')
    const long = simBlob(sim, 100, limits.blobLifeMsMax + 3 * hourMs)
    await refused('put', put(long), 'BLOB_EXPIRED')
    await ask('put', put(simBlob(sim, 100, limits.blobLifeMsMax)))
  })

  it('refuses a blob above 256 KiB', async () => {
    const expiryMs = Math.ceil(sim.clock.now() / hourMs + 24) * hourMs
    const hash = new Uint8Array(32)
    const size = limits.blobBytesMax + 1
    const headerBytes = encodeCbor([1, expiryMs / hourMs, size, hash, hash, null])
    const sealed = new Uint8Array(size)
    await refused('put', put({ headerBytes, sealed }), 'WIRE_MALFORMED')
    const huge = new Uint8Array(limits.payloadBytesMax + 1)
    await refused('put', put({ headerBytes, sealed: huge }), 'WIRE_TOO_LARGE')
  })

  it('does not take back a blob that was released', async () => {
    const [retract, blobBytes] = [sim.random.bytes(32), sim.random.bytes(50)]
    const expiryMs = simBlob(sim).header.expiryMs
    const blob = makeBlob(blobBytes, { expiryMs, retract: sha256(retract), accept: null })
    await ask('put', put(blob))
    const { headerBytes } = blob
    const tombstone = { headerBytes, retract, accept: null, receipt: null }
    const forged = encodeTombstone({ ...tombstone, retract: sim.random.bytes(32) })
    await refused('release', dht.encodeRelease(forged), 'BLOB_INVALID')
    assert.equal(dht.decodeGetAnswer(await ask('get', dht.encodeGet(blob.key)))[0], 1)

    await ask('release', dht.encodeRelease(encodeTombstone(tombstone)))
    await refused('put', put(blob), 'BLOB_RELEASED')
    const answer = dht.decodeGetAnswer(await ask('get', dht.encodeGet(blob.key)))
    assert.deepEqual(answer, [2, encodeTombstone(tombstone)])
    const have = dht.encodeHave({ nonce: null, keys: [blob.key] })
    assert.equal(dht.decodeHeld(await ask('have', have), 1)[0]![0], 2)
  })

  it('proves its copies, and says so of none it lacks', async () => {
    const blob = simBlob(sim)
    await ask('put', put(blob))
    const nonce = sim.random.bytes(16)
    const keys = [blob.key, sim.random.bytes(32)]
    const challenged = dht.decodeHeld(await ask('have', dht.encodeHave({ nonce, keys })), 2)
    assert.deepEqual(challenged, [[1, sha256(nonce, blob.sealed)], [0]])
    const asked = await ask('have', dht.encodeHave({ nonce: null, keys }))
    assert.deepEqual(dht.decodeHeld(asked, 2), [[1, null], [0]])
  })

  it('refuses a record that its author did not sign', async () => {
    const [alice, mallory] = [ed25519Author(1), ed25519Author(2)]
    const forged = await recordBy({ author: alice.author, sign: mallory.sign })
    const frame = (record: Uint8Array) => recordPutFrame(record, sim.clock.now())
    await refused('record-put', frame(forged.frame), 'RECORD_INVALID')
    await refused('record-put', frame(forged.frame.slice(1)), 'RECORD_INVALID')
    const large = new Uint8Array(limits.recordBytesMax + 1)
    await refused('record-put', frame(large), 'WIRE_MALFORMED')
  })

  it('answers a record of a lower sequence with the one it keeps', async () => {
    const author = ed25519Author(3)
    const [old, current] = [
      await recordBy(author, { sequence: 4 }),
      await recordBy(author, { sequence: 5 })
    ]
    const frame = (record: Uint8Array) => recordPutFrame(record, sim.clock.now())
    const keeps = async (record: Uint8Array) =>
      keptIn(await ask('record-put', frame(record))).record
    assert.equal(await keeps(current.frame), null)
    assert.deepEqual(await keeps(old.frame), current.frame)
    assert.equal(await keeps(current.frame), null, 'the same again is welcome')
    const answer = dht.decodeRecordAnswer(await ask('record-get', dht.encodeRecordGet(old.key)))
    assert.deepEqual(answer.record, current.frame)
  })

  it('keeps the better of two records that come at once', async () => {
    const author = ed25519Author(4)
    const records = await Promise.all([7, 9, 8, 6].map(sequence => recordBy(author, { sequence })))
    await sim.run(
      Promise.all(
        records.map(({ frame: record }) => {
          const frame = recordPutFrame(record, sim.clock.now())
          return stranger.request(seed.node.contact(), 'record-put', frame, { timeoutMs })
        })
      )
    )
    const kept = await seed.store.getRecord(records[0]!.key, sim.clock.now())
    assert.deepEqual(kept, records[1]!.frame)
  })

  it('meets any bytes on any method with an answer or a coded refusal, and stores nothing of them', async () => {
    const before = seed.store.usage()
    const methods = [...dht.dhtMethods, 'forward', 'links']
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods), fc.uint8Array(), async (method, frame) => {
        try {
          await ask(method, frame)
        } catch (err) {
          assert(codeOf(err) && codeOf(err) !== 'INTERNAL', `${method}: ${err}`)
        }
      }),
      { numRuns: 300 }
    )
    assert.deepEqual(seed.store.usage(), before)
  })
})

describe('a flooding peer', () => {
  const rates = {
    requests: { burst: 20, perSecond: 10 },
    putBytes: { burst: 5_000, perSecond: 1_000 },
    allPutBytes: { burst: 9_000, perSecond: 1_000 }
  }
  const flood = async () => {
    const { sim, seeds } = await simSeeds(1, { rates })
    const target = seeds[0]!
    const put = async (from: VirtualNode, count: number) => {
      const blobs = Array.from({ length: count }, () => simBlob(sim, 885))
      const asked = blobs.map(blob =>
        from.request(target.node.contact(), 'put', putFrame(blob, sim.clock.now(), known), {
          timeoutMs: 5_000
        })
      )
      const done = await sim.run(Promise.allSettled(asked))
      for (const result of done)
        if (result.status === 'rejected') assert.equal(codeOf(result.reason), 'LIMIT_EXCEEDED')
      return done.filter(({ status }) => status === 'fulfilled').length
    }
    return { sim, target, put }
  }

  it('is given a burst of bytes and requests, then so much per second', async () => {
    const { sim, target, put } = await flood()
    const peer = sim.add()
    assert.equal(await put(peer, 15), 5)
    assert.equal(target.store.usage().blobs, 5)
    await sim.pass(3_000)
    assert.equal(await put(peer, 15), 3)
    const ping = () =>
      peer.request(target.node.contact(), 'ping', dht.encodePing(null), { timeoutMs: 5_000 })
    const asked = Array.from({ length: 60 }, ping)
    const done = await sim.run(Promise.allSettled(asked))
    assert(done.filter(({ status }) => status === 'fulfilled').length <= 20)
  })

  it('gains nothing by being many', async () => {
    const { sim, target, put } = await flood()
    let stored = 0
    for (let i = 0; i < 6; i++) stored += await put(sim.add(), 4)
    assert(stored < 12, `${stored} of 24`)
    assert.equal(target.store.usage().blobs, stored)
  })

  it('does not keep others from being served', async () => {
    const { sim, target, put } = await flood()
    assert.equal(await put(sim.add(), 15), 5)
    assert.equal(await put(sim.add(), 2), 2)
    assert.equal(target.store.usage().blobs, 7)
  })
})

describe('holders that lie', () => {
  /** One seed of twelve answers `method` with what `lie` makes of the true answer. */
  async function among12(
    method: string,
    lie: (sim: VirtualNetwork, answer: Uint8Array, liar: SimSeed) => Uint8Array,
    liars = 4
  ) {
    const { sim, seeds } = await simSeeds(12, { seed: 3 })
    const bad = seeds.slice(12 - liars)
    for (const liar of bad) {
      const honest = liar.node.handler(method)
      liar.node.serve(method, async (...o) => lie(sim, await honest(...o), liar))
    }
    return { sim, seeds, bad, good: seeds.slice(0, 12 - liars) }
  }
  const forge = (
    change: (s: dht.Stored, sim: VirtualNetwork, liar: SimSeed) => Partial<dht.Stored>
  ) =>
    among12('put', (sim, answer, liar) => {
      const stored = storedIn(answer)
      return dht.encodePutAnswer([0, { ...stored, ...change(stored, sim, liar) }])
    })

  it('an acknowledgement of something else does not count, and its peer leaves the table', async () => {
    for (const { sim, good, bad } of [
      await forge(() => ({ signature: new Uint8Array(64) })),
      await forge(({ expiryMs }) => ({ expiryMs: expiryMs + hourMs })),
      await forge(({ storedMs }) => ({ storedMs: storedMs + 1 })),
      await forge(({ expiryMs, storedMs }, sim, liar) => ({
        signature: liar.node.keys.sign(dht.storedBytes(sim.random.bytes(32), expiryMs, storedMs))
      }))
    ]) {
      const liars = bad.map(s => s.node.self)
      for (let i = 0; i < 4; i++) {
        const { settled } = await sim.run(good[0]!.seed.dht.put(simBlob(sim)))
        const { acknowledgements } = await sim.run(settled)
        assert(acknowledgements.every(a => !liars.includes(a.holder)))
        assert(acknowledgements.length >= 5)
      }
      for (const liar of liars) assert(!good[0]!.seed.table.has(liar))
    }
  })

  it('wrong bytes for a key are passed over for the right ones', async () => {
    const { sim, good } = await among12('get', (sim, answer) => {
      const read = dht.decodeGetAnswer(answer)
      if (read[0] !== 1) return answer
      const other = simBlob(sim)
      return dht.encodeGetAnswer(
        sim.world.dice('test').next() < 0.5
          ? [1, read[1], other.sealed, read[3]]
          : [1, other.headerBytes, other.sealed, read[3]]
      )
    })
    for (let i = 0; i < 5; i++) {
      const blob = simBlob(sim)
      await sim.run((await sim.run(good[1]!.seed.dht.put(blob))).settled)
      const reader = addSeed(sim, { mode: 'client' })
      await sim.run(reader.seed.join([good[0]!.node.contact()]))
      assert.deepEqual((await sim.run(reader.seed.dht.get(blob.key))).blob.sealed, blob.sealed)
    }
  })

  it('a tombstone of another blob, or one that proves nothing, does not hide it', async () => {
    const { sim, good } = await among12('get', sim => {
      const retract = sim.random.bytes(32)
      const { headerBytes } = makeBlob(sim.random.bytes(9), {
        expiryMs: simBlob(sim).header.expiryMs,
        retract: sha256(retract),
        accept: null
      })
      const tombstone = { headerBytes, retract, accept: null, receipt: null }
      return dht.encodeGetAnswer([2, encodeTombstone(tombstone)])
    })
    const blob = simBlob(sim)
    await sim.run((await sim.run(good[1]!.seed.dht.put(blob))).settled)
    const reader = addSeed(sim, { mode: 'client' })
    await sim.run(reader.seed.join([good[0]!.node.contact()]))
    assert.deepEqual((await sim.run(reader.seed.dht.get(blob.key))).blob.sealed, blob.sealed)
  })

  it('made-up contacts cost some requests and no more', async () => {
    const fakes = (sim: VirtualNetwork) =>
      Array.from({ length: 20 }, () => ({
        peer: sim.add().self,
        addresses: ['/ip4/127.9.9.9/tcp/9']
      }))
    const lie = (sim: VirtualNetwork) => {
      const made = fakes(sim)
      for (const { peer } of made) sim.nodes.get(peer)!.kill()
      return made
    }
    const { sim, good } = await among12('put', (sim, answer) =>
      dht.encodePutAnswer([0, { ...storedIn(answer), contacts: lie(sim) }])
    )
    const sent = () => [...good[0]!.node.sent.values()].reduce((a, b) => a + b, 0)
    const before = sent()
    const { settled } = await sim.run(good[0]!.seed.dht.put(simBlob(sim)))
    const { acknowledgements } = await sim.run(settled)
    assert(acknowledgements.length >= 8)
    assert(sent() - before <= limits.putRequestsMax + limits.contactsMax * 2)
  })

  it('made-up contacts do not keep a newcomer from beginning', async () => {
    const { sim, good } = await among12(
      'find-node',
      sim => {
        const made = Array.from({ length: 20 }, () => sim.add())
        for (const node of made) node.kill()
        return dht.encodeContacts(
          made.map(({ self }) => ({ peer: self, addresses: ['/ip4/127.9.9.9/tcp/9'] }))
        )
      },
      11
    )
    const reader = addSeed(sim)
    const startMs = sim.clock.now()
    await sim.run(reader.seed.join([good[0]!.node.contact()]))
    assert(sim.clock.now() - startMs <= 25_000, `${sim.clock.now() - startMs} ms`)
    assert(reader.seed.table.has(good[0]!.node.self))
  })
})
