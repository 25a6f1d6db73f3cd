import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contact } from '../../src/base/ports.ts'
import type { CrawlOptions } from '../../src/cli/crawler.ts'
import { simPlaceOf, standInKeys } from '../../src/sim/keys.ts'
import type { VirtualNetwork } from '../../src/sim/network.ts'
import type { Table } from '../../src/sim/result.ts'
import { encodeContacts } from '../../src/wire/dht.ts'
import type { CrawlFound } from '../../src/worlds/crawl/crawl.ts'
import { crawl } from '../../src/worlds/crawl/crawl.ts'
import { makeOutput, writeFound } from '../../src/worlds/crawl/write.ts'
import { fullEngine } from '../../src/worlds/full/full.ts'
import { findScenario } from '../../src/worlds/runs/find.ts'
import { makeKeys } from '../support/peer-keys.ts'
import type { SimSeed } from '../support/sim-seeds.ts'
import { simSeeds } from '../support/sim-seeds.ts'
import { temporaryFolder } from '../support/store-folder.ts'

type Changes = Partial<Omit<CrawlOptions, 'bounds'>> & { bounds?: Partial<CrawlOptions['bounds']> }

const usual = { lastsMs: 600_000, requests: 50_000, peers: 20_000, perSecond: 50 }

/** From a client that nobody has met. */
async function crawlFrom(sim: VirtualNetwork, from: readonly Contact[], changes: Changes = {}) {
  const node = sim.add({ server: false })
  const found: CrawlFound[] = []
  const done = await sim.run(
    crawl({
      ...{ network: node, clock: sim.clock, random: sim.random, keys: node.keys, from },
      ...{ placeOf: simPlaceOf, name: 'test' },
      options: {
        ...{ out: null, withIds: true, withEdges: true, watch: undefined, onProgress() {} },
        signal: new AbortController().signal,
        ...changes,
        bounds: { ...usual, ...changes.bounds }
      },
      write: async all => void found.push(all)
    })
  )
  const last = found.at(-1)!
  const value = (name: string) => last.figures[name]?.value
  return { done, found, value, ...last, node }
}

const column = ({ columns, rows }: Table, name: string) => {
  const at = columns.indexOf(name)
  return rows.map(row => row[at]!)
}
const byId = (table: Table, name: string) => {
  const values = column(table, name)
  return new Map(column(table, 'id').map((id, i) => [id, values[i]]))
}
/** With keys that cost nothing: nobody here signs for another. */
const quietSeeds = (count: number, seed: number) =>
  simSeeds(count, { seed, repair: null, reach: 'dial', makeKeys: standInKeys })
const contactOf = ({ node }: SimSeed) => node.contact()

