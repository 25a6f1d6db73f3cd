import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Candidates } from '../../../src/routing/candidates.ts'
import { Lookup } from '../../../src/routing/lookup.ts'
import { Dice } from '../../../src/sim/dice.ts'
import { WideLookup } from '../../../src/sim/wide/lookup.ts'
import { placeAt, TwinWorld } from './twin-world.ts'

const options = fc.record({
  want: fc.integer({ min: 1, max: 20 }),
  alpha: fc.integer({ min: 1, max: 6 }),
  burst: fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
  paths: fc.integer({ min: 1, max: 4 }),
  hedgeMs: fc.constantFrom(5, 40, 200),
  patienceMs: fc.option(fc.constantFrom(100, 3_000), { nil: undefined }),
  deadlineMs: fc.constantFrom(300, 10_000),
  requestsMax: fc.integer({ min: 1, max: 120 })
})

/** How a network treats requests: shares of a hundred. */
const weather = fc.record({
  nodes: fc.integer({ min: 2, max: 700 }),
  failing: fc.integer({ min: 0, max: 60 }),
  refusing: fc.integer({ min: 0, max: 20 }),
  slow: fc.integer({ min: 0, max: 30 }),
  named: fc.integer({ min: 0, max: 30 }),
  started: fc.integer({ min: 0, max: 20 }),
  /** Those who are asked before all others. */
  elders: fc.integer({ min: 0, max: 8 }),
  /** When it is told to widen, and to stop; a step that hardly any run reaches stands for never. */
  widenAt: fc.integer({ min: 1, max: 300 }),
  stopAt: fc.integer({ min: 1, max: 300 })
})

const given = <T extends object>(o: T) =>
  Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }

describe('the compact lookup', () => {
  it('decides as the one that ships', () => {
    fc.assert(
      fc.property(options, weather, fc.nat(), (o, w, seed) => run(given(o), w, seed)),
      { numRuns: 500 }
    )
  })

  it('decides as the one that ships when it has to forget the farthest of many', () => {
    const o = { want: 20, alpha: 3, paths: 3, hedgeMs: 40, deadlineMs: 10_000, requestsMax: 100 }
    const calm = { failing: 20, refusing: 5, slow: 10, elders: 3, widenAt: 999, stopAt: 999 }
    for (const paths of [1, 2, 3, 8])
      run({ ...o, paths }, { ...calm, nodes: 5_000, named: 30, started: 20 }, 7 + paths)
  })
})

type Options = Omit<ConstructorParameters<typeof Lookup>[0], 'candidates'> & { paths: number }
type Weather = typeof weather extends fc.Arbitrary<infer T> ? T : never

/** Both machines see the same answers at the same times. */
function run(o: Options, w: Weather, seed: number): void {
  const world = new TwinWorld(w.nodes, seed)
  const dice = new Dice(seed, 'weather')
  const [hi, lo] = [dice.below(2 ** 32), dice.below(2 ** 32)]
  const some = (count: number) => Uint32Array.from({ length: count }, () => dice.below(w.nodes))
  const self = dice.below(w.nodes)
  const { placeOf, contact } = world
  const candidates = new Candidates({
    target: placeAt(hi, lo),
    self: contact(self).peer,
    placeOf
  })
  const started = some(w.started)
  const first = some(w.elders)
  const ships = new Lookup({ candidates, ...o, first: [...first].map(node => contact(node).peer) })
  const wide = new WideLookup(world.places)
  wide.begin(hi, lo, self, { ...o, first })
  for (const nodes of [started, first]) {
    candidates.start([...nodes].map(contact))
    wide.candidates.start(nodes, nodes.length)
  }

  const due: { atMs: number; slot: number; node: number; fate: number }[] = []
  const found = new Uint32Array(20)
  let nowMs = 0
  for (let step = 0; ; step++) {
    assert(step < 3_000, 'it does not end')
    if (step === w.widenAt) for (const machine of [ships, wide]) machine.widen()
    if (step === w.stopAt) for (const machine of [ships, wide]) machine.stop()
    const polled = ships.poll(nowMs).map(({ peer }) => world.nodeOf(peer))
    const count = wide.poll(nowMs)
    const slots = [...wide.toAsk.subarray(0, count)]
    assert.deepEqual(
      slots.map(slot => wide.candidates.node[slot]),
      polled
    )
    assert.equal(wide.requests, ships.requests)
    assert.equal(wide.ended, ships.end(nowMs))
    assert.equal(wide.end(nowMs), wide.ended)
    const nearest = ships.nearest(20).map(({ peer }) => world.nodeOf(peer))
    assert.deepEqual([...found.subarray(0, wide.nearest(20, found))], nearest)
    const wakeMs = ships.wakeMs(nowMs)
    assert.equal(wide.wakeMs(nowMs), wakeMs)
    if (ships.end(nowMs) !== undefined) return
    for (const slot of slots) {
      const delayMs = dice.below(100) < w.slow ? 100 + dice.below(3_000) : 1 + dice.below(60)
      const node = wide.candidates.node[slot]!
      due.push({ atMs: nowMs + delayMs, slot, node, fate: dice.below(100) })
    }
    due.sort((a, b) => a.atMs - b.atMs)
    const next = due[0]
    if (!next || next.atMs > wakeMs) {
      nowMs = wakeMs
      continue
    }
    due.shift()
    nowMs = Math.max(nowMs, next.atMs)
    const { peer } = contact(next.node)
    if (next.fate < w.failing) {
      ships.failed(peer)
      wide.failed(next.slot)
    } else if (next.fate < w.failing + w.refusing) {
      ships.refused(peer)
      wide.refused(next.slot)
    } else {
      // Of those from `whole` on, none of them twice, only the nearest are meant.
      const whole = some(dice.below(w.named + 1))
      const parted = [...new Set(some(w.named))]
      const max = whole.length + dice.below(parted.length + 1)
      const nearest = parted.toSorted((a, b) => world.compare(a, b, hi, lo))
      const meant = [...whole, ...nearest.slice(0, max - whole.length)]
      ships.answered(peer, meant.map(contact))
      const nodes = Uint32Array.from([...whole, ...parted])
      wide.answered(next.slot, nodes, nodes.length, whole.length, max)
    }
  }
}
