import assert from 'node:assert/strict'
import { equalBytes } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { firstRelation } from '../../src/client/addresses/relation-rows.ts'
import { TargetRefusal } from '../../src/client/blind/asking.ts'
import { encodeStored } from '../../src/wire/notice.ts'
import { dayMs, hourMs, minuteMs, placeAt, polling, relationWith } from '../support/polling.ts'

const bob = 'bob@two.test'
const some = (count: number) =>
  Array.from({ length: count }, (_, i) => relationWith(`p${i}@two.test`, placeAt('three.test', 1)))
const emptyPage = (untilMs: number) => ({ untilMs, through: 0, more: false, entries: [] })

describe('a pod that keeps addresses of keys and means harm', () => {
  it('is paid once a day for each at most, whatever it says of the time that is left, and is left when what it made does not hold', async () => {
    const relations = some(8)
    await using all = polling(relations)
    all.lies.poll = () => emptyPage(all.clock.now() + dayMs)
    await all.lock(false)
    await all.pass(dayMs, 30_000)
    const makes = () => all.asked.filter(({ what }) => what === 'make').length
    assert.equal(makes(), 8)
    await all.pass(2 * dayMs, 10 * minuteMs)
    assert(makes() <= 3 * 8, `${makes()}`)
    assert.equal(new Set(all.lost.map(({ them }) => them)).size, 8)
    assert.deepEqual([...all.polls.failing()], ['three.test'])
  })

  it('is paid no more when it makes addresses for a day alone', async () => {
    await using all = polling(some(1))
    all.lies.poll = () => emptyPage(all.clock.now() + dayMs)
    all.lies.keep = () => all.clock.now() + dayMs
    await all.lock(false)
    await all.pass(3 * dayMs, minuteMs)
    assert(all.asked.filter(({ what }) => what === 'make').length <= 4)
    assert(all.lost.length > 0)
  })

  it('is left when it makes an address and then does not know it', async () => {
    await using all = polling(some(1))
    all.lies.poll = () => {
      throw new TargetRefusal('ADDRESS_UNKNOWN', 'it says')
    }
    await all.lock(false)
    await all.pass(3 * dayMs, minuteMs)
    assert(all.asked.filter(({ what }) => what === 'make').length <= 4)
    assert(all.lost.length > 0)
  })

  const codes: ErrorCode[] = ['LIMIT_EXCEEDED', 'SIGNATURE_INVALID', 'CLOCK_WRONG', 'INTERNAL']
  for (const code of [...codes, 'WIRE_TOO_LARGE', 'TOKEN_INVALID'] as const)
    it(`is left when it refuses for ever: ${code}`, async () => {
      await using all = polling(some(1))
      all.fails.set('three.test', code)
      await all.lock(false)
      await all.pass(20 * hourMs, 10 * minuteMs)
      assert.equal(all.lost.length, 0)
      await all.pass(2 * dayMs, 10 * minuteMs)
      assert(all.lost.length > 0)
      assert.deepEqual([...all.polls.failing()], ['three.test'])
    })

  it('is not left for the time in which it was the relay that was away', async () => {
    await using all = polling(some(1))
    all.fails.set('three.test', 'POD_UNREACHABLE')
    await all.lock(false)
    await all.pass(3 * minuteMs)
    all.fails.set('three.test', 'RELAY_UNREACHABLE')
    await all.pass(40 * hourMs, 10 * minuteMs)
    assert.equal(all.lost.length, 0)
    // Nor for a sleep of this machine.
    all.fails.set('three.test', 'POD_UNREACHABLE')
    await all.pass(7 * hourMs, 10 * minuteMs)
    await all.pass(3 * dayMs, 3 * dayMs)
    assert.equal(all.lost.length, 0)
  })

  it('shows pages with nothing on them: what follows is asked for, and no page twice', async () => {
    const place = placeAt('three.test', 1)
    await using all = polling([relationWith(bob, place)])
    all.put(place, 4)
    const frame = encodeStored(all.waiting.get('three.test')![0]!)
    const untilMs = all.clock.now() + 50 * dayMs
    all.lies.poll = through => {
      if (through < 3) return { untilMs, through: 3, more: true, entries: [] }
      if (through > 3) return { untilMs, through, more: false, entries: [] }
      return { untilMs, through: 4, more: false, entries: [{ sequence: 4, frame }] }
    }
    await all.lock(false)
    await all.pass(3 * minuteMs)
    assert.equal(all.received.length, 1)
    assert.deepEqual(
      all.asked.map(({ through }) => through),
      [0, 3]
    )
    all.lies.poll = through => ({ untilMs, through, more: true, entries: [] })
    const before = all.asked.length
    all.polls.there('looks')
    await all.pass(minuteMs)
    assert.equal(all.asked.length, before + 1)
  })
})

