import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { MuttrError } from '../../src/base/errors.ts'
import { podOperator } from '../../src/nodes/pod-operator.ts'
import { createDrain } from '../../src/pod/drain.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import { fakeClock } from '../support/fake-clock.ts'
import type { PodHost, PodWorld } from '../support/pod-world.ts'
import { makeBox, noticeFor, personNamed, podWorld, sealNotice } from '../support/pod-world.ts'
import { sessionPair } from '../support/session-pair.ts'

const log = { debug() {}, info() {}, warn() {} }
const settled = async () => {
  for (let i = 0; i < 20; i++) await turn()
}

describe('a process of a pod that takes leave', () => {
  let world: PodWorld
  let state: State
  let one: PodHost
  let other: PodHost
  beforeEach(async () => {
    world = podWorld()
    state = memoryState()
    one = await world.host({ state })
    other = await world.host({ state, beside: one })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const listening = async (name: string) => {
    const device = await world.device(await personNamed(name))
    const link = await device.enter(one)
    await link.register(name, device.person.certificate)
    const box = makeBox()
    const told = Promise.withResolvers<readonly string[]>()
    await link.listen(box.take, 0, undefined, undefined, told.resolve)
    return { device, link, box, told: told.promise }
  }

  it('tells who is there where else to go, lets nobody in, and serves again when told', async () => {
    const { device, link, told } = await listening('alice')
    const early = await (await world.device(await personNamed('bob'))).open(one)
    await one.pod.drain.run()
    assert.deepEqual(await told, [other.keys.self])
    await Promise.all([link.closed, early.closed])
    assert.deepEqual(one.pod.drain.state(), { state: 'drained', sessions: 0, of: 2 })
    await assert.rejects(device.enter(one), { code: 'POD_UNREACHABLE' })
    assert.deepEqual((await (await device.enter(other)).lookup('alice')).alias, 'alice@one.test')
    one.pod.drain.resume()
    assert.equal(one.pod.drain.state().state, 'serving')
    await device.enter(one)
  })

  it('loses no notice that comes meanwhile', async () => {
    const { device, box, link } = await listening('alice')
    const bob = await world.device(await personNamed('bob'))
    const sent: string[] = []
    const send = async () => {
      await using line = await bob.open(other)
      const { intro, hpkeKey } = await line.lookup('alice')
      const notice = noticeFor(intro, world.clock.now())
      await line.submit(await sealNotice(hpkeKey, notice))
      sent.push(Buffer.from(notice.key).toString('hex'))
    }
    for (let i = 0; i < 5; i++) await send()
    const drained = one.pod.drain.run()
    for (let i = 0; i < 5; i++) await send()
    await drained
    await link.closed
    for (let i = 0; i < 5; i++) await send()
    await (await device.enter(other)).listen(box.take, 0)
    await box.has(15)
    assert.deepEqual(box.keys().sort(), sent.sort())
  })

  it('is off the record when it ends for good, but not the last one', async () => {
    const olga = { kind: 'operator', name: 'olga' } as const
    await one.pod.office.leave(olga)
    const [left] = await other.pod.office.processes()
    assert.deepEqual(left, { peer: other.keys.self, isThis: true })
    assert.equal((await other.pod.office.audit())[0]!.action, 'process.leave')
    await assert.rejects(other.pod.office.leave(olga), { code: 'USAGE' })
    await one.restart()
    assert.equal((await other.pod.office.processes()).length, 2, 'who starts again is back')
  })
})

describe('taking leave of many', () => {
  function crowd(size: number, answers = true, others = async (): Promise<string[]> => []) {
    const clock = fakeClock()
    const ends = Array.from({ length: size }, (_, i) => sessionPair(`pod`, `peer ${i}`))
    const here = new Set(ends.map(([ours]) => ours))
    for (const [ours, theirs] of ends) {
      theirs.serve(answers ? async () => Uint8Array.of(0x80) : () => new Promise(() => {}))
      void ours.closed.then(() => here.delete(ours))
    }
    const doors: boolean[] = []
    const drain = createDrain({
      ...{ clock, log, others },
      reception: {
        close: () => void doors.push(false),
        open: () => void doors.push(true),
        sessions: () => [...here].map(session => [session, undefined as never]),
        get size() {
          return here.size
        }
      },
      forwarder: { pause: () => new Promise(() => {}), resume() {} }
    })
    return { clock, here, drain, doors }
  }

  it('is spread over the time that was given', async () => {
    const { clock, here, drain } = crowd(100)
    const run = drain.run({ overMs: 1_000 })
    const left: number[] = []
    for (let i = 0; i < 4; i++) {
      await settled()
      left.push(here.size)
      clock.advance(250)
    }
    assert.deepEqual(left, [95, 70, 45, 20])
    await settled()
    clock.advance(10_000)
    await run
    assert.equal(here.size, 0)
  })

  it('is bounded, whatever is asked and whoever does not answer', async () => {
    const { clock, here, drain } = crowd(1_000, false)
    const run = drain.run({ overMs: 3_600_000 })
    for (let i = 0; i < 15_000; i += 50) {
      await turn()
      clock.advance(50)
    }
    await settled()
    assert.equal(drain.state().state, 'draining', 'a transfer to another pod does not end')
    clock.advance(10_000)
    await run
    await settled()
    assert.equal(here.size, 0)
  })

  it('waits for no state that does not answer', async () => {
    const { clock, here, drain } = crowd(3, true, () => new Promise(() => {}))
    const run = drain.run()
    await settled()
    assert.equal(here.size, 3)
    clock.advance(2_000)
    await settled()
    clock.advance(50)
    await settled()
    assert.equal(here.size, 0)
    clock.advance(10_000)
    await run
  })

  it('asks no state how many they are, unless it is for good', async () => {
    const { drain } = crowd(0)
    const asked: string[] = []
    const processes = async () => {
      asked.push('processes')
      throw new MuttrError('STATE_UNREACHABLE', 'no answer')
    }
    const pod = {
      drain: { ...drain, run: async () => void asked.push('run') },
      office: { processes }
    }
    const operator = podOperator({ pod } as unknown as Parameters<typeof podOperator>[0])
    await operator.drain()
    assert.deepEqual(asked, ['run'])
    await assert.rejects(operator.drain({ leave: true }), { code: 'STATE_UNREACHABLE' })
    assert.deepEqual(asked, ['run', 'processes'])
  })

  it('can be cancelled: who is still here stays, and others come in', async () => {
    const { clock, here, drain, doors } = crowd(100)
    const stop = new AbortController()
    const run = drain.run({ overMs: 1_000, signal: stop.signal })
    const same = drain.run()
    await settled()
    clock.advance(250)
    await settled()
    stop.abort()
    await assert.rejects(run, { code: 'CANCELLED' })
    await assert.rejects(same, { code: 'CANCELLED' })
    assert.equal(here.size, 70)
    assert.deepEqual([drain.state().state, doors], ['serving', [false, true]])
    const again = drain.run({ overMs: 0 })
    await settled()
    clock.advance(10_000)
    await again
    assert.deepEqual(drain.state(), { state: 'drained', sessions: 0, of: 70 })
  })
})
