import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { PeerId } from '../../src/base/ports.ts'
import { compareDistance, placeOfKey } from '../../src/routing/distance.ts'
import type { DhtOptions } from '../../src/seed/dht.ts'
import type { UserOf } from '../../src/seed/serve-via.ts'
import { createViaAnswer } from '../../src/seed/serve-via.ts'
import { simPlaceOf } from '../../src/sim/keys.ts'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import { encodeFindNode, encodePing } from '../../src/wire/dht.ts'
import { decodeViaAnswer, encodeVia, encodeViaAnswer } from '../../src/wire/via.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { addSeed, simBlob, simSeeds } from '../support/sim-seeds.ts'

/** What one seed saw of one key: who asked, and in what. */
interface Seen {
  holder: PeerId
  from: PeerId
  method: string
}

const methods = ['get', 'put', 'have', 'release', 'record-get', 'record-put', 'find-node'] as const

/** Writes down who says these bytes to whom, in any request. */
function watch(seeds: readonly SimSeed[], ...needles: Uint8Array[]): Seen[] {
  const seen: Seen[] = []
  const names = needles.map(toHex)
  for (const { node } of seeds)
    for (const method of methods) {
      const answer = node.handler(method)
      node.serve(method, (payload, from, signal) => {
        const said = toHex(payload)
        if (names.some(name => said.includes(name))) seen.push({ holder: node.self, from, method })
        return answer(payload, from, signal)
      })
    }
  return seen
}

/** Seeds, one of which relays for one user, who has joined as the others, or knows nobody but the relay. */
async function world(o: { count?: number; stranger?: boolean; connectionsMax?: number } = {}) {
  const { count = 24, stranger = false, connectionsMax = 200 } = o
  const { sim, seeds } = await simSeeds(count, { connectionsMax })
  const users = new Set<PeerId>()
  const relay = addSeed(sim, { relayFor: async peer => (users.has(peer) ? 'alice' : undefined) })
  await sim.run(relay.seed.join([seeds[0]!.node.contact()]))
  const user = addSeed(sim, { mode: 'client' })
  users.add(user.node.self)
  if (!stranger) await sim.run(user.seed.join([seeds[1]!.node.contact()]))
  await sim.pass(30_000)
  const via: DhtOptions = { via: relay.node.contact() }
  return { sim, seeds, relay, user, users, via }
}

/** A blob that the relay is no holder of: it has to ask others for it. */
function farBlob({
  sim,
  seeds,
  relay
}: Pick<Awaited<ReturnType<typeof world>>, 'sim' | 'seeds' | 'relay'>) {
  for (;;) {
    const blob = simBlob(sim)
    const place = placeOfKey(blob.key)
    const isNearer = ({ node }: SimSeed) =>
      compareDistance(place, simPlaceOf(node.self), simPlaceOf(relay.node.self)) < 0
    if (seeds.filter(isNearer).length >= 8) return blob
  }
}

const fill = async (
  sim: VirtualNetwork,
  { seed }: SimSeed,
  options: DhtOptions,
  blob = simBlob(sim)
) => {
  const put = await sim.run(seed.dht.put(blob, options))
  return { blob, settled: await sim.run(put.settled) }
}

