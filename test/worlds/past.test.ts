import assert from 'node:assert/strict'
import type { Contact, Millis } from '../../src/base/ports.ts'
import { systemClock as clock } from '../../src/net/clock.ts'
import { placeOf } from '../../src/net/place.ts'
import { systemRandom as random } from '../../src/net/random.ts'
import { freePorts } from '../../src/nodes/free-ports.ts'
import { Table } from '../../src/routing/table.ts'
import { regionsLeast, upkeep } from '../../src/routing/upkeep.ts'
import { Dice } from '../../src/sim/dice.ts'
import { simPlaceOf, standInKeys } from '../../src/sim/keys.ts'
import { readScenario } from '../../src/sim/scenario.ts'
import { know, pastsOf, toldOf, touch } from '../../src/worlds/full/past.ts'
import { Fleet } from '../../src/worlds/real/fleet.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const nowMs: Millis = 1_000_000_000
const hourMs: Millis = 3_600_000
const usual = { name: 'settled', question: '?', nodes: 1_000, hours: 1 }
const { parameters } = readScenario(usual)
const { k, replicas, sweepHours } = parameters

const dice = new Dice(1, 'test')
const all = Array.from({ length: usual.nodes }, () => {
  const { self } = standInKeys(dice.bytes(32))
  const contact: Contact = { peer: self, addresses: ['/ip4/127.0.0.1/tcp/1'] }
  return { contact, isServer: true }
})

const begin = (adversaries: object | null, count: number) => {
  const pasts = pastsOf(all, { parameters, adversaries, placeOf: simPlaceOf, dice }).take(count)
  return [...pasts].map((past, i) => {
    const place = simPlaceOf(all[i]!.contact.peer)
    const table = new Table({ place, placeOf: simPlaceOf, k, nowMs })
    know(table, past.known, nowMs)
    return { past, place, table, ...toldOf(past, nowMs) }
  })
}

describe('a seed of a network that is settled', () => {
  const seeds = begin(null, 50)

  it('knows how large the network is, so that nobody measures it', () => {
    for (const { size } of seeds) {
      assert.equal(size!.regions, regionsLeast)
      assert(size!.nodes! > usual.nodes / 2 && size!.nodes! < 2 * usual.nodes, `${size!.nodes}`)
    }
  })

  it('has full buckets and spares of those it has known for an hour or two, all just heard of', () => {
    for (const { table, place, past } of seeds) {
      assert(table.depth >= 4)
      for (const bucket of table.spread(k).slice(0, 4)) assert.equal(bucket.length, k)
      const ages = past.known.map(({ ageMs }) => ageMs)
      assert(Math.min(...ages) >= hourMs && Math.max(...ages) < 2 * hourMs)
      assert.deepEqual(table.silent(nowMs, k), [])
      const far = place.with(0, place[0]! ^ 128)
      assert(table.nearest(far, 2 * k, { spares: true }).length === 2 * k)
    }
  })

  it('has its buckets and sweeps due at any time', () => {
    for (const { table, past } of seeds) touch(table, past.lookupAgesMs, nowMs)
    const isDue = (leftMs: Millis) =>
      seeds.filter(({ table }) => table.stale(nowMs + leftMs - upkeep.staleMs) !== undefined)
    assert.equal(isDue(0).length, 0)
    // Of six buckets or so the first comes to its turn after a seventh of the hour in the mean.
    assert(isDue(hourMs / 6).length > 10 && isDue(hourMs / 60).length < 20)
    assert.equal(isDue(hourMs).length, seeds.length)
    const due = seeds.map(({ sweepAtMs }) => (sweepAtMs! - nowMs) / (sweepHours * hourMs))
    assert(Math.min(...due) >= 0 && Math.max(...due) < 1)
    assert(due.some(part => part < 0.3) && due.some(part => part > 0.7))
  })

  it('has a full table and nothing else among adversaries', () => {
    for (const { table, past, size, sweepAtMs } of begin({}, 10)) {
      assert.deepEqual([size!.nodes, sweepAtMs, past.lookupAgesMs], [undefined, undefined, []])
      assert.equal(table.size, past.known.length)
    }
  })

  it('counts no region in a network that is too small for one', () => {
    const few = all.slice(0, 2 * replicas)
    for (const past of pastsOf(few, { parameters, adversaries: null, placeOf: simPlaceOf, dice }))
      assert.equal(toldOf(past, nowMs).size!.regions, 0)
  })
})

describe('processes of a network that is settled', () => {
  it('look around once, one after the other, and have nothing to measure', async () => {
    await using folder = await temporaryFolder()
    const nodes = 6
    const scenario = readScenario({ ...usual, nodes, hours: 12 / 3_600, measure: {} })
    const failed: unknown[] = []
    const comeMs: Millis[] = []
    await using fleet = new Fleet({
      ...{ folder: folder.path, scenario, clock, placeOf, dice: new Dice(1, 'pick') },
      ports: await freePorts(nodes, random),
      signal: new AbortController().signal,
      keys: () => [],
      note: () => void comeMs.push(clock.now()),
      onFail: err => void failed.push(err)
    })
    await fleet.comeSettled(nodes)
    assert.deepEqual(failed, [])
    const { errands } = await fleet.counts()
    assert.equal(errands.get('find-node, join'), nodes * (nodes - 1))
    assert.equal(errands.get('find-node, measure'), undefined)
    // Whom a busy machine stops for seconds leaves tables and comes back: one then, and not all of them.
    const doubts = ['find-node, repair', 'ping, lost', 'ping, candidate']
    const doubted = doubts.reduce((sum, what) => sum + (errands.get(what) ?? 0), 0)
    assert(doubted < nodes * (nodes - 1), `${doubted}`)
    // By lot within six seconds; handshakes of all at once would take each other's time.
    assert(comeMs.at(-1)! - comeMs[0]! > 2_000, `${comeMs}`)
  })
})
