import assert from 'node:assert/strict'
import { labelOf, shownOf } from '../../src/worlds/shown/series.ts'

describe('a point of a grid in words', () => {
  it('says distributions and groups of fields as people would', () => {
    assert.equal(shownOf({ type: 'exponential', mean: 8 }), 'exponential 8')
    assert.equal(
      shownOf({ workPerHour: 100_000, stamps: 'fresh' }),
      'work per hour 100000, stamps fresh'
    )
    assert.equal(shownOf({ share: 0.5, zones: null }), 'share 0.5, zones none')
    assert.equal(shownOf([{ atHours: 1, share: 0.1 }]), 'at hours 1, share 0.1')
    assert.equal(shownOf(null), 'none')
    assert.equal(shownOf(true), 'true')
  })

  it('has the last part of each path', () => {
    const label = labelOf({ 'workload.via': { relays: 2 }, 'parameters.replicas': 4 })
    assert.equal(label, 'via relays 2, replicas 4')
  })
})