describe('an address of a key that is of no use any more', () => {
  it('is dropped at another moment than any other of the person', async () => {
    const relations = some(5)
    await using all = polling(relations)
    await all.lock(false)
    await all.pass(10 * minuteMs)
    for (const { them } of relations) all.policies.set(them, 'ignore')
    all.polls.changed()
    all.polls.there('looks')
    await all.pass(3 * minuteMs, 100)
    const drops = all.asked.filter(({ what }) => what === 'drop').map(({ atMs }) => atMs)
    assert.equal(drops.length, 5)
    for (const [i, atMs] of drops.slice(1).entries()) assert(atMs - drops[i]! >= 500)
    await all.pass(dayMs, 10 * minuteMs)
    assert.equal(all.asked.filter(({ what }) => what === 'drop').length, 5)
    assert.deepEqual([all.polls.shown(), all.polls.pods()], [[], []])
  })

  it('is dropped when another key has the alias, and asked for no more', async () => {
    const relation = relationWith(bob, placeAt('three.test', 1))
    await using all = polling([relation])
    await all.lock(false)
    await all.pass(10 * minuteMs)
    all.relations[0] = firstRelation('alice@one.test', bob)
    all.polls.take(all.relations[0])
    all.polls.changed()
    const before = all.asked.length
    await all.pass(10 * dayMs, 10 * minuteMs)
    const after = all.asked.slice(before).map(({ what }) => what)
    assert.deepEqual(after, ['drop'])
  })

  it('is dropped after a start too, when its sender was ignored before, and is tried for a time where no relay is', async () => {
    const relation = relationWith(bob, placeAt('three.test', 1))
    await using all = polling([relation])
    all.policies.set(bob, 'ignore')
    all.fails.set('three.test', 'RELAY_UNREACHABLE')
    await all.lock(false)
    await all.pass(hourMs, minuteMs)
    const failed = all.asked.length
    assert(failed > 1)
    all.fails.clear()
    all.polls.wake()
    await all.pass(dayMs, 10 * minuteMs)
    assert.equal(all.asked.length, failed + 1)
    await all.lock(true)
    await all.lock(false)
    await all.pass(dayMs, 10 * minuteMs)
    assert(all.asked.every(({ what }) => what === 'drop'))
    assert.equal(all.asked.length, failed + 1, 'once in a run')
    assert.deepEqual(all.lost, [])
  })

  it('is asked for again when its sender is not ignored any more', async () => {
    const relation = relationWith(bob, placeAt('three.test', 1))
    await using all = polling([relation])
    await all.lock(false)
    await all.pass(10 * minuteMs)
    all.policies.set(bob, 'ignore')
    all.polls.changed()
    await all.pass(hourMs, minuteMs)
    all.policies.delete(bob)
    all.fails.set('three.test', 'ADDRESS_UNKNOWN')
    all.polls.changed()
    const before = all.asked.length
    await all.pass(hourMs, minuteMs)
    const after = all.asked.slice(before)
    assert.deepEqual(
      after.slice(0, 2).map(({ what }) => what),
      ['make', 'poll']
    )
    assert(after.length > 2)
    assert(after.every(({ address }) => equalBytes(address, relation.ours!.address)))
  })
})
