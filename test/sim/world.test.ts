import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Agenda } from '../../src/sim/agenda.ts'
import type { Note } from '../../src/sim/trace.ts'
import { TraceRing, traceLines } from '../../src/sim/trace.ts'
import { World } from '../../src/sim/world.ts'

describe('the agenda', () => {
  it('gives what a stable sort gives, whatever is added, cancelled and taken in between', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('push' as const), atMs: fc.integer({ min: 0, max: 20 }) }),
      fc.record({ do: fc.constant('cancel' as const), which: fc.nat() }),
      fc.record({ do: fc.constant('pop' as const) })
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), steps => {
        const agenda = new Agenda()
        const model: { atMs: number; id: number }[] = []
        const timers: Disposable[] = []
        const ran: number[] = []
        const popBoth = () => {
          model.sort((a, b) => a.atMs - b.atMs || a.id - b.id)
          const expected = model.shift()
          const run = agenda.pop()
          run?.()
          assert.equal(run && ran.at(-1), expected?.id)
          if (expected) assert.equal(agenda.atMs, expected.atMs)
          return run
        }
        for (const step of steps) {
          if (step.do === 'pop') popBoth()
          else if (step.do === 'push') {
            const id = timers.length
            timers.push(agenda.push(step.atMs, () => ran.push(id)))
            model.push({ atMs: step.atMs, id })
          } else if (timers.length > 0) {
            const id = step.which % timers.length
            timers[id]![Symbol.dispose]()
            const at = model.findIndex(one => one.id === id)
            if (at >= 0) model.splice(at, 1)
          }
        }
        while (popBoth());
        assert.equal(model.length, 0)
        assert.equal(agenda.size, 0)
      })
    )
  })

  it('keeps the order of many thousands that are due at once', () => {
    const agenda = new Agenda()
    const ran: number[] = []
    for (let i = 0; i < 5_000; i++) agenda.push(i % 3, () => ran.push(i))
    for (let run = agenda.pop(); run; run = agenda.pop()) run()
    const sorted = [...ran].sort((a, b) => (a % 3) - (b % 3) || a - b)
    assert.deepEqual(ran, sorted)
  })
})

describe('a world', () => {
  it('lets all promises of an event come to rest before the next, however deep', async () => {
    const world = new World({ seed: 1 })
    const said: string[] = []
    const deep = async (name: string, turns: number) => {
      for (let i = 0; i < turns; i++) await undefined
      said.push(name)
    }
    world.after(1, () => void deep('first', 1_000))
    world.after(1, () => void deep('second', 1))
    world.after(1, () => void world.run(deep('third', 10)))
    await world.pass(2)
    assert.deepEqual(said, ['first', 'second', 'third'])
  })

  it('jumps over the time in which nothing happens, and rounds up to whole milliseconds', async () => {
    const world = new World({ seed: 1, startMs: 1_000 })
    const at: number[] = []
    world.after(0.2, () => at.push(world.nowMs))
    world.after(-5, () => at.push(world.nowMs))
    world.after(Number.POSITIVE_INFINITY, () => at.push(world.nowMs))
    await world.pass(365 * 86_400_000)
    assert.deepEqual(at, [1_000, 1_001])
    assert.equal(world.clock.now(), 1_000 + 365 * 86_400_000)
    assert.equal(world.events, 3)
    assert.throws(() => world.after(Number.NaN, () => {}), RangeError)
  })

  it('says when nothing is left to happen, and hands on what work fails with', async () => {
    const world = new World({ seed: 1 })
    await assert.rejects(world.run(new Promise(() => {})), /come to a halt/)
    const failing = async () => {
      throw new Error('on purpose')
    }
    await assert.rejects(world.run(failing()), /on purpose/)
    world.after(1, () => {
      throw new Error('in an event')
    })
    await assert.rejects(world.pass(5), /in an event/)
  })

  it('stops when told to, and says how far it is', async () => {
    const world = new World({ seed: 1, startMs: 0 })
    const tick = () => void world.after(1, tick)
    tick()
    const stop = new AbortController()
    const seen: number[] = []
    const onProgress = (nowMs: number) => {
      seen.push(nowMs)
      if (seen.length === 3) stop.abort()
    }
    const passing = world.pass(1_000_000, { signal: stop.signal, onProgress })
    await assert.rejects(passing, { code: 'CANCELLED' })
    assert.equal(seen.length, 3)
    assert(seen[0]! > 0 && seen[0]! < seen[1]! && seen[2]! < 1_000_000)
    await assert.rejects(world.pass(1, { signal: stop.signal }), { code: 'CANCELLED' })
  })

  it('has one history for one seed, and draws of one purpose do not shift another', async () => {
    const history = async (seed: number, extra: boolean) => {
      const world = new World({ seed })
      const tick = (left: number) => {
        if (extra) world.dice('extra').next()
        const delayMs = world.dice('delay').below(50)
        world.note('tick', left, delayMs)
        if (left > 0) world.after(delayMs, () => tick(left - 1))
      }
      tick(100)
      await world.pass(10_000)
      return world.traceHash
    }
    assert.equal(await history(1, false), await history(1, false))
    assert.equal(await history(1, false), await history(1, true))
    assert.notEqual(await history(1, false), await history(2, false))
  })

  it('has the history that it had on other machines', async () => {
    const world = new World({ seed: 7, startMs: 1_000 })
    for (let i = 0; i < 20; i++)
      world.after(world.dice('when').below(1_000), () => world.note('n', i, 'text'))
    await world.pass(1_000)
    assert.equal(
      world.traceHash,
      'c71c8c20435e098f803902e61ebdf0986173dda2604dd73228ab4ea2467c2b1a'
    )
  })

  it('tells every note apart in its hash, also when an event fell away', async () => {
    const hash = async (o: { note?: string; atMs?: number }) => {
      const world = new World({ seed: 1 })
      world.after(o.atMs ?? 1, () => {})
      if (o.note) world.note(o.note)
      await world.pass(10)
      return world.traceHash
    }
    const hashes = [await hash({}), await hash({ note: 'a' }), await hash({ note: 'b' })]
    hashes.push(await hash({ atMs: 2 }))
    assert.equal(new Set(hashes).size, 4)
  })
})

describe('a trace', () => {
  it('goes to a ring that keeps the last, or to lines', () => {
    const ring = new TraceRing(3)
    const lines: string[] = []
    const toLines = traceLines(line => lines.push(line))
    const both = (note: Note) => {
      for (const sink of [ring, toLines]) sink.take(note)
    }
    const world = new World({ seed: 1, startMs: 7, trace: { take: both } })
    for (let i = 0; i < 5; i++) world.note('n', i, 'x')
    assert.deepEqual(
      ring.notes().map(({ fields }) => fields[0]),
      [2, 3, 4]
    )
    assert.deepEqual(lines.length, 5)
    assert.deepEqual(JSON.parse(lines[4]!), [7, 'n', 4, 'x'])
  })
})