describe('a crawl', () => {
  let sim: VirtualNetwork
  let seeds: SimSeed[]
  before(async () => {
    ;({ sim, seeds } = await quietSeeds(40, 3))
    // Until nobody meets anybody new.
    await sim.pass(20 * 60_000)
  })

  it('meets everybody, reads every table to the end, and is in none', async () => {
    const { done, value, tables, node } = await crawlFrom(sim, [contactOf(seeds[0]!)])
    assert.equal(done.ended, 'done')
    assert.deepEqual([value('seen'), value('answered'), value('reachable')], [40, 40, 1])
    const sizes = byId(tables.peers!, 'tableSize')
    const degrees = byId(tables.peers!, 'inDegree')
    for (const { seed, node } of seeds) {
      assert.equal(sizes.get(node.self), seed.table.contacts().length)
      const naming = seeds.filter(other => other.seed.table.has(node.self))
      assert.equal(degrees.get(node.self), naming.length)
    }
    assert.equal(value('tables read whole'), 1)
    assert(seeds.every(({ seed }) => !seed.table.has(node.self)))
    assert.deepEqual(new Set(column(tables.peers!, 'role')), new Set(['server']))
    const edges = column(tables.peers!, 'inDegree').reduce<number>((sum, n) => sum + Number(n), 0)
    assert.equal(tables.edges!.rows.length, edges)
  })

  it('measures round trips, and how well peers know who is near them', async () => {
    const { value, tables } = await crawlFrom(sim, [contactOf(seeds[5]!)])
    // One way 12.5 to 37.5 ms.
    for (const ms of column(tables.peers!, 'rttMs')) assert(Number(ms) >= 24 && Number(ms) <= 76)
    const shares = byId(tables.peers!, 'nearestKnown')
    const places = new Map(seeds.map(({ node }) => [node.self, simPlaceOf(node.self)]))
    const distance = (a: string, b: string) =>
      Buffer.from(places.get(a)!.map((byte, i) => byte ^ places.get(b)![i]!)).toString('hex')
    for (const { seed, node } of seeds) {
      const others = seeds.map(other => other.node.self).filter(peer => peer !== node.self)
      others.sort((a, b) => (distance(node.self, a) < distance(node.self, b) ? -1 : 1))
      const there = others.slice(0, 20).filter(peer => seed.table.has(peer)).length
      assert.equal(shares.get(node.self), there / 20)
    }
    assert(value('nearest 20 known')! > 0.9)
    const estimate = value('size estimate')!
    assert(estimate > 20 && estimate < 80, `${estimate}`)
  })

  it('is polite: no faster than it was told, and in no beat', async () => {
    const startMs = sim.clock.now()
    const { value, node } = await crawlFrom(sim, [contactOf(seeds[0]!)], {
      bounds: { perSecond: 10 }
    })
    const seconds = (sim.clock.now() - startMs) / 1_000
    const sent = [...node.sent.values()].reduce((sum, n) => sum + n, 0)
    assert.equal(sent, value('requests'))
    assert(sent / seconds < 10.5 && sent / seconds > 7, `${sent} in ${seconds} s`)
  })

  it('tells nothing of who peers are unless asked to, and names them anew each time', async () => {
    const options = { withIds: false }
    const one = await crawlFrom(sim, [contactOf(seeds[0]!)], options)
    const two = await crawlFrom(sim, [contactOf(seeds[0]!)], options)
    const text = JSON.stringify([one.tables, one.done])
    for (const { node } of seeds) assert(!text.includes(node.self))
    assert.doesNotMatch(text, /\/tcp\//)
    const names = new Set(column(one.tables.peers!, 'peer'))
    assert.equal(names.size, 40)
    assert(column(two.tables.peers!, 'peer').every(name => !names.has(name)))
  })

  const bounds: [string, Changes['bounds'], string, (v: (name: string) => number) => boolean][] = [
    ['requests', { requests: 40 }, 'bounded', value => value('requests') === 40],
    ['time', { lastsMs: 2_000 }, 'late', value => value('requests') < 150],
    ['peers', { peers: 15 }, 'done', value => value('seen') === 15]
  ]
  for (const [what, bound, ended, holds] of bounds)
    it(`keeps within its bound on ${what}, and shows what it has`, async () => {
      const from = [contactOf(seeds[0]!)]
      const { done, value } = await crawlFrom(sim, from, { bounds: bound! })
      assert.equal(done.ended, ended)
      assert(holds(name => value(name)!))
      assert(value('answered')! > 1)
    })

  it('shows what it has when it is stopped', async () => {
    const stop = new AbortController()
    const { done, value } = await crawlFrom(sim, [contactOf(seeds[0]!)], {
      signal: stop.signal,
      onProgress: ({ answered }) => {
        if (answered >= 10) stop.abort()
      }
    })
    assert.equal(done.ended, 'stopped')
    assert(value('answered')! >= 10 && value('answered')! < 40)
    assert(value('not tried')! > 0)
  })

  it('says so when nobody answers, or when it was stopped before', async () => {
    const gone = { peer: makeKeys(new Uint8Array(32)).self, addresses: ['/ip4/127.9.9.9/tcp/1'] }
    await assert.rejects(crawlFrom(sim, [gone]), { code: 'NETWORK_EMPTY' })
    const signal = AbortSignal.abort()
    await assert.rejects(crawlFrom(sim, [gone], { signal }), { code: 'CANCELLED' })
  })
})

describe('a crawl among those that do not play by the rules', () => {
  it('meets all others, and is held up by nobody', async () => {
    const { sim, seeds } = await quietSeeds(30, 4)
    const [flood, mute, forger, babbler, ...honest] = seeds as [
      ...[SimSeed, SimSeed, SimSeed, SimSeed],
      ...SimSeed[]
    ]
    let made = 0
    const invented = () => {
      const peer = makeKeys(Uint8Array.from({ length: 32 }, (_, i) => (made >> (8 * i)) & 255)).self
      made += 1
      return { peer, addresses: [`/ip4/127.77.${made >> 8}.${made & 255}/tcp/1`] }
    }
    flood.node.serve('find-node', async () => encodeContacts(Array.from({ length: 20 }, invented)))
    mute.node.serve('ping', () => new Promise(() => {}))
    forger.node.serve('ping', honest[0]!.node.handler('ping'))
    babbler.node.serve('find-node', async () => new Uint8Array(1_000).fill(0x9f))
    const startMs = sim.clock.now()
    const { done, value, tables } = await crawlFrom(sim, [contactOf(honest[0]!)])
    const states = byId(tables.peers!, 'state')
    assert.equal(done.ended, 'done')
    for (const { node } of honest) assert.equal(states.get(node.self), 'answered')
    assert.deepEqual(
      [flood, mute, forger, babbler].map(({ node }) => states.get(node.self)),
      ['answered', 'silent', 'lied', 'lied']
    )
    const empty = value('seen')! - value('answered')! - 3
    assert(empty >= 20 && empty <= 32 * 20, `${empty}: no more than a table can hold`)
    assert(value('entries that answer')! < 1)
    assert(sim.clock.now() - startMs < 600_000)
  })

  it('comes to those whom a flood names last', async () => {
    const { sim, seeds } = await quietSeeds(20, 5)
    let made = 0
    const invented = () => ({
      peer: makeKeys(new Uint8Array(32).fill(made)).self,
      addresses: [`/ip4/127.78.0.${made++ % 250}/tcp/1`]
    })
    seeds[0]!.node.serve('find-node', async () =>
      encodeContacts(Array.from({ length: 20 }, invented))
    )
    const from = [contactOf(seeds[0]!), contactOf(seeds[1]!)]
    const { value } = await crawlFrom(sim, from, { bounds: { lastsMs: 30_000 } })
    assert.equal(value('answered'), 20)
  })
})

describe('a watched crawl', () => {
  it('keeps who was there when, and a scenario replays it', async () => {
    const { sim, seeds } = await quietSeeds(16, 6)
    const hourMs = 3_600_000
    const away = (seed: SimSeed, fromHours: number, toHours: number) => {
      sim.after(fromHours * hourMs, () => seed.node.kill())
      sim.after(toHours * hourMs, () => seed.node.revive())
    }
    away(seeds[3]!, 0.9, 2.1)
    away(seeds[4]!, 1.4, 2.6)
    await using folder = await temporaryFolder()
    const out = join(folder.path, 'out')
    await makeOutput(out)
    const { done, found, tables } = await crawlFrom(sim, [contactOf(seeds[0]!)], {
      withIds: false,
      watch: { lastsMs: 4 * hourMs, everyMs: hourMs / 2 }
    })
    assert.equal(done.crawls, 9)
    assert.deepEqual(column(tables.time!, 'online'), [16, 16, 15, 14, 14, 15, 16, 16, 16])
    const ends = column(tables.sessions!, 'to_hours').filter(to => Number(to) < 4)
    assert.deepEqual(ends.map(to => Math.round(Number(to) * 4) / 4).sort(), [0.75, 1.25])

    await writeFound(out, found.at(-1)!)
    const scenario = {
      ...{ name: 'replayed', question: 'Who is there?', nodes: 16, hours: 3.9 },
      population: { trace: 'sessions.csv' },
      measure: { everyHours: 0.5 }
    }
    await writeFile(join(out, 'replay.json'), JSON.stringify(scenario))
    const result = await fullEngine.run((await findScenario(join(out, 'replay.json'))).scenario, {
      ...{ seed: 1, signal: new AbortController().signal, onProgress() {} }
    })
    // Half an hour, one hour and so on: what the crawls in between saw.
    assert.deepEqual(column(result.tables.time!, 'online').slice(0, 7), [
      ...[16, 15, 14, 14, 15, 16, 16]
    ])
  })

  it('is not misled by one time at which nobody answers: it is we who were cut off', async () => {
    const { sim, seeds } = await quietSeeds(8, 7)
    const hourMs = 3_600_000
    sim.after(0.9 * hourMs, () => {
      sim.apart = (a, b) => !a.server || !b.server
    })
    sim.after(1.1 * hourMs, () => {
      sim.apart = () => false
    })
    const { done, tables } = await crawlFrom(sim, [contactOf(seeds[0]!)], {
      watch: { lastsMs: 2 * hourMs, everyMs: hourMs }
    })
    assert.equal(done.crawls, 2)
    assert.deepEqual(column(tables.sessions!, 'from_hours'), Array(8).fill(0))
    assert.equal(new Set(column(tables.sessions!, 'to_hours')).size, 1)
  })
})

describe('what a crawl writes', () => {
  it('is tables, a summary and a report that needs no network', async () => {
    const { sim, seeds } = await quietSeeds(12, 8)
    const { tables, figures, about } = await crawlFrom(sim, [contactOf(seeds[0]!)], {
      withIds: false
    })
    await using folder = await temporaryFolder()
    const out = join(folder.path, 'a', 'out')
    await makeOutput(out)
    await writeFound(out, { tables, figures, about })
    assert.deepEqual((await readdir(out)).sort(), [
      ...['edges.csv', 'peers.csv', 'report.html', 'summary.json']
    ])
    const summary = JSON.parse(await readFile(join(out, 'summary.json'), 'utf8'))
    assert.deepEqual(summary.figures.answered, { value: 12, unit: 'peers' })
    const [head] = (await readFile(join(out, 'peers.csv'), 'utf8')).split('\n')
    assert.match(head!, /^peer,state,role,rttMs \(ms\),tableSize \(contacts\),whole,/)
    const report = await readFile(join(out, 'report.html'), 'utf8')
    assert.match(report, /between two peers nothing was measured[\s\S]*<svg/)
    assert.doesNotMatch(report, /<script|NaN/)
    await assert.rejects(makeOutput(out), { code: 'OUTPUT_EXISTS' })
    await mkdir(join(folder.path, 'empty'))
    await makeOutput(join(folder.path, 'empty'))
  })
})
