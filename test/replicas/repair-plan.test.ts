import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import type { PushAction, RepairAction, RepairAnswer } from '../../src/replicas/repair-actions.ts'
import { begin, flush, hourMs, key, peer, peers, peersOf } from '../support/repair-plan.ts'

describe('a repair plan', () => {
  it('asks the circle, and pushes to those that lack the key', () => {
    const { plan, poll, asks, pushes, add, hear } = begin()
    add(1)
    const first = poll()
    assert.deepEqual(
      peersOf(asks(first)),
      peers(7).map(p => p.peer)
    )
    assert.equal(asks(first).length, 7)
    hear(first, { 2: 'none', 5: 'none' })
    const second = pushes(poll())
    assert.deepEqual(peersOf(second), ['peer 2', 'peer 5'])
    for (const push of second) plan.pushed(push, 'taken', { nowMs: 0, sentBytes: 1_100 })
    assert.deepEqual(poll(), [])
    assert(plan.idle)
    assert.equal(plan.checked, 1)
  })

  it('asks of up to 64 keys at a time, and waits for more until it is told to flush', () => {
    const { plan, asks, add } = begin({ inFlightMax: 100 })
    for (let n = 0; n < 100; n++) add(n)
    const full = asks(plan.poll(0, { flush: false }))
    assert.deepEqual(
      full.map(a => a.keys.length),
      Array(7).fill(limits.haveKeysMax)
    )
    const rest = asks(plan.poll(0, flush))
    assert.deepEqual(
      rest.map(a => a.keys.length),
      Array(7).fill(36)
    )
  })

  it('keeps to so many requests at a time, and two to one peer', () => {
    const { plan, poll, asks, pushes, add, hear } = begin({ inFlightMax: 5 })
    for (let n = 0; n < 200; n++) add(n, { circle: peers(3) })
    const seen: RepairAction[] = poll()
    assert.equal(seen.length, 5)
    for (let i = 0; i < 3; i++) {
      const one = asks(seen).filter(a => a.contact.peer === `peer ${i}`)
      assert(one.length <= 2)
    }
    hear(seen, { 0: 'none', 1: 'none', 2: 'none' })
    for (let turn = 0; turn < 1_000 && !plan.idle; turn++) {
      const next = poll()
      assert(next.length <= 5)
      hear(next, { 0: 'none', 1: 'none', 2: 'none' })
      for (const push of pushes(next)) plan.pushed(push, 'taken', { nowMs: 0, sentBytes: 1_100 })
    }
    assert(plan.idle)
    assert.equal(plan.checked, 200)
  })

  it('pushes what has the fewest known copies first, and releases before that', () => {
    const { plan, poll, pushes, add, hear } = begin({ inFlightMax: 1 })
    add(1, { circle: peers(4) })
    add(2, { circle: peers(4, 10) })
    add(3, { circle: peers(4, 20), kind: 'tombstone' })
    const lack: Record<number, RepairAnswer> = { 3: 'none', 10: 'none', 12: 'none', 20: 'blob' }
    const order: string[] = []
    while (!plan.idle) {
      const next = poll()
      hear(next, { ...lack, 21: 'released', 22: 'released', 23: 'released' })
      for (const push of pushes(next)) {
        order.push(`${push.contact.peer} ${push.kind} ${push.copies}`)
        plan.pushed(push, 'taken', { nowMs: 0, sentBytes: 1_100 })
      }
    }
    assert.deepEqual(order, [
      'peer 20 tombstone 2',
      'peer 10 blob 3',
      'peer 3 blob 4',
      'peer 12 blob 4'
    ])
  })
})

describe('a copy of ours that others shall hold', () => {
  const outside = { circle: peers(8), inside: false }

  function world() {
    const found = begin({ inFlightMax: 100, graceMs: 24 * hourMs })
    const { plan, poll, asks, proves, drops } = found
    /** @returns how many were challenged, and whether it was dropped. */
    const sweep = (nowMs: number, o: { not?: 'none' | 'lie' | 'away'; keep?: boolean } = {}) => {
      found.add(1, { ...outside, ...(o.keep && { keep: true }) }, nowMs)
      for (const ask of asks(poll(nowMs))) plan.answered(ask, ['blob'], { nowMs, dice: 0.999 })
      const challenges = proves(poll(nowMs))
      for (const challenge of challenges)
        if (o.not === 'away' && challenge.contact.peer === 'peer 3')
          plan.failed(challenge, 'away', { nowMs })
        else {
          const isOne = challenge.contact.peer === 'peer 3' && o.not !== 'away'
          plan.proved(challenge, [isOne && o.not ? (o.not as 'none') : 'proved'], { nowMs })
        }
      return [challenges.length, drops(poll(nowMs)).length]
    }
    return { ...found, sweep }
  }

  it('is dropped when the R nearest proved theirs twice, a day apart', () => {
    const { sweep, plan } = world()
    assert.deepEqual(sweep(0), [8, 0])
    assert.deepEqual(sweep(23 * hourMs), [0, 0], 'nobody is asked meanwhile')
    assert.deepEqual(sweep(24 * hourMs), [8, 1])
    assert(plan.idle)
    assert.deepEqual(sweep(25 * hourMs), [8, 0], 'should it come back, it begins anew')
  })

  it('stays while one of them has no proof, and its time begins anew', () => {
    for (const not of ['none', 'lie'] as const) {
      const { sweep } = world()
      sweep(0)
      assert.deepEqual(sweep(24 * hourMs, { not }), [8, 0])
      assert.deepEqual(sweep(25 * hourMs), [8, 0])
      assert.deepEqual(sweep(49 * hourMs), [8, 1])
    }
  })

  it('stays when one does not answer, and goes when that one does', () => {
    const { sweep } = world()
    sweep(0)
    assert.deepEqual(sweep(24 * hourMs, { not: 'away' }), [8, 0])
    assert.deepEqual(sweep(25 * hourMs), [8, 1])
  })

  it('stays where it was told to, and in a network of fewer than R others', () => {
    const { sweep } = world()
    assert.deepEqual(sweep(0, { keep: true }), [0, 0])
    const small = begin()
    small.add(1, { circle: peers(7), inside: false })
    for (const ask of small.asks(small.poll()))
      small.plan.answered(ask, ['blob'], { nowMs: 0, dice: 0.999 })
    assert.deepEqual(small.poll(), [])
    assert(small.plan.idle)
  })
})

