import assert from 'node:assert/strict'
import { codeOf, MuttrError } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import type { Stamper } from '../../src/base/ports.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import { Table } from '../../src/routing/table.ts'
import { Asked } from '../../src/seed/asked.ts'
import type { PutProgress } from '../../src/seed/dht.ts'
import { Peers } from '../../src/seed/peers.ts'
import type { Reach } from '../../src/seed/reach.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import { silentLog } from '../../src/sim/network.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { makeBlob, readHeader } from '../../src/wire/blob.ts'
import * as dht from '../../src/wire/dht.ts'
import { decodeRecord } from '../../src/wire/record.ts'
import { issuedAt, readStamp, stampPrice } from '../../src/wire/stamp.ts'
import { ed25519Author, recordBy } from '../support/record-authors.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { addSeed, simBlob, simNetwork, simSeeds } from '../support/sim-seeds.ts'
import { inlineStamper, keptIn, recordPutFrame, stamped, storedIn } from '../support/stamps.ts'

const hourMs = limits.expiryStepMs
const known = new Uint8Array()
const timeoutMs = 5_000
const _postageOf = ({ key, header: { lengthBytes, expiryMs } }: Blob) => ({
  key,
  lengthBytes,
  expiryMs
})

/** Nearest to the blob first. */
function byDistance(seeds: readonly SimSeed[], { key }: Blob): SimSeed[] {
  const place = placeOfKey(key)
  const at = (s: SimSeed) => simPlaceOf(s.node.self)
  return seeds.toSorted((a, b) => compareDistance(place, at(a), at(b)))
}

/** What a seed wants for its `n`th put, counted from 0. */
type Price = (n: number) => number

/** The seed takes puts only for so much from now on. @returns how many it was sent. */
function press(sim: VirtualNetwork, { node }: SimSeed, price: Price): { puts: number } {
  const honest = node.handler('put')
  const seen = { puts: 0 }
  node.serve('put', async (frame, from, signal) => {
    const factor = price(seen.puts++)
    const { headerBytes, stamp } = dht.decodePut(frame)
    const { key, header } = readHeader(headerBytes)
    const { pays } = readStamp(stamp, { ...header, key }, sim.clock.now())
    return pays(factor) ? honest(frame, from, signal) : dht.encodePutAnswer([1, factor])
  })
  return seen
}

/** Computes nothing until virtual time has passed. */
function slowStamper(sim: VirtualNetwork, takesMs: number): Stamper & { aborted: number } {
  const stamper = inlineStamper()
  const slow = {
    aborted: 0,
    make(job, { signal, onProgress } = {}) {
      if (job.factor === 1) return stamper.make(job)
      const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
      sim.after(takesMs / 2, () => onProgress?.(0.4))
      sim.after(takesMs, () => stamper.make(job).then(resolve, reject))
      signal?.addEventListener('abort', () => {
        slow.aborted += 1
        reject(new MuttrError('CANCELLED', 'no longer wanted'))
      })
      return promise
    }
  } satisfies Stamper & { aborted: number }
  return slow
}

