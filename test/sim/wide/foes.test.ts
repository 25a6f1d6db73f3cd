import assert from 'node:assert/strict'
import { Dice } from '../../../src/sim/dice.ts'
import { goneIn, inventedIn } from '../../../src/sim/hostile.ts'
import type { ScenarioInput } from '../../../src/sim/scenario.ts'
import type { Behaviour } from '../../../src/sim/scenario-foes.ts'
import { Foes, inventedMax, mintAround } from '../../../src/sim/wide/foes.ts'
import { FloodPings } from '../../../src/sim/wide/pings.ts'
import { nobody, Places, Shortlist } from '../../../src/sim/wide/places.ts'
import { WideTables } from '../../../src/sim/wide/tables.ts'
import { column, run, scenario } from '../../support/wide-run.ts'

const nodes = 400
const target = [0x1234_5678, 0x9abc_def0] as const

/** Every second node is one of them. */
function foesOf(behaviour: Exclude<Behaviour, 'eclipse'>, fromHour: number | null = null) {
  const places = Places.draw(nodes, new Dice(1, 'places'), { invented: inventedMax })
  const adversaries = { behaviour, share: 0.5, fromHour }
  const foes = new Foes({
    ...{ scenario: scenario({ nodes, adversaries }), places },
    dice: new Dice(1, 'foes')
  })
  for (let node = 0; node < nodes; node += 2) foes.enlist(node)
  const out = new Uint32Array(20)
  const named = (node: number, max = 20) => [
    ...out.subarray(0, foes.name(node, ...target, max, out))
  ]
  const far = (id: number) => places.share(id, ...target)
  return { places, foes, named, far }
}

const quiet: Partial<ScenarioInput> = {
  nodes,
  hours: 0.5,
  workload: { blobs: 60, lookups: 30, getsPerHour: 200 },
  measure: { everyHours: 0.25 }
}

