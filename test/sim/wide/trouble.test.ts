import assert from 'node:assert/strict'
import type { Seen } from '../../../src/sim/look.ts'
import { column, refusal, run } from '../../support/wide-run.ts'

describe('the scale wide in trouble', () => {
  it('keeps both sides of a network from each other, and brings together what they have when it heals', async () => {
    const result = await run({
      nodes: 60,
      workload: { blobs: 100, putsPerHour: 60, getsPerHour: 100 },
      faults: [{ type: 'partition', atHours: 1, hours: 3, share: 0.1 }]
    })
    const found = column(result, 'found')
    assert.equal(found[0], 1)
    assert(found[3]! < 0.95, `${found} found`)
    assert.equal(found[4], 1)
    // Some were on the larger side alone, and have eight again; and nothing was lost.
    assert(column(result, 'copiesMin')[2]! < 8)
    assert.equal(column(result, 'copiesMin')[4], 8)
    assert.equal(result.figures.lost!.value, 0)
  })

  it('changes nothing where nobody is cut off', async () => {
    const parted = await run({
      nodes: 60,
      hours: 2,
      workload: { blobs: 50 },
      faults: [{ type: 'partition', atHours: 1, hours: 1, share: 0 }]
    })
    assert.deepEqual(column(parted, 'found'), [1, 1])
    assert.equal(parted.figures['repair bytes per node-hour']!.value, 0)
  })

  it('refuses more partitions at a time than a node has bits for', async () => {
    const one = { type: 'partition', atHours: 1, hours: 1, share: 0.1 } as const
    const err = await refusal(run({ faults: Array.from({ length: 9 }, () => one) }))
    assert.match(err.message, /faults \(more than 8 partitions at a time\)/)
    const apart = Array.from({ length: 9 }, (_, i) => ({ ...one, hours: 0.1, atHours: i / 2 }))
    assert((await run({ nodes: 20, faults: apart })).events > 0)
  })

  it('lets nobody behind a router hold anything or be found', async () => {
    const quiet = { nodes: 400, hours: 1, workload: { blobs: 40, lookups: 60, getsPerHour: 60 } }
    const known = new Set<number>()
    const holders: number[] = []
    const atMs = Number.POSITIVE_INFINITY
    const see = ({ nodes }: Seen) => {
      for (const { node, knows, holds } of nodes) {
        for (const other of knows) known.add(other)
        if (holds.length > 0) holders.push(node)
      }
    }
    const look = { atMs, events: atMs, see }
    const { figures } = await run({ ...quiet, network: { natShare: 0.7 } }, { look })
    assert.equal(figures['lookup exact']!.value, 1)
    assert(known.size > 80 && known.size < 160, `${known.size} of 400 can be dialled`)
    assert(holders.length > 40 && holders.every(node => known.has(node)))
    // A read gives a copy to somebody who is no holder now and then.
    const copies = figures['copies mean']!.value
    assert(copies >= 8 && copies < 8.5, `${copies}`)
    assert.equal(figures.found!.value, 1)
    // Whoever is there and holds nothing has nothing to lose.
    const faults = [{ type: 'die', atHours: 0.5, share: 0.5, which: 'oldest' }] as const
    const alone = await run({ ...quiet, network: { natShare: 1 }, faults: [...faults] })
    assert.deepEqual(column(alone, 'online'), [200])
    assert(column(alone, 'copiesMin')[0]! <= 1)
  })
})