describe('a seed that is shown a stamp', () => {
  let sim: VirtualNetwork
  let seed: SimSeed
  before(async () => {
    const network = await simSeeds(2)
    sim = network.sim
    seed = network.seeds[0]!
  })
  const ask = (method: string, frame: Uint8Array) =>
    sim.run(sim.add().request(seed.node.contact(), method, frame, { timeoutMs }))
  async function refused(frame: Uint8Array, code: string, method = 'put'): Promise<void> {
    const before = seed.store.usage()
    await assert.rejects(ask(method, frame), { code })
    assert.deepEqual(seed.store.usage(), before, 'nothing was stored')
  }
  const put = (blob: Blob, stamp: Uint8Array | null) => dht.encodePut({ ...blob, stamp, known })

  it('stores the blob with it, and gives it back', async () => {
    const blob = stamped(simBlob(sim), sim.clock.now())
    storedIn(await ask('put', put(blob, blob.stamp)))
    assert.deepEqual(await seed.store.getBlob(blob.key, sim.clock.now()), blob)
    const answer = dht.decodeGetAnswer(await ask('get', dht.encodeGet(blob.key)))
    assert.deepEqual(answer, [1, blob.headerBytes, blob.sealed, blob.stamp])
    const reader = addSeed(sim, { mode: 'client' })
    await sim.run(reader.seed.join([seed.node.contact()]))
    assert.deepEqual((await sim.run(reader.seed.dht.get(blob.key))).blob, blob)
  })

  it('refuses none, what is none, and that of another blob', async () => {
    const [blob, other] = [simBlob(sim), stamped(simBlob(sim), sim.clock.now())]
    await refused(put(blob, null), 'STAMP_MISSING')
    await refused(put(blob, sim.random.bytes(14)), 'STAMP_INVALID')
    await refused(put(blob, other.stamp), 'STAMP_TOO_LOW')
    await refused(put(blob, stamped(blob, sim.clock.now() + 2 * hourMs).stamp), 'STAMP_INVALID')
  })

  it('refuses one made for less bytes or a shorter life: those have another key', async () => {
    const small = simBlob(sim, 1_024, hourMs)
    const { retract } = small.header
    const about = { retract, accept: null, expiryMs: small.header.expiryMs + 50 * 24 * hourMs }
    const { stamp } = stamped(small, sim.clock.now())
    await refused(put(makeBlob(small.sealed, about), stamp), 'STAMP_TOO_LOW')
    const large = makeBlob(sim.random.bytes(200_000), about)
    await refused(put(large, stamp), 'STAMP_TOO_LOW')
  })

  it('looks at it before it looks at the bytes', async () => {
    const blob = stamped(simBlob(sim), sim.clock.now())
    const sealed = blob.sealed.with(3, blob.sealed[3]! ^ 1)
    await refused(put({ ...blob, sealed }, null), 'STAMP_MISSING')
    await refused(put({ ...blob, sealed }, blob.stamp), 'BLOB_INVALID')
  })

  it('wants one for a record as well, and looks at it before the signature', async () => {
    const [alice, mallory] = [ed25519Author(1), ed25519Author(2)]
    const { frame: record } = await recordBy(alice)
    const forged = await recordBy({ author: alice.author, sign: mallory.sign })
    const without = (frame: Uint8Array) =>
      dht.encodeRecordPut({ record: frame, stamp: null, known })
    await refused(without(record), 'STAMP_MISSING', 'record-put')
    await refused(without(forged.frame), 'STAMP_MISSING', 'record-put')
    const frame = recordPutFrame(forged.frame, sim.clock.now())
    await refused(frame, 'RECORD_INVALID', 'record-put')
    const kept = keptIn(await ask('record-put', recordPutFrame(record, sim.clock.now())))
    assert.equal(kept.record, null)
  })
})

