import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256 } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { Budget } from '../../src/replicas/budget.ts'
import type { Near, Why } from '../../src/replicas/duty.ts'
import { dutyOf, holdersAmong } from '../../src/replicas/duty.ts'
import { Neighbours } from '../../src/replicas/neighbours.ts'
import type { Push } from '../../src/replicas/push-queue.ts'
import { PushQueue } from '../../src/replicas/push-queue.ts'
import { RepairAgenda } from '../../src/replicas/repair-agenda.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

describe('a budget', () => {
  it('gives within no hour more than that of an hour, and all of it in time', () => {
    const takes = fc.record({
      waitMs: fc.integer({ min: 0, max: 20 * minuteMs }),
      bytes: fc.integer({ min: 1, max: limits.payloadBytesMax })
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 2 * limits.payloadBytesMax, max: 50 * limits.payloadBytesMax }),
        fc.array(takes, { minLength: 1, maxLength: 200 }),
        (perHour, list) => {
          const budget = new Budget(perHour, 0)
          const sent: { atMs: number; bytes: number }[] = []
          let nowMs = 0
          for (const { waitMs, bytes } of list) {
            nowMs += waitMs
            const whenMs = budget.whenMs(bytes, nowMs)
            assert.equal(budget.take(bytes, nowMs), whenMs <= nowMs)
            if (whenMs > nowMs) assert(budget.take(bytes, whenMs + 1), 'there when it said')
            nowMs = Math.max(nowMs, whenMs > nowMs ? whenMs + 1 : 0)
            sent.push({ atMs: nowMs, bytes })
          }
          for (const { atMs } of sent) {
            const hour = sent.filter(s => s.atMs >= atMs && s.atMs < atMs + hourMs)
            const sum = hour.reduce((all, s) => all + s.bytes, 0)
            assert(sum <= perHour + 1, `${sum} of ${perHour}`)
          }
        }
      ),
      { numRuns: 100 }
    )
  })

  it('can always send one payload, however little it is given', () => {
    assert(new Budget(0, 0).take(limits.payloadBytesMax, 0))
  })
})

describe('pushes that wait', () => {
  const push = (n: number, o: Partial<Push> = {}): Push => ({
    key: sha256(Buffer.from(`${n}`)),
    kind: 'blob',
    lengthBytes: 1_000,
    contact: { peer: `peer ${n % 3}`, addresses: [] },
    copies: 4,
    heardMs: 0,
    ...o
  })
  const all = () => true

  it('go by urgency, then as they came, past those whose peer is busy', () => {
    const queue = new PushQueue(10)
    const pushes = [
      push(0, { copies: 7 }),
      push(1, { copies: 2 }),
      push(2, { copies: 2 }),
      push(3, { kind: 'tombstone', copies: 9 })
    ]
    for (const one of pushes) queue.put(one)
    const order: (Push | undefined)[] = []
    for (let next = queue.first(all); next; next = queue.first(all)) {
      order.push(next)
      queue.remove(next)
    }
    assert.deepEqual(order, [pushes[3], pushes[1], pushes[2], pushes[0]])
    for (const one of pushes) queue.put(one)
    assert.equal(
      queue.first(peer => peer === 'peer 2'),
      pushes[2]
    )
  })

  it('count once for one key and peer, however often they come, and as they came last', () => {
    const queue = new PushQueue(10)
    queue.put(push(1, { copies: 7 }))
    queue.put(push(1, { copies: 1 }))
    assert.equal(queue.size, 1)
    assert.equal(queue.first(all)?.copies, 1)
    queue.put(push(4))
    assert.equal(queue.removeAll('peer 1').length, 2)
    assert.equal(queue.size, 0)
  })

  it('are bounded: the least urgent is forgotten, and it is known that one was', () => {
    const queue = new PushQueue(3)
    for (const copies of [1, 7, 3, 2]) queue.put(push(copies, { copies }))
    assert.equal(queue.size, 3)
    const left = [1, 2, 3]
    for (const copies of left) {
      const next = queue.first(all)!
      assert.equal(next.copies, copies)
      queue.remove(next)
    }
    assert(queue.takeOverflow())
    assert(!queue.takeOverflow())
  })
})

