import assert from 'node:assert/strict'
import { Own } from '../../../src/sim/wide/own.ts'

const own = () => new Own({ nowMs: 1_000, holds: true, sweepHours: 6, debounceMinutes: 1 })

describe('what a followed node keeps', () => {
  it('says who was not heard of for longest, who was never heard of since its start', () => {
    const node = own()
    for (const [other, atMs] of [
      [1, 9_000],
      [2, 3_000],
      [3, 5_000],
      [4, 4_000],
      [5, 2_000]
    ] as const)
      node.seenMs.set(other, atMs)
    const known = [1, 2, 3, 4, 5, 6]
    assert.deepEqual(node.silent(known, 6_000, 3), [6, 5, 2])
    assert.deepEqual(node.silent(known, 6_000, 9), [6, 5, 2, 4, 3])
    assert.deepEqual(node.silent(known, 1_000, 3), [])
  })

  it('says which bucket had no lookup for longest, the last one among them', () => {
    const node = own()
    assert.equal(node.stale(2, 1_000), undefined)
    node.touchedMs[0] = 3_000
    node.touchedMs[2] = 2_000
    assert.equal(node.stale(2, 5_000), 1)
    node.touchedMs[1] = 9_000
    assert.equal(node.stale(2, 5_000), 2)
    assert.equal(node.stale(1, 2_000), undefined)
  })

  it('looks around by its agenda alone where it holds copies', () => {
    assert(own().agenda)
    const client = new Own({ nowMs: 0, holds: false, sweepHours: 6, debounceMinutes: 1 })
    assert.equal(client.agenda, undefined)
  })
})