describe('through a relay', () => {
  it('holders see the relay put and get, and never who asked', async () => {
    const all = await world()
    const { sim, seeds, relay, user, via } = all
    const blob = farBlob(all)
    const seen = watch([...seeds, relay], blob.key, blob.headerBytes, placeOfKey(blob.key))
    const { settled } = await sim.run(user.seed.dht.put(blob, via))
    const { acknowledgements } = await sim.run(settled)
    assert.equal(acknowledgements.length, 8)
    const got = await sim.run(user.seed.dht.get(blob.key, via))
    assert.deepEqual(got.blob.sealed, blob.sealed)
    await sim.pass(60_000) // read repair and whatever else comes after
    const byRelay = seen.filter(s => s.holder !== relay.node.self && s.from === relay.node.self)
    assert(byRelay.some(s => s.method === 'put') && byRelay.some(s => s.method === 'get'))
    // Holders talk of it among themselves; of the user they know nothing.
    assert(!seen.some(s => s.holder !== relay.node.self && s.from === user.node.self))
  })

  it('one who knows nobody but the relay connects to nobody but the relay', async () => {
    const { sim, seeds, relay, user, via } = await world({ stranger: true })
    const { blob } = await fill(sim, user, via)
    await sim.run(user.seed.dht.get(blob.key, via))
    await sim.pass(120_000)
    const met = user.node.connected().map(({ contact }) => contact.peer)
    assert.deepEqual(met, [relay.node.self])
    for (const { node } of seeds) assert(!node.isConnected(user.node.self))
    assert.deepEqual(
      user.seed.table.contacts().map(({ peer }) => peer),
      [relay.node.self]
    )
    const copies = await Promise.all(
      [...seeds, relay].map(({ store }) => store.holding([blob.key], sim.clock.now()))
    )
    assert(copies.filter(([held]) => held === 'blob').length >= 8)
  })

  it('the relay dials whom it is not connected to', async () => {
    const { sim, seeds, relay, user, via } = await world({ count: 30, connectionsMax: 8 })
    // What is too much is closed once nobody uses it.
    await sim.pass(90_000)
    assert(seeds.some(({ node }) => !relay.node.isConnected(node.self)))
    const before = relay.node.dials
    const { settled } = await fill(sim, user, via)
    assert(settled.acknowledgements.length >= 8)
    assert(relay.node.dials > before)
  })

  it('a seed keeps no copy of what it puts through one', async () => {
    const { sim, relay, user: _user, users, via, seeds } = await world({ count: 4 })
    const mine = seeds[2]!
    users.add(mine.node.self)
    const { blob, settled } = await fill(sim, mine, via)
    assert.deepEqual(await mine.store.holding([blob.key], sim.clock.now()), ['none'])
    const holders = settled.acknowledgements.map(({ holder }) => holder).sort()
    const others = [relay, ...seeds.filter(s => s !== mine)].map(({ node }) => node.self).sort()
    assert.deepEqual(holders, others)
  })

  it('records are put and got as well', async () => {
    const { sim, seeds, relay, user, via } = await world()
    const seen = watch([...seeds, relay], placeOfKey(new Uint8Array(32)))
    const record = user.seed.dht.getRecord(new Uint8Array(32), via)
    await assert.rejects(sim.run(record), { code: 'RECORD_UNKNOWN' })
    assert(seen.every(({ from, holder }) => from === relay.node.self || holder === relay.node.self))
  })
})

describe('a relay that is of no use', () => {
  /** Requests of the user to anybody but the relay while `run` runs. */
  async function strayed(
    { sim, seeds, user }: Awaited<ReturnType<typeof world>>,
    key: Uint8Array,
    run: () => Promise<unknown>
  ) {
    const seen = watch(seeds, key, placeOfKey(key))
    await run()
    await sim.pass(60_000)
    return seen.filter(({ from }) => from === user.node.self)
  }

  it('is named, when it is gone, and nobody is asked past it', async () => {
    for (const deaths of ['silent', 'refused'] as const) {
      const all = await world()
      const { sim, relay, user, via } = all
      Object.assign(sim.options, { deaths })
      const { blob } = await fill(sim, user, via)
      relay.node.kill()
      const stray = await strayed(all, blob.key, async () => {
        await assert.rejects(sim.run(user.seed.dht.get(blob.key, via)), {
          code: 'RELAY_UNREACHABLE'
        })
        await assert.rejects(sim.run(user.seed.dht.put(blob, via)), { code: 'RELAY_UNREACHABLE' })
      })
      assert.deepEqual(stray, [], deaths)
      const direct = await sim.run(user.seed.dht.get(blob.key))
      assert.deepEqual(direct.blob.key, blob.key)
    }
  })

  it('is named, when it refuses or does not relay at all', async () => {
    const all = await world()
    const { sim, seeds, user, users, via } = all
    const { blob } = await fill(sim, user, via, farBlob(all))
    users.clear()
    const refused = { code: 'RELAY_REFUSED' }
    const stray = await strayed(all, blob.key, async () => {
      await assert.rejects(sim.run(user.seed.dht.get(blob.key, via)), refused)
      const plain = { via: seeds[3]!.node.contact() }
      await assert.rejects(sim.run(user.seed.dht.put(simBlob(sim), plain)), refused)
    })
    assert.deepEqual(stray, [])
  })

  it('may lie: no invented copy counts, and no invented blob is taken', async () => {
    const all = await world()
    const { sim, relay, user, via } = all
    const { blob } = await fill(sim, user, via)
    const other = await fill(sim, user, via, farBlob(all))
    const honest = relay.node.handler('via')
    const heard: string[] = []
    relay.node.serve('via', async (frame, from, signal) => {
      const answer = decodeViaAnswer(await honest(frame, from, signal))
      if (answer[0] !== 0) return encodeViaAnswer(answer)
      const bytes = Uint8Array.from(answer[1])
      bytes[bytes.length >> 1]! ^= 1 // the middle of a blob, or of contacts, or of a signature
      heard.push('spoiled')
      return encodeViaAnswer([0, bytes])
    })
    await assert.rejects(sim.run(user.seed.dht.get(other.blob.key, via)))
    assert(heard.length > 0)
    relay.node.serve('via', async () => encodeViaAnswer([0, new Uint8Array(200)]))
    await assert.rejects(sim.run(user.seed.dht.put(blob, via)))
    relay.node.serve('via', honest)
    const got = await sim.run(user.seed.dht.get(blob.key, via))
    assert.deepEqual(got.blob.sealed, blob.sealed)
  })
})