describe('neighbours', () => {
  it('are settled when they were there before us, or for long', () => {
    const neighbours = new Neighbours(30 * minuteMs)
    assert.deepEqual(neighbours.look(['a', 'b'], 0), { joined: [], left: [] })
    assert(neighbours.isSettled('a', 0))
    assert.deepEqual(neighbours.look(['b', 'c'], minuteMs), { joined: ['c'], left: ['a'] })
    assert(!neighbours.isSettled('a', hourMs))
    assert(!neighbours.isSettled('c', 30 * minuteMs))
    assert(neighbours.isSettled('c', 31 * minuteMs))
    neighbours.look(['b'], 40 * minuteMs)
    neighbours.look(['b', 'c'], 41 * minuteMs)
    assert(!neighbours.isSettled('c', 42 * minuteMs), 'who comes back may have lost everything')
  })
})

describe('a duty', () => {
  const near = (name: string, o: Partial<Near> = {}): Near => ({
    contact: { peer: name, addresses: [] },
    subnets: [],
    settled: true,
    ...o
  })
  const self = near('us')
  const others = (count: number, o: Partial<Near> = {}) =>
    Array.from({ length: count }, (_, i) => near(`${i}`, o))
  const at = (rank: number, list: Near[]) => [...list.slice(0, rank), self, ...list.slice(rank)]
  const duty = (list: Near[], why: Why, lot = 0.5) =>
    dutyOf({ near: list, self, replicas: 8, why, share: 0.25, lot })

  it('is with the nearest settled holder at a change, then with the next', () => {
    for (const turn of [0, 1] as const) {
      const why: Why = { type: 'change', turn }
      for (let r = 0; r < 10; r++)
        assert.equal(duty(at(r, others(10)), why) !== undefined, r === turn)
    }
    const newcomers = [...others(3, { settled: false }), ...others(5)]
    assert(duty(at(3, newcomers), { type: 'change', turn: 0 }), 'newcomers hold nothing yet')
    assert(duty(at(4, newcomers), { type: 'change', turn: 1 }))
  })

  it('falls on everybody by lot in a sweep, and always on who is none of the holders', () => {
    const why: Why = { type: 'sweep' }
    assert(duty(at(0, others(10)), why))
    assert.equal(duty(at(3, others(10)), why), undefined)
    assert(duty(at(3, others(10)), why, 0.24))
    const outside = duty(at(8, others(10)), why)!
    assert.equal(outside.inside, false)
    assert.equal(outside.circle.length, 8)
    assert.equal(duty(at(7, others(10)), { type: 'all' })!.circle.length, 7)
  })

  it('is towards all there are in a small network', () => {
    const found = duty(at(2, others(3)), { type: 'all' })!
    assert.deepEqual([found.inside, found.circle.length], [true, 3])
  })

  it('has no more than two holders of one subnet as long as there are others', () => {
    const crowd = others(6, { subnets: ['192.0.2'] })
    const spread = Array.from({ length: 6 }, (_, i) => near(`far ${i}`, { subnets: [`10.${i}`] }))
    const holders = holdersAmong([...crowd, self, ...spread], 8).map(n => n.contact.peer)
    assert.deepEqual(holders, ['0', '1', 'us', 'far 0', 'far 1', 'far 2', 'far 3', 'far 4'])
    assert.equal(holdersAmong([...crowd, self], 8).length, 7)
    assert.deepEqual(
      holdersAmong([...crowd, self, ...spread.slice(0, 2)], 8).length,
      8,
      'where there are none, they count'
    )
  })
})

