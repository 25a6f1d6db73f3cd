import assert from 'node:assert/strict'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FieldLog } from '../../../src/nodes/field/field-log.ts'
import { openTraceOut } from '../../../src/nodes/field/trace-out.ts'
import { createSeedNode } from '../../../src/seed/seed.ts'
import { simPlaceOf } from '../../../src/sim/keys.ts'
import { silentLog } from '../../../src/sim/network.ts'
import { parseSessions } from '../../../src/sim/sessions.ts'
import { memoryStore } from '../../../src/store/memory.ts'
import { toCsv } from '../../../src/worlds/shown/csv.ts'
import type { SimSeed } from '../../support/sim-seeds.ts'
import { simSeeds } from '../../support/sim-seeds.ts'
import { inlineStamper } from '../../support/stamps.ts'
import { temporaryFolder } from '../../support/store-folder.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const salt = new Uint8Array(32)

describe('what a seed may tell researchers', () => {
  it('has a session for each time a neighbour was there, to the minute', () => {
    const log = new FieldLog(0, salt)
    log.connected('a', 0)
    log.disconnected('a', hourMs)
    log.seen('a', hourMs + 10 * minuteMs)
    log.seen('a', 2 * hourMs)
    log.seen('a', 2 * hourMs + 5 * minuteMs)
    log.seen('b', 2 * hourMs)
    log.connected('c', 2.5 * hourMs + 2_000)
    const { sessions } = log.tables(3 * hourMs)
    assert.deepEqual(
      sessions.rows.map(([, from, to]) => [from, to]),
      [
        [0, 1.1667],
        [2, 2.0833],
        [2.5, 3]
      ]
    )
    assert.equal(parseSessions(toCsv(sessions)).nodes.length, 2, 'b was there for a moment only')
  })

  it('names a peer otherwise with another salt, and never as it is called', () => {
    const nameIn = (salt: Uint8Array) => {
      const log = new FieldLog(0, salt)
      log.connected('12D3KooWabc', 0)
      return log.tables(hourMs).sessions.rows[0]![0]
    }
    assert.equal(nameIn(salt), nameIn(salt))
    assert.notEqual(nameIn(salt), nameIn(salt.with(0, 1)))
    assert.match(String(nameIn(salt)), /^[0-9a-f]{12}$/)
  })

  it('counts by minute and method, and how many answers took how long', () => {
    const log = new FieldLog(0, salt)
    for (const atMs of [0, 10, 59_999, minuteMs]) log.counted('ping', 'sent', atMs)
    log.counted('ping', 'served', 30)
    for (const ms of [0.5, 3, 4, 9_000, 20_000]) log.roundTrip(ms)
    const { requests, roundtrips } = log.tables(hourMs)
    assert.deepEqual(requests.rows, [
      [0, 'ping', 3, 1],
      [0.0167, 'ping', 1, 0]
    ])
    const answers = new Map(roundtrips.rows as [number | string, number][])
    assert.deepEqual(
      [1, 5, 'more'].map(most => answers.get(most)),
      [1, 2, 2]
    )
  })

  it('is bounded', () => {
    const log = new FieldLog(0, salt)
    for (let i = 0; i < 30_000; i++) log.seen(`peer ${i}`, i)
    assert(log.isFull)
    const { sessions, requests } = log.tables(hourMs)
    assert(sessions.rows.length + requests.rows.length <= 20_000)
  })
})

describe('a trace of a real seed', () => {
  it('is written as it goes, in sets of a day, without a trace of who anybody is', async () => {
    await using folder = await temporaryFolder()
    const out = join(folder.path, 'out')
    const { sim, seeds } = await simSeeds(8, {
      ...{ seed: 9, repair: null, reach: 'dial', noticeMs: minuteMs }
    })
    const { clock, random } = sim
    const node = sim.add()
    const parts = { folder: out, network: node, clock, random, log: silentLog }
    const trace = await openTraceOut(parts)
    const seed = createSeedNode({
      ...{ network: trace.network, clock, random, log: silentLog, keys: node.keys },
      ...{ store: memoryStore(), placeOf: simPlaceOf, stamper: inlineStamper() },
      ...{ mode: 'server', reach: 'dial', repair: null }
    })
    await sim.run(seed.join([seeds[0]!.node.contact()]))
    const gone: SimSeed = seeds[3]!
    sim.after(2 * hourMs, () => gone.node.kill())
    await sim.pass(25 * hourMs)
    await trace[Symbol.asyncDispose]()
    await seed[Symbol.asyncDispose]()

    assert.deepEqual((await readdir(out)).sort(), [
      ...['requests-1.csv', 'requests-2.csv', 'roundtrips-1.csv', 'roundtrips-2.csv'],
      ...['sessions-1.csv', 'sessions-2.csv']
    ])
    const read = (name: string) => readFile(join(out, name), 'utf8')
    const first = parseSessions(await read('sessions-1.csv'))
    assert.equal(first.nodes.length, 8)
    const left = first.nodes.filter(sessions => sessions.at(-1)!.toHours < 23)
    assert.equal(left.length, 1)
    assert(left[0]!.at(-1)!.toHours <= 2.1)
    assert.equal(parseSessions(await read('sessions-2.csv')).nodes.length, 7)
    assert.match(await read('requests-1.csv'), /,ping,\d+,\d+\n/)
    assert.match(await read('requests-1.csv'), /,find-node,\d+,\d+\n/)
    const all = (await Promise.all((await readdir(out)).map(read))).join()
    for (const { node } of seeds) assert(!all.includes(node.self))
    assert.doesNotMatch(all, /\/ip4|12D3/)
    assert.equal((await stat(join(out, 'sessions-1.csv'))).mode & 0o077, 0)
    const names = async (set: number) =>
      new Set((await read(`sessions-${set}.csv`)).match(/^[0-9a-f]{12}(?=,)/gm))
    const [one, two] = [await names(1), await names(2)]
    assert(one.isDisjointFrom(two), 'a set has a salt of its own')

    await using again = await openTraceOut(parts)
    assert(again)
  })

  it('keeps the newest sets, and goes on when nothing can be written', async () => {
    await using folder = await temporaryFolder()
    const out = folder.path
    for (let set = 1; set <= 20; set++) await writeFile(join(out, `sessions-${set}.csv`), '')
    await writeFile(join(out, 'mine.txt'), '')
    const { sim, seeds } = await simSeeds(2, { seed: 9, repair: null, reach: 'dial' })
    const { clock, random } = sim
    const warned: string[] = []
    const log = { ...silentLog, warn: (event: string) => void warned.push(event) }
    const parts = { network: seeds[0]!.node, clock, random, log }
    const trace = await openTraceOut({ ...parts, folder: out })
    await trace[Symbol.asyncDispose]()
    const sets = (await readdir(out)).filter(name => name.startsWith('sessions-'))
    assert.equal(sets.length, 14)
    assert(sets.includes('sessions-21.csv') && !sets.includes('sessions-7.csv'))
    assert((await readdir(out)).includes('mine.txt'))

    await writeFile(join(out, 'file'), '')
    await assert.rejects(openTraceOut({ ...parts, folder: join(out, 'file') }), {
      code: 'DISK_FAILED'
    })

    const last = await openTraceOut({ ...parts, folder: join(out, 'sub') })
    await rm(join(out, 'sub'), { recursive: true })
    assert.deepEqual(warned, [])
    await last[Symbol.asyncDispose]()
    assert.deepEqual(warned, ['the trace cannot be written'])
  })
})
