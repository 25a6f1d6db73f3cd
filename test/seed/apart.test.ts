import assert from 'node:assert/strict'
import { codeOf } from '../../src/base/errors.ts'
import { Lost } from '../../src/routing/lost.ts'
import type { VirtualNode } from '../../src/sim/node.ts'
import { simBlob, simSeeds } from '../support/sim-seeds.ts'

const minuteMs = 60_000

describe('a network that falls apart', () => {
  /** Two of nine seeds, and some traffic that shows them that the others are silent. */
  async function parted() {
    const { sim, seeds } = await simSeeds(9, { seed: 3 })
    const few = seeds.slice(0, 2)
    const isFew = (node: VirtualNode) => few.some(one => one.node === node)
    sim.apart = (a, b) => isFew(a) !== isFew(b)
    const put = (i: number) => sim.run(seeds[i]!.seed.dht.put(simBlob(sim)))
    const puts = (i: number) => put(i).catch(codeOf)
    for (let i = 0; i < 6; i++) for (const one of [0, 1, 4]) await puts(one)
    assert.deepEqual(
      few.map(({ seed }) => seed.table.size),
      [1, 1],
      'nobody has left the table, so that nothing is shown'
    )
    return { sim, seeds, put, puts }
  }

  it('takes nobody in the smaller part for a small network', async () => {
    const { puts } = await parted()
    assert.equal(await puts(0), 'QUORUM_MISSED')
  })

  it('grows together again without anybody asking', async () => {
    const { sim, seeds } = await parted()
    sim.apart = () => false
    await sim.pass(5 * minuteMs)
    assert.deepEqual(
      seeds.map(({ seed }) => seed.table.size),
      Array(9).fill(8)
    )
  })

  it('grows together faster where something is asked', async () => {
    const { sim, seeds, put } = await parted()
    sim.apart = () => false
    const { acknowledgements, wanted } = await put(0)
    assert.deepEqual([acknowledgements.length >= 5, wanted], [true, 8])
    await sim.pass(90_000)
    assert.equal(seeds[0]!.seed.table.size, 8)
  })
})

describe('peers that were lost', () => {
  const contact = (peer: string) => ({ peer, addresses: ['/ip4/192.0.2.1/tcp/1'] })
  const peersOf = (contacts: readonly { peer: string }[]) => contacts.map(({ peer }) => peer)

  it('are asked less and less often, and forgotten after a day', () => {
    const lost = new Lost()
    lost.add(contact('a'), 0)
    const askedAt: number[] = []
    for (let minute = 0; minute < 30 * 60; minute++)
      if (lost.due(minute * minuteMs, 3).length > 0) askedAt.push(minute)
    assert.deepEqual(askedAt.slice(0, 8), [1, 3, 7, 15, 31, 63, 123, 183])
    assert.equal(askedAt.at(-1), 24 * 60 - 57)
  })

  it('count as nodes for ten minutes', () => {
    const lost = new Lost()
    lost.add(contact('a'), 0)
    assert.deepEqual(peersOf(lost.lately(10 * minuteMs)), ['a'])
    // Lost again while it was lost: it is not younger for that.
    lost.add(contact('a'), 5 * minuteMs)
    assert.deepEqual(lost.lately(11 * minuteMs), [])
  })

  it('are due again when one of them is found', () => {
    const lost = new Lost()
    for (const peer of ['a', 'b', 'c']) lost.add(contact(peer), 0)
    for (const minute of [1, 3, 7]) assert.equal(lost.due(minute * minuteMs, 3).length, 3)
    assert.deepEqual(lost.due(9 * minuteMs, 3), [])
    assert.equal(lost.found('b'), true)
    assert.equal(lost.found('b'), false)
    assert.deepEqual(peersOf(lost.due(9 * minuteMs, 3)), ['a', 'c'])
    assert.deepEqual(lost.due(9 * minuteMs, 3), [])
  })

  it('are at most 64, the latest', () => {
    const lost = new Lost()
    for (let i = 0; i < 100; i++) lost.add(contact(`${i}`), i)
    assert.deepEqual(
      peersOf(lost.lately(100)),
      Array.from({ length: 64 }, (_, i) => `${i + 36}`)
    )
  })
})