describe('the agenda of repair', () => {
  const options = {
    sweepMs: 6 * hourMs,
    debounceMs: minuteMs,
    standInMs: 5 * minuteMs,
    settledMs: 30 * minuteMs
  }
  const types = (due: { type: string }[]) => due.map(d => d.type)
  const dice = 0
  const place = new Uint8Array(32)

  it('looks when the table has been quiet, and in the end though it never is', () => {
    const agenda = new RepairAgenda(options)
    agenda.joined({ nowMs: 0, dice }, false)
    agenda.changed({ nowMs: 1_000, dice })
    assert.equal(agenda.wakeMs(1_000), 61_000)
    agenda.changed({ nowMs: 31_000, dice })
    assert.deepEqual(agenda.due({ nowMs: 61_000, dice }), [])
    assert.deepEqual(types(agenda.due({ nowMs: 91_000, dice })), ['look'])
    let looks = 0
    for (let nowMs = 100_000; nowMs < 100_000 + hourMs; nowMs += 10_000) {
      agenda.changed({ nowMs, dice })
      agenda.wakeMs(nowMs)
      looks += agenda.due({ nowMs, dice }).length
    }
    assert(looks >= 10 && looks <= 15, `${looks} looks in an hour`)
  })

  it('has the second look after the same changes once', () => {
    const agenda = new RepairAgenda(options)
    agenda.joined({ nowMs: 0, dice }, false)
    agenda.looked({ nowMs: 0, dice }, [place])
    agenda.looked({ nowMs: minuteMs, dice }, [place])
    agenda.looked({ nowMs: minuteMs, dice }, [])
    assert.equal(agenda.wakeMs(minuteMs), 5 * minuteMs)
    const due = agenda.due({ nowMs: 5 * minuteMs, dice })
    assert.deepEqual(due, [{ type: 'stand-in', changed: [place, place] }])
    assert.deepEqual(agenda.due({ nowMs: 6 * minuteMs, dice }), [])
  })

  it('sweeps by lot around its interval, and soon and in full after a life before', () => {
    const agenda = new RepairAgenda(options)
    agenda.joined({ nowMs: 0, dice: 0.5 }, true)
    assert.deepEqual(agenda.due({ nowMs: 1.5 * minuteMs, dice: 0 }), [{ type: 'sweep', all: true }])
    const earliest = 1.5 * minuteMs + 0.8 * options.sweepMs
    for (let nowMs = 2 * minuteMs; nowMs < earliest; nowMs = agenda.wakeMs(nowMs))
      assert.deepEqual(agenda.due({ nowMs, dice: 0 }), [])
    assert.deepEqual(agenda.due({ nowMs: earliest, dice: 1 }), [{ type: 'sweep', all: false }])
  })

  it('sweeps when it is told that the next one is due, unless that was in a life before', () => {
    const told = new RepairAgenda(options)
    told.joined({ nowMs: 0, dice }, false, 10 * minuteMs)
    assert.deepEqual(told.due({ nowMs: 10 * minuteMs - 1, dice }), [])
    assert.deepEqual(told.due({ nowMs: 10 * minuteMs, dice }), [{ type: 'sweep', all: false }])
    const returned = new RepairAgenda(options)
    returned.joined({ nowMs: 0, dice: 0 }, true, 10 * minuteMs)
    assert.deepEqual(returned.due({ nowMs: minuteMs, dice }), [{ type: 'sweep', all: true }])
  })

  it('takes a long sleep for an absence', () => {
    const agenda = new RepairAgenda(options)
    agenda.joined({ nowMs: 0, dice }, false)
    const wakeMs = agenda.wakeMs(0)
    assert(wakeMs <= 30 * minuteMs, 'it is called often enough to notice')
    assert.deepEqual(agenda.due({ nowMs: wakeMs + 29 * minuteMs, dice }), [])
    const next = agenda.wakeMs(wakeMs + 29 * minuteMs)
    const awakeMs = next + 31 * minuteMs
    assert.deepEqual(agenda.due({ nowMs: awakeMs, dice: 1 }), [], 'connections come first')
    const soonMs = agenda.wakeMs(awakeMs)
    assert.equal(soonMs, awakeMs + 2 * minuteMs)
    assert.deepEqual(agenda.due({ nowMs: soonMs, dice }), [{ type: 'sweep', all: true }])
  })

  it('leaves the store alone for twenty times as long as a walk through it takes', () => {
    const agenda = new RepairAgenda(options)
    agenda.joined({ nowMs: 0, dice }, false)
    agenda.walked(10_000)
    agenda.changed({ nowMs: 0, dice })
    assert.equal(agenda.wakeMs(0), 200_000)
    agenda.walked(hourMs)
    agenda.changed({ nowMs: 0, dice })
    assert.equal(agenda.wakeMs(0), 10 * minuteMs, 'but no more than ten minutes')
  })

  it('looks at changes that never end before those who came count as settled, however long walks take', () => {
    const agenda = new RepairAgenda(options)
    agenda.joined({ nowMs: 0, dice }, false)
    agenda.walked(hourMs)
    let nowMs = 0
    while (!agenda.due({ nowMs, dice: 1 }).some(({ type }) => type === 'look')) {
      assert(nowMs < options.settledMs)
      agenda.changed({ nowMs, dice: 1 })
      nowMs = Math.min(agenda.wakeMs(nowMs), nowMs + minuteMs)
    }
  })
})