describe('a put among pressed seeds', () => {
  let sim: VirtualNetwork
  let seeds: SimSeed[]
  let undo: (() => void)[] = []
  before(async () => {
    const network = await simSeeds(16, { seed: 8, repair: null })
    sim = network.sim
    seeds = network.seeds
  })
  afterEach(() => {
    for (const one of undo) one()
    undo = []
  })

  async function writerWith(stamper: Stamper): Promise<SimSeed> {
    const writer = addSeed(sim, { mode: 'client', stamper })
    await sim.run(writer.seed.join([seeds[0]!.node.contact()]))
    return writer
  }

  /** A blob whose nearest `count` ask for more. */
  async function pressed(price: Price, count: number, blob = simBlob(sim)) {
    const stamper = inlineStamper()
    const writer = await writerWith(stamper)
    const near = byDistance(seeds, blob)
    const counts = near.slice(0, count).map(seed => {
      const honest = seed.node.handler('put')
      undo.push(() => seed.node.serve('put', honest))
      return press(sim, seed, price)
    })
    const holding = async () => {
      const found = await Promise.all(near.map(s => s.store.getBlob(blob.key, sim.clock.now())))
      return found.flatMap((held, rank) => (held ? [rank] : []))
    }
    const factors = () => stamper.jobs.map(({ factor }) => factor)
    return { writer, blob, counts, holding, factors }
  }
  const few = () => pressed(() => 20, 3)
  const all = () => pressed(() => 50, 16)
  const nearest = [0, 1, 2, 3, 4, 5, 6, 7]

  it('does more work for those that ask for it, once for all, and says what was asked', async () => {
    const { writer, blob, holding, factors } = await few()
    const seen: PutProgress[] = []
    const { settled } = await sim.run(writer.seed.dht.put(blob, { onProgress: p => seen.push(p) }))
    const end = await sim.run(settled)
    assert.equal(end.acknowledgements.length, 8)
    assert.equal(end.asked, 20)
    assert(seen.some(({ asked }) => asked === 20))
    assert.deepEqual(await holding(), nearest)
    assert.deepEqual(factors(), [1, 20])
  })

  it('does it once where all ask for it, and bothers no more than it needs', async () => {
    const { writer, blob, counts, holding, factors } = await all()
    const { settled } = await sim.run(writer.seed.dht.put(blob))
    assert.equal((await sim.run(settled)).acknowledgements.length, 8)
    assert.deepEqual(await holding(), nearest)
    assert.deepEqual(factors(), [1, 50])
    assert.equal(
      counts.reduce((sum, { puts }) => sum + puts, 0),
      16
    )
  })

  it('goes to others where more is asked than it may spend', async () => {
    const { writer, blob, holding, factors } = await few()
    const { settled } = await sim.run(writer.seed.dht.put(blob, { factorMax: 19 }))
    const end = await sim.run(settled)
    assert.equal(end.acknowledgements.length, 8)
    assert.equal(end.asked, 20)
    assert.deepEqual(await holding(), [3, 4, 5, 6, 7, 8, 9, 10])
    assert.deepEqual(factors(), [1])
  })

  it('fails where all ask for more than it may spend, and says why', async () => {
    const { writer, blob, factors } = await all()
    await assert.rejects(sim.run(writer.seed.dht.put(blob, { factorMax: 49 })), err => {
      assert(err instanceof MuttrError && err.code === 'QUORUM_MISSED')
      assert.match(err.message, /50 times the usual work, more than 49/)
      assert.equal(codeOf(err.cause), 'STAMP_TOO_LOW')
      return true
    })
    assert.deepEqual(factors(), [1])
  })

  it('spends some ten seconds of a core at most, unless told', async () => {
    const large = simBlob(sim, 262_144, 100 * 24 * hourMs)
    const floor = stampPrice({ ...large.header, issuedMs: issuedAt(sim.clock.now()) })
    const most = Math.floor(limits.stampHashesDefaultMax / floor)
    assert(most < 50)
    const { writer, factors } = await pressed(() => most + 1, 16, large)
    await assert.rejects(sim.run(writer.seed.dht.put(large)), { code: 'QUORUM_MISSED' })
    assert.deepEqual(factors(), [1])
  })

  it('pays nobody who asks for more and more', async () => {
    const { writer, blob, counts, holding } = await pressed(n => [5, 10, 20][n]!, 2)
    const { settled } = await sim.run(writer.seed.dht.put(blob))
    assert.equal((await sim.run(settled)).acknowledgements.length, 8)
    assert.deepEqual(await holding(), [2, 3, 4, 5, 6, 7, 8, 9])
    assert.deepEqual(
      counts.map(({ puts }) => puts),
      [3, 3]
    )
  })

  it('has its time stand still while it works, and the others tried', async () => {
    const { blob } = await pressed(() => 20, 5)
    const writer = await writerWith(slowStamper(sim, 60_000))
    const shares: number[] = []
    const startMs = sim.clock.now()
    const onStamp = ({ factor, share }: { factor: number; share: number }) => {
      assert.equal(factor, 20)
      shares.push(share)
    }
    const { settled } = await sim.run(writer.seed.dht.put(blob, { onStamp }))
    assert(sim.clock.now() - startMs < 10_000, `${sim.clock.now() - startMs} ms`)
    const { acknowledgements } = await sim.run(settled)
    assert(sim.clock.now() - startMs > 60_000)
    assert(acknowledgements.length >= 8)
    assert.deepEqual(shares, [0.4])
  })

  it('ends when it is told, and its work with it', async () => {
    const { blob } = await all()
    const stamper = slowStamper(sim, 60_000)
    const writer = await writerWith(stamper)
    const stop = new AbortController()
    const startMs = sim.clock.now()
    sim.after(20_000, () => stop.abort())
    const putting = writer.seed.dht.put(blob, { signal: stop.signal })
    await assert.rejects(sim.run(putting), { code: 'CANCELLED' })
    assert.equal(sim.clock.now() - startMs, 20_000)
    assert.equal(stamper.aborted, 1)
  })

  it('of a record pays as well', async () => {
    const stamper = inlineStamper()
    const writer = await writerWith(stamper)
    for (const { node } of seeds) {
      const honest = node.handler('record-put')
      undo.push(() => node.serve('record-put', honest))
      node.serve('record-put', async (frame, ...rest) => {
        const { record, stamp } = dht.decodeRecordPut(frame)
        const { key } = decodeRecord(record)
        const { pays } = readStamp(stamp, { key, lengthBytes: record.length }, sim.clock.now())
        return pays(7) ? honest(frame, ...rest) : dht.encodeRecordPutAnswer([1, 7])
      })
    }
    const record = await recordBy(ed25519Author(9))
    await sim.run(writer.seed.dht.putRecord(record.frame))
    assert.deepEqual(await sim.run(writer.seed.dht.getRecord(record.key)), record.frame)
    assert.deepEqual(
      stamper.jobs.map(({ factor }) => factor),
      [1, 7]
    )
  })
})

