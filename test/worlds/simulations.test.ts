import assert from 'node:assert/strict'
import { join } from 'node:path'
import { createSimulator } from '../../src/worlds/simulator.ts'
import { figure, small } from '../support/small-runs.ts'
import { temporaryFolder } from '../support/store-folder.ts'

const simulator = createSimulator()

describe('simulations', () => {
  it('are all listed, each under the name of its file', async () => {
    const names = (await simulator.list()).map(({ name }) => name)
    for (const name of ['durability', 'lookup-hops', 'third-gone'])
      assert(names.includes(name), name)
  })

  it('lookup-hops: always exact, and ten times the nodes take a hop more at most', async () => {
    const { points } = await simulator.sweep(small('lookup-hops', { hours: 0.25 }))
    const hops = points.map(point => figure(point, 'lookup hops p50'))
    for (const [i, point] of points.entries()) {
      assert.equal(figure(point, 'lookup exact'), 1)
      assert(i === 0 || hops[i]! - hops[i - 1]! <= 1, `${hops}`)
    }
    assert(hops.at(-1)! > hops[0]!, `${hops}`)
  })

  it('durability: one copy is lost with its laptop, eight are kept', async () => {
    const { points } = await simulator.sweep(small('durability', { nodes: 20, hours: 6 }))
    const lost = points.map(point => figure(point, 'lost'))
    assert(lost[0]! > 0, `${lost}`)
    assert.equal(lost.at(-1), 0)
  })

  it('third-gone: everything is found, and has its copies again', async () => {
    const { points, violations } = await simulator.run(
      small('third-gone', { nodes: 30, hours: 1.5 })
    )
    assert.deepEqual(violations, [])
    assert.equal(figure(points[0]!, 'found'), 1)
  })

  it('partition-heal: in the end everything is found, and nothing is lost', async () => {
    const { points, violations } = await simulator.run(
      small('partition-heal', { nodes: 16, hours: 4.75 })
    )
    assert.deepEqual(violations, [])
    assert.equal(figure(points[0]!, 'lost'), 0)
    // What was written on the other side.
    assert(figure(points[0]!, 'found') < 1)
  })

  for (const [what, changes] of [
    ['third-gone', { nodes: 12, hours: 1.25 }],
    ['lookup-hops', { nodes: 200 }]
  ] as const)
    it(`${what}: is replayed from hour zero on, with the same fingerprint`, async () => {
      await using folder = await temporaryFolder()
      const out = join(folder.path, 'out')
      await simulator.run({ ...small(what, changes), out })
      const notes: (number | string)[][] = []
      const { same } = await simulator.replay({
        folder: out,
        run: undefined,
        variant: undefined,
        until: { atMs: 3_600_000 },
        print: async note => void notes.push(note),
        warn: assert.fail,
        onProgress() {},
        ...{ requests: false, dump: null },
        signal: new AbortController().signal
      })
      assert.equal(same, 'run')
      const begin = notes.findIndex(([, type]) => type === 'begin')
      assert.equal(notes[begin]![0], 0)
      assert(notes.slice(0, begin).every(([atMs]) => Number(atMs) <= 0))
      const row = notes.find(([, type]) => type === 'row')!
      // The gets of a row take their time.
      const lateMs = Number(row[0]) - Number(row[2]) * 3_600_000
      assert(lateMs >= 0 && lateMs < 60_000, `${lateMs}`)
    })
})