describe('hostile nodes at the scale wide', () => {
  it('name those they work with, the nearest first, and not themselves', () => {
    const { foes, named, far } = foesOf('steer')
    const all = [...Array(nodes).keys()].filter(node => foes.has(node) && node !== 6)
    const expected = all.sort((a, b) => far(a) - far(b)).slice(0, 8)
    assert.deepEqual(named(6, 8), expected)
    assert.equal(foes.misleads(6), true)
    assert.equal(foes.misleads(7), false)
  })

  it('invent ids as near as the nearest of so many would be, and say the same again in one lookup', () => {
    for (const [behaviour, all] of [
      ['stale', goneIn(nodes)],
      ['flood', inventedIn(nodes) / 8]
    ] as const) {
      const { places, foes, named, far } = foesOf(behaviour)
      const nearest: number[] = []
      for (let lookup = 0; lookup < 300; lookup++) {
        foes.begin()
        const ids = named(lookup % 2 === 0 ? 0 : 2)
        assert(ids.every(id => id >= places.length))
        assert.deepEqual(
          ids.map(far),
          ids.map(far).sort((a, b) => a - b)
        )
        nearest.push(far(ids[0]!) * (all + 1))
        if (behaviour === 'stale') assert.deepEqual(named(4, 8), ids.slice(0, 8))
        else assert.notEqual(named(0)[0], named(0)[0], 'a flood never says the same twice')
      }
      // In the mean the nearest of n lies at 1/(n + 1); of 300 the mean is off by a fifth hardly ever.
      const mean = nearest.reduce((a, b) => a + b) / nearest.length
      assert(mean > 0.8 && mean < 1.2, `${behaviour}: ${mean}`)
    }
  })

  it('keep to the rules until they turn', () => {
    const { foes } = foesOf('slow', 1)
    assert.deepEqual([foes.has(0), foes.isHostile(0), foes.delayMs(0)], [true, false, 0])
    assert.equal(foes.turn().length, nodes / 2)
    assert(foes.delayMs(0) > 2_000)
    assert.equal(foes.delayMs(1), 0)
    foes.dismiss(0)
    assert.deepEqual([foes.isHostile(0), foes.count], [false, nodes / 2 - 1])
  })

  it('take copies and keep none; blobs that they alone took are swallowed and not lost', async () => {
    const { figures } = await run({ ...quiet, adversaries: { behaviour: 'drop', share: 0.8 } })
    const hostile = figures['copies with hostile mean']!.value
    assert(Math.abs(hostile - 6.4) < 0.5, `${hostile}`)
    assert(figures['copies mean']!.value < 2.5)
    assert(figures.swallowed!.value > 0)
    assert.equal(figures.lost!.value, 0)
    assert.equal(figures['lookup honest found']!.value, 1, 'who drops still answers a lookup')
    assert(figures['messages per honest node-hour']!.value > 0)
  })

  it('take with them what they held when they turn, and are replaced by others of their kind', async () => {
    const adversaries = { behaviour: 'steer', share: 0.5, fromHour: 0.3 } as const
    const faults = [{ type: 'die', atHours: 0.1, share: 0.2, replaced: true }] as const
    const result = await run({ ...quiet, adversaries, faults: [...faults] })
    const copies = column(result, 'copiesMean')
    assert(copies[0]! >= 8, `${copies}`)
    assert(copies[1]! < 6.5, `${copies}`)
    assert.equal(result.figures.lost!.value, 0)
    assert.deepEqual(column(result, 'online'), [nodes, nodes])
  })

  it('flood lookups with names of nobody, which disjoint paths make cheaper', async () => {
    const adversaries = { behaviour: 'flood', share: 0.3 } as const
    const requests = async (o: object) =>
      (await run({ ...quiet, ...o })).figures['lookup requests mean']!.value
    const peace = await requests({})
    const paths = await requests({ adversaries, parameters: { defences: 'paths' } })
    const none = await requests({ adversaries, parameters: { defences: 'none' } })
    assert(paths > 1.2 * peace && none > 1.3 * paths, `${peace} ${paths} ${none}`)
  })

  it('have whoever is flooded ping those for whom there is room, and fewer when it has pinged many in vain', () => {
    const { places, foes } = foesOf('flood')
    const tables = new WideTables(places, { nodes, k: 20 })
    let nowMs = 0
    let isFollowed = false
    const pings = new FloodPings(
      { foes, tables, nowMs: () => nowMs, isFollowed: () => isFollowed },
      nodes
    )
    tables.fill(1, new Uint8Array(nodes).fill(1), new Dice(1, 'tables'))
    const out = new Uint32Array(20)
    const ask = (hi: number, lo: number) => {
      foes.begin()
      for (let i = 0; i < 8; i++) foes.name(0, hi, lo, 20, out)
      return pings.take(1)
    }
    const [hi, lo] = [places.hi(1), places.lo(1)]
    assert.equal(ask(~hi >>> 0, lo), 0, 'the bucket of the other half is full')
    const first = ask(hi, lo)
    assert.equal(first, 64, 'no more wait in line')
    for (let i = 0; i < 40; i++) ask(hi, lo)
    const last = ask(hi, lo)
    assert(last < first / 2, `${last}`)
    nowMs += 5 * 60_000
    assert.equal(ask(hi, lo), 64)

    isFollowed = true
    nowMs += 10 * 60_000
    assert.equal(ask(hi, lo), 0, 'they wait in line')
    assert(pings.isBusy(1))
    nowMs += 10_000
    assert.equal(pings.sent(1), 10, 'three at a time, each for three seconds')
    nowMs += 60_000
    assert.equal(pings.sent(1), 54)
    assert(!pings.isBusy(1))
  })

  it('cost those who know no region of the network more, without defences', async () => {
    const adversaries = { behaviour: 'flood', share: 0.5 } as const
    const asked = async (defences: 'all' | 'none') => {
      const o = { ...quiet, nodes: 80, adversaries, parameters: { defences } }
      const { rows } = (await run(o)).tables.errands!
      return rows.reduce((sum, row) => sum + Number(row[1]), 0)
    }
    const [all, none] = [await asked('all'), await asked('none')]
    assert(none > 2 * all, `${all} and ${none}`)
  })

  it('answer gets with other bytes, which nobody takes for the blob', async () => {
    const { figures } = await run({ ...quiet, adversaries: { behaviour: 'lie', share: 0.3 } })
    assert(figures.found!.value > 0.97)
  })

  it('that minted ids around a key are all that stand there', async () => {
    const nodes = 300
    const adversaries = { behaviour: 'eclipse', minted: 12, keys: 2 } as const
    const o = scenario({ nodes, adversaries, workload: { blobs: 2 } })
    const around = mintAround(o, new Dice(1, 'minted'))
    const given = around.flatMap(({ ids }) => ids)
    const places = Places.draw(nodes + given.length, new Dice(1, 'places'), { given })
    const foes = new Foes({ scenario: o, places, around, dice: new Dice(1, 'foes') })
    assert.deepEqual(
      foes.minted.map(node => [places.hi(node), places.lo(node)]),
      given.map(({ hi, lo }) => [hi, lo])
    )
    assert.equal(new Set(foes.minted).size, 24)
    for (const [i, { target }] of around.entries()) {
      const near = new Shortlist(places, 12)
      near.begin(target.hi, target.lo, 12)
      near.fill(new Uint8Array(places.length).fill(1), nobody)
      const expected = foes.minted.slice(12 * i, 12 * i + 12)
      assert.deepEqual([...near.nodes].sort(), [...expected].sort())
    }
  })

  it('that minted ids hide what was put among them, and from nobody where its region is looked through', async () => {
    const eclipse = (defences: 'all' | 'paths' | 'region' | 'none', fromHour: number | null) =>
      run({
        nodes: 1_500,
        hours: 0.2,
        workload: { blobs: 8 },
        adversaries: { behaviour: 'eclipse', keys: 6, fromHour },
        parameters: { defences },
        measure: { everyHours: 0.1 }
      })
    for (const fromHour of [null, 0.05])
      for (const defences of ['all', 'region'] as const) {
        const { figures } = await eclipse(defences, fromHour)
        assert.equal(figures['eclipsed found']!.value, 1)
        assert.equal(figures.swallowed!.value, 0)
      }
    for (const defences of ['paths', 'none'] as const) {
      const { figures } = await eclipse(defences, null)
      const swallowed = figures.swallowed!.value
      assert(swallowed >= 4, 'of six')
      assert(figures['eclipsed found']!.value <= 1 - swallowed / 6 + 1e-9, 'nobody finds those')
      assert.equal(figures.lost!.value, 0, 'nobody honest promised anything')
    }
    const later = (await eclipse('none', 0.05)).figures
    assert(later['eclipsed found']!.value < 0.95, `${later['eclipsed found']!.value}`)
    assert.equal(later.swallowed!.value, 0, 'it was there before them')
  })
})
