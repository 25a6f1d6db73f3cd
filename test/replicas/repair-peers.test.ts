import assert from 'node:assert/strict'
import { begin, hourMs, key, peer, peers, peersOf } from '../support/repair-plan.ts'

describe('a repair plan among peers that do not do their part', () => {
  const all = { nowMs: 0, dice: 0.999 }

  /** Asks, and has everybody say that they have it. */
  function claimed(count: number, dice: number) {
    const found = begin({ inFlightMax: 100 })
    for (let n = 0; n < count; n++) found.add(n, { circle: [peer(1)] })
    for (const ask of found.asks(found.poll()))
      found.plan.answered(ask, Array(count).fill('blob'), { nowMs: 0, dice })
    return { ...found, proves: found.proves(found.poll()) }
  }

  it('challenges one claim in sixteen, and passes over who lies', () => {
    for (const [count, dice, expected] of [
      [1, 0.05, 1],
      [1, 0.07, 0],
      [16, 0.99, 1],
      [64, 0.3, 1]
    ] as const)
      assert.equal(claimed(count, dice).proves.length, expected)

    const { plan, proves, poll, pushes } = claimed(16, 0)
    plan.proved(proves[0]!, ['lie'], { nowMs: 0 })
    assert(plan.avoids('peer 1', 0))
    assert.deepEqual(pushes(poll()), [], 'it is given nothing')
    assert.equal(plan.takeAgain().length, 1, 'somebody else shall have it')
    assert(!plan.avoids('peer 1', 13 * hourMs))
  })

  it('forgives who lost something now and then, but not three times in a day', () => {
    const { plan, poll, asks, pushes, add } = begin()
    for (let turn = 0; turn < 4; turn++) {
      assert.equal(plan.avoids('peer 1', 0), turn === 3, `turn ${turn}`)
      if (turn === 3) break
      add(turn, { circle: [peer(1)] })
      for (let i = 0; i < 2; i++) {
        for (const ask of asks(poll())) plan.answered(ask, ['none'], all)
        const [push] = pushes(poll())
        if (push) plan.pushed(push, 'taken', { nowMs: 0, sentBytes: 1_100 })
        if (i === 0) add(turn, { circle: [peer(1)] })
      }
    }
  })

  it('gives what a full one does not take to somebody else', () => {
    const { plan, poll, asks, pushes, add } = begin({ inFlightMax: 2 })
    for (let n = 0; n < 5; n++) add(n, { circle: [peer(1)] })
    for (const ask of asks(poll())) plan.answered(ask, Array(5).fill('none'), all)
    const [first] = pushes(poll())
    plan.pushed(first!, 'full', { nowMs: 0, sentBytes: 1_100 })
    assert(plan.avoids('peer 1', 0))
    assert.equal(plan.takeAgain().length, 4, 'one is still on its way')
    assert(!plan.avoids('peer 1', hourMs))
  })

  it('leaves in peace who has had enough, and goes on with the others', () => {
    const { plan, poll, asks, pushes, add } = begin()
    add(1, { circle: peers(2) })
    for (const ask of asks(poll())) plan.answered(ask, ['none'], all)
    const [first, second] = pushes(poll())
    plan.pushed(first!, 'later', { nowMs: 0, sentBytes: 100 })
    plan.pushed(second!, 'taken', { nowMs: 0, sentBytes: 1_100 })
    assert.deepEqual(poll(59_000), [])
    assert.equal(plan.wakeMs(1), 60_000)
    assert.deepEqual(peersOf(pushes(poll(60_000))), [first!.contact.peer])
  })

  it('passes over who refuses what belongs to it, without a reason that we know', () => {
    const { plan, poll, asks, pushes, add } = begin()
    for (let n = 0; n < 3; n++) {
      assert(!plan.avoids('peer 1', 0))
      add(n, { circle: [peer(1)] })
      for (const ask of asks(poll())) plan.answered(ask, ['none'], all)
      for (const push of pushes(poll())) plan.pushed(push, 'refused', { nowMs: 0, sentBytes: 1 })
    }
    assert(plan.avoids('peer 1', 0))
  })

  it('takes who has had enough too often for full', () => {
    const { plan, poll, asks, pushes, add } = begin()
    add(1, { circle: [peer(1)] })
    for (const ask of asks(poll())) plan.answered(ask, ['none'], all)
    let turns = 0
    for (let nowMs = 0; nowMs < hourMs / 2; nowMs += 60_000)
      for (const push of pushes(poll(nowMs))) {
        turns += 1
        plan.pushed(push, 'later', { nowMs, sentBytes: 1_100 })
      }
    assert.equal(turns, 5)
    assert.deepEqual(plan.takeAgain(), [key(1)])
    assert(plan.idle)
  })

  it('looks again at what it had no more when it came to send it, but for tombstones', () => {
    const { plan, poll, asks, pushes, add } = begin()
    for (const kind of ['blob', 'tombstone'] as const) {
      add(1, { circle: [peer(1)], kind })
      for (const ask of asks(poll())) plan.answered(ask, ['none'], all)
      for (const push of pushes(poll())) plan.pushed(push, 'gone', { nowMs: 0, sentBytes: 0 })
      assert.equal(plan.takeAgain().length, kind === 'blob' ? 1 : 0)
    }
  })

  it('asks who refused because of a tombstone what it has, and not for ever', () => {
    const { plan, poll, asks, pushes, add } = begin()
    let turns = 0
    for (; !plan.avoids('peer 1', 0) && turns < 10; turns++) {
      add(1, { circle: [peer(1)] })
      for (const ask of asks(poll())) plan.answered(ask, ['none'], all)
      for (const push of pushes(poll())) plan.pushed(push, 'released', { nowMs: 0, sentBytes: 0 })
      assert.equal(plan.takeAgain().length, 1)
    }
    assert.equal(turns, 3)
  })
})
