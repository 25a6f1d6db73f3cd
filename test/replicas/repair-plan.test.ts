import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sha256 } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { Contact } from '../../src/base/ports.ts'
import type { RepairPlanOptions } from '../../src/replicas/repair.ts'
import { RepairPlan } from '../../src/replicas/repair.ts'
import type {
  AskAction,
  ProveAction,
  PushAction,
  RepairAction,
  RepairAnswer,
  RepairTask
} from '../../src/replicas/repair-actions.ts'
import { dice } from '../support/lookup-world.ts'
import { RepairWorld } from '../support/repair-world.ts'

const hourMs = 3_600_000
const peer = (n: number): Contact => ({ peer: `peer ${n}`, addresses: [] })
const peers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => peer(from + i))
const key = (n: number) => sha256(Buffer.from(`${n}`))
const flush = { flush: true }

function begin(options: Partial<RepairPlanOptions> = {}) {
  const usual = { replicas: 8, bytesPerHour: 1e12, graceMs: 24 * hourMs, nowMs: 0 }
  const plan = new RepairPlan({ ...usual, ...options })
  const poll = (nowMs = 0): RepairAction[] => plan.poll(nowMs, flush)
  const of =
    <T extends RepairAction['type']>(type: T) =>
    (actions: RepairAction[]) =>
      actions.filter((a): a is Extract<RepairAction, { type: T }> => a.type === type)
  return {
    plan,
    poll,
    asks: of('ask'),
    proves: of('prove'),
    pushes: of('push'),
    drops: of('drop'),
    add: (n: number, o: Partial<RepairTask> = {}, nowMs = 0) =>
      plan.add(
        { key: key(n), kind: 'blob', lengthBytes: 1_000, circle: peers(7), inside: true, ...o },
        nowMs
      ),
    /** All that are asked say the same, or what `answers` says of them. */
    hear(actions: RepairAction[], answers: Record<number, RepairAnswer> = {}, nowMs = 0) {
      for (const action of of('ask')(actions)) {
        const said = answers[Number(action.contact.peer.slice(5))] ?? 'blob'
        const all = action.keys.map(() => said)
        plan.answered(action, all, { nowMs, dice: 0.999 })
      }
    }
  }
}
const peersOf = (actions: (AskAction | ProveAction | PushAction)[]) =>
  actions.map(a => a.contact.peer).sort()

describe('a repair plan', () => {
  it('asks the circle, and pushes to those that lack the key', () => {
    const { plan, poll, asks, pushes, add, hear } = begin()
    add(1)
    const first = poll()
    assert.deepEqual(peersOf(asks(first)), peersOf(asks(first)))
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
      'peer 12 blob 3',
      'peer 3 blob 4'
    ])
  })
})

describe('what repair does in a world of seeds that know each other', () => {
  const step = fc.record({
    what: fc.constantFrom('put', 'put few', 'kill', 'add', 'release', 'round', 'all', 'hour'),
    n: fc.nat(1_000)
  })

  it('brings every key to its R nearest and to nobody else, whatever happened before', function () {
    this.timeout(20_000)
    const property = fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 2 ** 30 }),
      fc.array(step, { maxLength: 60 }),
      (replicas, seed, steps) => {
        const world = new RepairWorld({ replicas, graceMs: 3 * hourMs, dice: dice(seed) })
        for (let i = 0; i < 12; i++) world.add()
        for (const { what, n } of steps) act(world, what, n)
        rest(world)
        for (const name of world.keys.keys()) check(world, name, replicas)
      }
    )
    fc.assert(property, { numRuns: 60 })
  })

  function act(world: RepairWorld, what: string, n: number): void {
    const { alive } = world
    const name = world.key(n % 12)
    if (what === 'put' && world.holders(name, 'tombstone').length === 0)
      for (const seed of world.nearest(name)) seed.holds.set(name, 'blob')
    if (what === 'put few' && world.holders(name, 'tombstone').length === 0)
      alive[n % alive.length]!.holds.set(name, 'blob')
    if (what === 'release' && world.holders(name, 'blob').length > 0)
      alive[n % alive.length]!.holds.set(name, 'tombstone')
    if (what === 'kill' && alive.length > 1) alive[n % alive.length]!.alive = false
    if (what === 'add') world.add(n % 2 === 0)
    if (what === 'round') world.round(alive[n % alive.length]!, { type: 'sweep' })
    if (what === 'all') world.round(alive[n % alive.length]!, { type: 'all' })
    if (what === 'hour') world.nowMs += hourMs
  }

  /** Nothing changes any more, and sweeps go on for longer than the grace. */
  function rest(world: RepairWorld): void {
    for (let i = 0; i < 60; i++) {
      for (const seed of world.alive) world.round(seed, { type: 'sweep' })
      world.nowMs += hourMs
    }
  }

  function check(world: RepairWorld, name: string, replicas: number): void {
    const nearest = world.nearest(name, replicas)
    const released = world.holders(name, 'tombstone')
    const holders = world.holders(name, 'blob')
    if (released.length > 0) {
      assert.equal(holders.length, 0, 'what was released is nowhere')
      for (const seed of nearest) assert(released.includes(seed), 'a tombstone stands at each')
    } else if (holders.length > 0)
      assert.deepEqual(
        holders.map(s => s.contact.peer).sort(),
        nearest.map(s => s.contact.peer).sort()
      )
  }
})