describe('a relay', () => {
  const ping = encodePing(null)

  async function bench(userOf: UserOf, rates: Parameters<typeof createViaAnswer>[0]['rates'] = {}) {
    const { sim, seeds } = await simSeeds(6)
    const { node, seed } = seeds[0]!
    const { table } = seed
    const shared = { network: node, clock: sim.clock, table, placeOf: simPlaceOf }
    const relay = createViaAnswer({ ...shared, userOf, rates })
    const { signal } = new AbortController()
    const ask = (to: SimSeed, from: PeerId, payload = ping) => {
      const method = payload === ping ? 'ping' : 'find-node'
      const frame = encodeVia({ to: to.node.contact(), method, payload })
      return sim.run(relay(frame, from, signal)).then(decodeViaAnswer)
    }
    return { sim, seeds, relay, ask, signal }
  }

  it('serves its users, and nobody else', async () => {
    const { seeds, ask } = await bench(async peer =>
      peer === 'alice-laptop' ? 'alice' : undefined
    )
    assert.equal((await ask(seeds[3]!, 'alice-laptop'))[0], 0)
    await assert.rejects(ask(seeds[3]!, 'somebody'), { code: 'IDENTIFY_FIRST' })
  })

  it('says what the peer refused, and whom it did not reach, apart', async () => {
    const { sim, seeds, relay, ask, signal } = await bench(async () => 'alice')
    const to = seeds[3]!.node
    const broken = encodeVia({ to: to.contact(), method: 'get', payload: ping })
    const answer = decodeViaAnswer(await sim.run(relay(broken, 'x', signal)))
    assert.deepEqual(answer, [1, 'WIRE_MALFORMED'])
    to.kill()
    assert.equal((await ask(seeds[3]!, 'x'))[0], 2)
    assert.deepEqual(await ask(seeds[0]!, 'x'), [2, 'PEER_UNREACHABLE'])
  })

  it('follows nobody into its own house', async () => {
    const { sim, relay, signal } = await bench(async () => 'alice')
    const stranger = addSeed(sim)
    const before = sim.totals.dials
    // Its address is one of loopback, and the user is not known at one.
    const frame = encodeVia({ to: stranger.node.contact(), method: 'ping', payload: ping })
    const answer = decodeViaAnswer(await sim.run(relay(frame, 'far-away', signal)))
    assert.deepEqual(answer, [2, 'PEER_UNREACHABLE'])
    assert.equal(sim.totals.dials, before)
  })

  it('bounds requests, bytes and dials of a user, whatever the peer ids, and those of all', async () => {
    const one = { burst: 3, perSecond: 0 }
    const places = encodeFindNode(new Uint8Array(32))
    const limited = { code: 'LIMIT_EXCEEDED' }
    for (const rates of [{ requests: one }, { bytes: { burst: 400, perSecond: 0 } }]) {
      const { seeds, ask } = await bench(async peer => peer.split('-')[0], rates)
      let served = 0
      await assert.rejects(async () => {
        for (;;) {
          await ask(seeds[3]!, `alice-${served}`, places)
          served += 1
        }
      }, limited)
      assert(served >= 1 && served <= 3, `${served}`)
      await ask(seeds[3]!, 'bob-1', places)
    }
    const { sim, seeds, ask } = await bench(async peer => peer, { allDials: one })
    const { node } = seeds[0]!
    const dialled = (to: SimSeed, user: string) => {
      node.drop(to.node)
      return ask(to, user)
    }
    for (const [i, other] of seeds.slice(1, 4).entries()) await dialled(other, `user-${i}`)
    await assert.rejects(dialled(seeds[4]!, 'user-9'), limited)
    assert.equal((await ask(seeds[1]!, 'user-9'))[0], 0, 'a connection that is there costs no dial')
    assert(sim.totals.dials > 0)
  })

  it('gives one user so many requests at a time, and others still theirs', async () => {
    const { sim, seeds, relay, signal } = await bench(async peer => peer)
    seeds[3]!.node.serve('ping', () => new Promise(() => {}))
    const to = seeds[3]!.node.contact()
    const frame = encodeVia({ to, method: 'ping', payload: ping })
    const all = Array.from({ length: limits.viaPerUserMax + 4 }, () =>
      relay(frame, 'alice', signal).then(
        answer => decodeViaAnswer(answer)[1],
        err => err.code
      )
    )
    const [outcomes, other] = await sim.run(
      Promise.all([Promise.all(all), relay(frame, 'bob', signal).then(decodeViaAnswer)])
    )
    assert.equal(outcomes.filter(code => code === 'LIMIT_EXCEEDED').length, 4)
    assert.deepEqual(other, [2, 'PEER_TIMEOUT'])
  })
})
