import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compareDistance } from '../../../src/routing/distance.ts'
import { Table } from '../../../src/routing/table.ts'
import { Dice } from '../../../src/sim/dice.ts'
import { Places, Selection, Shortlist } from '../../../src/sim/wide/places.ts'
import { WideTables } from '../../../src/sim/wide/tables.ts'
import { placeAt, TwinWorld } from './twin-world.ts'

const k = 4

describe('compact tables', () => {
  it('keep, let go and answer as the table that ships, spares apart', () => {
    const step = fc.record({
      what: fc.constantFrom('answered', 'answered', 'answered', 'failed', 'remove', 'nearest'),
      lot: fc.nat(),
      count: fc.integer({ min: 1, max: 8 })
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 400 }),
        fc.nat(),
        fc.array(step, { maxLength: 400 }),
        (nodes, seed, steps) => {
          const world = new TwinWorld(nodes, seed)
          const { places, contact, placeOf, nodeOf } = world
          const owner = seed % nodes
          const wide = new WideTables(places, { nodes, k })
          const ships = new Table({ place: placeOf(contact(owner).peer), placeOf, k })
          const out = new Uint32Array(wide.answerMost(2 * k))
          for (const { what, lot, count } of steps) {
            const node = lot % nodes
            const { peer } = contact(node)
            if (what === 'answered') {
              // A spare would come in by itself later; here nobody is one.
              if (!ships.answered(contact(node), 0) && node !== owner) ships.remove(peer)
              wide.answered(owner, node)
            } else if (what === 'failed') assert.equal(wide.failed(owner, node), ships.failed(peer))
            else if (what === 'remove') {
              ships.remove(peer)
              wide.remove(owner, node)
            } else {
              const dice = new Dice(lot, 'target')
              const [hi, lo] = [dice.below(2 ** 32), dice.below(2 ** 32)]
              const found = wide.nearest(owner, hi, lo, count, node, out)
              const expected = ships
                .nearest(placeAt(hi, lo), count + 1)
                .map(c => nodeOf(c.peer))
                .filter(n => n !== node)
              assert.deepEqual(
                [...out.subarray(0, found)].sort((a, b) => a - b),
                expected.slice(0, count).sort((a, b) => a - b)
              )
            }
            assert.equal(wide.has(owner, node), ships.has(peer))
          }
          const alike = new Map<number, number>()
          for (const node of wide.entries(owner)) {
            const bits = places.shared(owner, node)
            alike.set(bits, (alike.get(bits) ?? 0) + 1)
          }
          for (let node = 0; node < nodes; node++) {
            if (node === owner || wide.has(owner, node)) continue
            // The last bucket wants more where it is full, and which is the last is remembered there.
            if (alike.get(places.shared(owner, node)) === k) continue
            assert.equal(wide.wants(owner, node), ships.wants(contact(node)))
          }
        }
      ),
      { numRuns: 200 }
    )
  })

  it('are filled with those who are there, each bucket with k of them where there are so many', () => {
    const world = new TwinWorld(2_000, 3)
    const { places } = world
    const there = new Uint8Array(2_000)
    const dice = new Dice(3, 'there')
    for (let i = 0; i < there.length; i++) there[i] = dice.below(3) === 0 ? 1 : 0
    const tables = new WideTables(places, { nodes: 667, k: 20 })
    for (let owner = 0; owner < 2_000; owner += 37) {
      tables.fill(owner, there, dice)
      const alike = new Map<number, number>()
      let known = 0
      for (let node = 0; node < 2_000; node++) {
        if (node === owner || there[node] === 0) continue
        const bits = places.shared(owner, node)
        alike.set(bits, (alike.get(bits) ?? 0) + 1)
        if (tables.has(owner, node)) known += 1
      }
      const expected = [...alike.values()].reduce((sum, count) => sum + Math.min(count, 20), 0)
      assert(known >= expected - 1, `${known} of ${expected}`)
      assert(known <= expected)
    }
    assert.equal(tables.overflow, 0)
  })
})

describe('the sorted places', () => {
  it('find the true nearest of those who are there', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.nat(),
        fc.integer({ min: 1, max: 100 }),
        (nodes, seed, percent) => {
          const { places, placeOf, contact } = new TwinWorld(nodes, seed)
          const dice = new Dice(seed, 'test')
          const there = Uint8Array.from({ length: nodes }, () =>
            dice.below(100) < percent ? 1 : 0
          )
          const [hi, lo] = [dice.below(2 ** 32), dice.below(2 ** 32)]
          const without = dice.below(nodes)
          const short = new Shortlist(places, 20)
          short.begin(hi, lo, 20)
          short.fill(there, without)
          const target = placeAt(hi, lo)
          const placeOfNode = (node: number) => placeOf(contact(node).peer)
          const expected = Array.from({ length: nodes }, (_, node) => node)
            .filter(node => there[node] === 1 && node !== without)
            .sort((a, b) => compareDistance(target, placeOfNode(a), placeOfNode(b)))
            .slice(0, 20)
          assert.deepEqual([...short.nodes.subarray(0, short.size)], expected)
        }
      )
    )
  })

  it('are told apart by either half of a place, however many of the nearest are picked', () => {
    // Few bits in each half, so that many places share the first one.
    const place = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 40 }))
    fc.assert(
      fc.property(
        fc.uniqueArray(place, { minLength: 1, maxLength: 60, selector: String }),
        place,
        fc.integer({ min: 0, max: 60 }),
        (drawn, target, max) => {
          const word = ([high, low]: [number, number]) => (BigInt(high) << 62n) | BigInt(low)
          const sorted = BigUint64Array.from(drawn, word).sort()
          const selection = new Selection(new Places(sorted), 120)
          const at = word(target)
          const [hi, lo] = [Number(at >> 32n), Number(at & 0xffff_ffffn)]
          const nodes = Uint32Array.from(sorted.keys())
          const count = selection.pick(nodes, 0, sorted.length, max, hi, lo)
          const nearestFirst = [...sorted.keys()].sort((a, b) =>
            (sorted[a]! ^ at) < (sorted[b]! ^ at) ? -1 : 1
          )
          assert.deepEqual(
            [...nodes.subarray(0, count)].sort((a, b) => a - b),
            nearestFirst.slice(0, max).sort((a, b) => a - b)
          )
          // Some of them twice.
          const named = Uint32Array.from([...sorted.keys(), ...drawn.keys()].filter(n => n % 3 < 2))
          const inOrder = selection.pickInOrder(named, named.length, max, hi, lo)
          assert.deepEqual(
            [...named.subarray(0, inOrder)],
            nearestFirst.filter(n => n % 3 < 2).slice(0, max)
          )
        }
      )
    )
  })
})