describe('a repair plan with much to do', () => {
  it('has room for so many keys, and forgets the least urgent pushes for a later round', () => {
    const { plan, poll, asks, pushes, add } = begin({ tasksMax: 3, pushesMax: 2, inFlightMax: 100 })
    for (let n = 0; n < 3; n++) add(n, { circle: [peer(n)] })
    assert(!plan.hasRoom)
    const asked = asks(plan.poll(0, { flush: false }))
    assert.equal(asked.length, 3, 'full is as good as flushed')
    for (const ask of asked) plan.answered(ask, ['none'], { nowMs: 0, dice: 1 })
    assert(plan.hasRoom)
    assert(plan.takeOverflow())
    assert.equal(pushes(poll()).length, 2)
  })

  it('keeps to its budget, and says when to come back', () => {
    const bytesPerHour = 2 * limits.payloadBytesMax
    const { plan, poll, asks, pushes, add } = begin({ bytesPerHour })
    for (let n = 0; n < 20; n++) add(n, { circle: [peer(n)], lengthBytes: 200_000 })
    let [nowMs, sent, last] = [0, 0, 0]
    for (; !plan.idle; nowMs = Math.max(nowMs + 1, Math.min(plan.wakeMs(nowMs), nowMs + hourMs))) {
      const actions = poll(nowMs)
      for (const ask of asks(actions)) plan.answered(ask, ['none'], { nowMs, dice: 1 })
      for (const push of pushes(actions)) {
        sent += 200_100
        last = nowMs
        plan.pushed(push, 'taken', { nowMs, sentBytes: 200_100 })
      }
      assert(sent <= (1 + Math.ceil((nowMs + 1) / hourMs)) * bytesPerHour)
    }
    assert.equal(sent, 20 * 200_100)
    assert(last > 5 * hourMs, `${last} ms`)
  })

  it('compares a key again whose circle has changed meanwhile', () => {
    const { plan, add } = begin()
    add(1, { circle: peers(7) })
    add(1, { circle: peers(7) })
    assert(!plan.hasAgain)
    add(1, { circle: peers(7, 1) })
    assert.deepEqual(plan.takeAgain(), [key(1)])
  })

  it('compares a key again of which some did not answer, later each time, until they do or six times', () => {
    const { plan, poll, asks, add, hear } = begin()
    const silent = (nowMs: number, isSilent: (peer: string) => boolean) => {
      for (const one of asks(poll(nowMs))) {
        if (isSilent(one.contact.peer)) plan.failed(one, 'away', { nowMs })
        else hear([one], {}, nowMs)
      }
    }
    const again = (nowMs: number) => {
      poll(nowMs)
      return plan.takeAgain().length
    }
    const minuteMs = 60_000
    let nowMs = 0
    const waits: number[] = []
    add(1)
    silent(0, peer => peer === 'peer 3')
    for (;;) {
      const wakeMs = plan.wakeMs(nowMs)
      if (!Number.isFinite(wakeMs)) break
      assert.equal(again(wakeMs - 1), 0)
      const due = again(wakeMs)
      if (due > 0) {
        waits.push((wakeMs - nowMs) / minuteMs)
        add(1, {}, wakeMs)
        silent(wakeMs, peer => peer === 'peer 3')
      }
      nowMs = wakeMs
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 32])

    add(2, {}, nowMs)
    silent(nowMs, () => true)
    const laterMs = nowMs + minuteMs
    assert.equal(again(laterMs), 1)
    add(2, {}, laterMs)
    silent(laterMs, () => false)
    assert.equal(again(laterMs + 100 * minuteMs), 0, 'all have answered')
  })

  it('compares a key again whose push was not answered', () => {
    const { plan, poll, pushes, add, hear } = begin()
    add(1)
    hear(poll(), { 2: 'none' })
    const [push] = pushes(poll()) as [PushAction]
    plan.pushed(push, 'away', { nowMs: 0, sentBytes: 0 })
    poll(59_999)
    assert.deepEqual(plan.takeAgain(), [])
    assert.equal(plan.wakeMs(59_999), 60_000)
    poll(60_000)
    assert.deepEqual(plan.takeAgain(), [key(1)])
  })
})
