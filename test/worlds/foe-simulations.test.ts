import assert from 'node:assert/strict'
import type { SimPoint, SimSweepOptions } from '../../src/cli/simulator.ts'
import { createSimulator } from '../../src/worlds/simulator.ts'

const simulator = createSimulator()

const small = (what: string, changes: SimSweepOptions['changes']): SimSweepOptions => ({
  what,
  changes,
  seeds: '1',
  out: null,
  threads: 1,
  shard: undefined,
  queue: undefined,
  onProgress() {},
  signal: new AbortController().signal
})

const figure = ({ figures }: SimPoint, name: string): number =>
  figures.find(figure => figure.name === name)!.mean

const run = async (what: string, changes: SimSweepOptions['changes']): Promise<SimPoint> => {
  const { points, violations } = await simulator.run(small(what, changes))
  assert.deepEqual(violations, [])
  return points[0]!
}

describe('small versions of the questions about foes', () => {
  it('sybil-share: three of ten take three of ten copies, and hardly anything is missed', async () => {
    const point = await run('sybil-share', { nodes: 20 })
    const hostile = figure(point, 'copies with hostile mean')
    assert(hostile > 1 && hostile < 4, `${hostile}`)
    assert(figure(point, 'found') > 0.9)
  })

  it('eclipse: what stands around a key with minted ids is found', async () => {
    const point = await run('eclipse', { nodes: 25 })
    assert.equal(figure(point, 'eclipsed found'), 1)
    assert(figure(point, 'copies with hostile mean') > 1)
  })

  it('flash-crowd: one node carries most of it', async () => {
    const nodes = 25
    const point = await run('flash-crowd', { nodes })
    assert.equal(figure(point, 'crowd found'), 1)
    const all = nodes * figure(point, 'crowd requests of a node mean')
    const share = figure(point, 'crowd requests of a node max') / all
    assert(share > 0.3, `${share}`)
  })

  it('metadata: a tenth of the nodes sees many put and few get', async () => {
    const point = await run('metadata', { nodes: 25 })
    const [put, get] = [figure(point, 'putters seen'), figure(point, 'getters seen')]
    assert(put > 2 * get && get > 0, `${put} ${get}`)
    assert(figure(point, 'putter and getter linked') <= get + 0.02)
  })

  it('bad-disks: an empty disk that is back within a minute stays empty until a sweep', async () => {
    const point = await run('bad-disks', { nodes: 24, hours: 5 })
    assert(figure(point, 'disks failed') > 0)
    assert(figure(point, 'copies mean') < 8)
  })
})