describe('an answer that came through another peer', () => {
  it('makes its peer known when it is signed, not when it is a price', async () => {
    const sim = simNetwork()
    const [node, holder] = [sim.add(), sim.add()]
    const { clock, random } = sim
    const place = simPlaceOf(node.self)
    const table = new Table({ place, placeOf: simPlaceOf, k: 20, nowMs: clock.now() })
    const reach: Reach = {
      ask: async (_to, _method, payload, { read }) => ({ value: read(payload), direct: false }),
      cost: () => 1,
      [Symbol.dispose]() {}
    }
    const { keys } = node
    const onChange = () => {}
    const asked = new Asked()
    const own = { network: node, clock, random, log: silentLog, keys }
    using peers = new Peers({ ...own, table, reach, asked, onChange })
    const read = (answer: Uint8Array) => dht.decodePutAnswer(answer)
    const signed = ([type]: dht.PutAnswer) => type === 0
    const ask = (answer: dht.PutAnswer) =>
      peers.ask(holder.contact(), 'put', dht.encodePutAnswer(answer), { read, signed })
    await ask([1, 900])
    assert(!table.has(holder.self))
    const storedMs = clock.now()
    await ask([0, { expiryMs: hourMs, storedMs, signature: sim.random.bytes(64), contacts: [] }])
    assert(table.has(holder.self))
  })
})

describe('seeds that fill up', () => {
  it('ask for more and more, and are paid', async () => {
    const { sim, seeds } = await simSeeds(8, { seed: 3, capBytes: 60_000, repair: null })
    const asked: number[] = []
    for (let i = 0; i < 40 && (asked.at(-1) ?? 1) < 40; i++) {
      const { settled } = await sim.run(seeds[0]!.seed.dht.put(simBlob(sim)))
      const end = await sim.run(settled)
      assert.equal(end.acknowledgements.length, 8)
      asked.push(end.asked)
    }
    assert.equal(asked[0], 1)
    assert(asked.at(-1)! >= 40, `${asked}`)
    assert.deepEqual(
      asked,
      asked.toSorted((a, b) => a - b)
    )
  })
})

describe('a reader that repairs', () => {
  /** Only the farthest four of the eight that should have it do. */
  async function half(spoil: (stamp: Uint8Array) => Uint8Array) {
    const { sim, seeds } = await simSeeds(16, { seed: 12, repair: null })
    const made = stamped(simBlob(sim), sim.clock.now() - 5 * hourMs)
    const blob = { ...made, stamp: spoil(made.stamp) }
    const near = byDistance(seeds, blob)
    for (const { store } of near.slice(4, 8)) await store.putBlob(blob)
    await sim.run(near.at(-1)!.seed.dht.get(blob.key))
    await sim.pass(3_000)
    const held = await Promise.all(
      near.slice(0, 8).map(({ store }) => store.getBlob(blob.key, sim.clock.now()))
    )
    return { blob, held: held.filter(one => one !== undefined) }
  }

  it('shows the stamp that came with the blob', async () => {
    const { blob, held } = await half(stamp => stamp)
    assert.equal(held.length, 6)
    for (const { stamp } of held) assert.deepEqual(stamp, blob.stamp)
  })

  it('gives nobody a blob whose holder showed a stamp worth nothing', async () => {
    const { held } = await half(stamp => stamp.with(-1, stamp.at(-1)! ^ 1))
    assert.equal(held.length, 4)
  })
})
