import assert from 'node:assert/strict'
import fc from 'fast-check'
import { equalBytes } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import { PollBudget, pollDelayMs } from '../../src/client/addresses/poll-pace.ts'
import { decodeRelation, encodeRelation } from '../../src/client/addresses/relation-rows.ts'
import { TargetRefusal } from '../../src/client/blind/asking.ts'
import { decodeCbor } from '../../src/wire/cbor.ts'
import { fakeClock } from '../support/fake-clock.ts'
import type { PollingBefore } from '../support/polling.ts'
import { dayMs, hourMs, minuteMs, placeAt, polling, relationWith } from '../support/polling.ts'

describe('the pace of polls', () => {
  it('is from half of a mean to one and a half, and quicker while the person is there', () => {
    const since = [0, 5 * minuteMs, 30 * minuteMs, 3 * hourMs, Number.POSITIVE_INFINITY]
    for (const [i, dice] of [0, 0.5, 0.999].entries()) {
      const delays = since.map(ms => pollDelayMs(ms, false, dice))
      assert.deepEqual(
        delays.map(ms => Math.round(ms / minuteMs)),
        [
          [1, 1, 3, 10, 10],
          [2, 2, 6, 20, 20],
          [3, 3, 9, 30, 30]
        ][i]
      )
    }
    assert.equal(pollDelayMs(0, true, 0), 12 * hourMs)
  })

  it('never lets more than so many go, whatever the clock does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -hourMs, max: 10 * minuteMs }), { maxLength: 300 }),
        steps => {
          const budget = new PollBudget()
          let [nowMs, forwardMs, gone] = [Date.UTC(2026, 0, 1), 0, 0]
          for (const step of steps) {
            nowMs += step
            forwardMs += Math.max(0, step)
            while (budget.nextMs(nowMs) <= nowMs) {
              budget.take(nowMs)
              gone += 1
            }
            assert(budget.nextMs(nowMs) - nowMs <= minuteMs)
          }
          assert(gone <= 60 + forwardMs / minuteMs + 1)
        }
      )
    )
  })
})

describe('addresses of keys', () => {
  it('are polled one by one, none of them in the same second, and no more than their share', async () => {
    const relations = Array.from({ length: 30 }, (_, i) =>
      relationWith(`p${i}@two.test`, placeAt('three.test', 1))
    )
    await using all = polling(relations)
    await all.lock(false)
    for (let minutes = 0; minutes < 120; minutes++) {
      all.polls.there('looks')
      await all.pass(minuteMs)
    }
    const times = all.asked.map(({ atMs }) => atMs)
    assert(times.length > 60 && times.length <= 60 + 121, `${times.length}`)
    for (const [i, atMs] of times.slice(1).entries()) assert(atMs - times[i]! >= 500)
    const each = new Set(all.asked.map(({ address }) => Buffer.from(address).toString('hex')))
    assert.equal(each.size, 30)
  })

  it('hand over what waits, acknowledge it with the next poll, and take nothing that is for another', async () => {
    const [place, other] = [placeAt('three.test', 1), placeAt('four.test', 1)]
    await using all = polling([relationWith('bob@two.test', place)])
    for (let i = 1; i <= 4; i++) all.put(place, i)
    all.put({ ...other, pod: place.pod }, 5)
    await all.lock(false)
    await all.pass(3 * minuteMs)
    assert.deepEqual(
      all.received.map(({ sequence }) => sequence),
      [1, 2, 3, 4]
    )
    assert(all.received.every(({ address }) => equalBytes(address, place.address)))
    await all.pass(hourMs)
    const through = all.asked.map(one => one.through)
    assert.deepEqual(through.slice(0, 4), [0, 3, 5, 0])
  })

  it('rest while the vault is locked, are dropped for who is ignored, and wait for who is to be asked about', async () => {
    const relations = ['a', 'b', 'c'].map((name, i) =>
      relationWith(`${name}@two.test`, placeAt(`${i}.test`, 1))
    )
    await using all = polling(relations)
    all.policies.set('b@two.test', 'ask')
    await all.lock(true)
    await all.pass(hourMs, minuteMs)
    assert.deepEqual(all.asked, [])
    await all.lock(false)
    await all.pass(6 * hourMs, minuteMs)
    const count = (i: number): number =>
      all.asked.filter(({ address }) => equalBytes(address, relations[i]!.ours!.address)).length
    assert.equal(count(1), 1, 'once, to see that it is there')
    assert(count(0) > 10)
    all.polls.there('looks')
    await all.pass(minuteMs)
    assert.equal(count(1), 2)
    all.policies.set('c@two.test', 'ignore')
    all.polls.changed()
    const before = all.asked.length
    await all.pass(2 * hourMs, minuteMs)
    const last = all.asked
      .slice(before)
      .filter(({ address }) => equalBytes(address, relations[2]!.ours!.address))
    assert.deepEqual(
      last.map(({ what }) => what),
      ['drop']
    )
    assert.deepEqual(all.asked.filter(({ what }) => what === 'drop').length, 1)
    assert.equal(all.polls.shown().length, 2)
  })

  it('are made anew where they were lost, asked less often where nobody answers, and given up after a day', async () => {
    const relation = relationWith('bob@two.test', placeAt('three.test', 1))
    await using all = polling([relation])
    all.fails.set('three.test', 'ADDRESS_UNKNOWN')
    await all.lock(false)
    await all.pass(3 * minuteMs)
    assert.deepEqual(
      all.asked.map(({ what }) => what),
      ['make', 'poll']
    )
    // It is the relay that is away: the target is not left for that.
    all.fails.set('three.test', 'RELAY_UNREACHABLE')
    await all.pass(3 * dayMs, 10 * minuteMs)
    assert.equal(all.lost.length, 0)
    all.fails.set('three.test', 'POD_UNREACHABLE')
    const before = all.asked.length
    await all.pass(20 * hourMs, 10 * minuteMs)
    assert.equal(all.lost.length, 0)
    await all.pass(dayMs, 10 * minuteMs)
    assert.equal(all.lost.at(0)?.them, 'bob@two.test')
    assert(all.asked.length - before < 15)
    assert.deepEqual([...all.polls.failing()], ['three.test'])
    assert.equal(all.polls.pods()[0]?.problem?.code, 'POD_UNREACHABLE')
  })

  it('are given up by who is there for a moment of each day alone, and paid for once a day however often that is', async () => {
    const [lazy, hostile] = [placeAt('three.test', 1), placeAt('four.test', 1)]
    const relations = [relationWith('bob@two.test', lazy), relationWith('eve@two.test', hostile)]
    let before: PollingBefore | undefined
    const lost = new Set<string>()
    const made: number[] = []
    for (let start = 0; start < 24; start++) {
      await using all = polling(relations, before)
      before = all
      all.fails.set('three.test', 'POD_UNREACHABLE')
      // It forgets what it was paid for.
      all.lies.poll = () => {
        throw new TargetRefusal('ADDRESS_UNKNOWN', 'as told')
      }
      await all.lock(false)
      await all.pass(5 * minuteMs)
      for (const { them } of all.lost) lost.add(them)
      made.push(all.asked.filter(({ what }) => what === 'make').length)
      // Of the time between two starts six hours count at most.
      if (start < 4) assert(!lost.has('bob@two.test'), `${start}`)
      else if (start > 5) assert(lost.has('bob@two.test'), `${start}`)
      assert(all.polls.failing().has('three.test'), 'also while nothing is asked')
      all.clock.advance(6 * hourMs - 5 * minuteMs)
    }
    // 24 starts in not quite six days.
    const paid = made.reduce((sum, count) => sum + count)
    assert(paid >= 2 && paid <= 6, `${paid}`)
    assert(lost.has('eve@two.test'))
    // Nothing is kept of what there is no more.
    const rows = async () => (await before!.disk.state.list('polls', {})).length
    assert.equal(await rows(), 2)
    await using after = polling([relations[0]!], before)
    await after.lock(false)
    assert.equal(await rows(), 1)
  })

  it('open the vault also where the disk takes nothing', async () => {
    const relations = [relationWith('bob@two.test', placeAt('three.test', 1))]
    await using before = polling(relations)
    before.fails.set('three.test', 'ADDRESS_UNKNOWN')
    await before.lock(false)
    await before.pass(10 * minuteMs)
    const { clock, disk } = before
    assert.equal((await disk.state.list('polls', {})).length, 1)
    const write = () => Promise.reject(new MuttrError('DISK_FULL', 'no room'))
    const full = { clock, disk: { ...disk, state: { ...disk.state, write } } }
    await using after = polling([relationWith('eve@two.test', placeAt('four.test', 1))], full)
    await after.lock(false)
    await after.pass(10 * minuteMs)
    assert(after.asked.some(({ what }) => what === 'poll'))
  })

  it('that were followed by another are polled for their time, then dropped; those of accounts never are', async () => {
    const clock = fakeClock()
    const old = { ...placeAt('three.test', 1), untilMs: clock.now() + dayMs }
    const relation = relationWith('bob@two.test', placeAt('one.test', 2, false), [old])
    await using all = polling([relation])
    await all.lock(false)
    await all.pass(2 * dayMs, 10 * minuteMs)
    assert(all.asked.every(({ address }) => equalBytes(address, old.address)))
    assert.equal(all.asked.at(-1)?.what, 'drop')
    assert.deepEqual(all.polls.shown(), [])
  })
})

describe('the row of a relation', () => {
  it('says which key has an address, and is as before where none has', () => {
    const [ofKey, ofAccount] = [placeAt('three.test', 5), placeAt('one.test', 4, false)]
    const former = [{ ...ofAccount, untilMs: 9 }]
    const version = (row: Uint8Array): unknown =>
      decodeCbor(row, 'a row', value => (value as unknown[])[0], 8_192)
    for (const [relation, wanted] of [
      [relationWith('bob@two.test', ofAccount, former), 1],
      [relationWith('bob@two.test', ofKey, former), 2],
      [relationWith('bob@two.test', ofAccount, [{ ...ofKey, untilMs: 9 }]), 2]
    ] as const) {
      const row = encodeRelation(relation)
      assert.equal(version(row), wanted)
      assert.deepEqual(decodeRelation(row), relation)
    }
    assert.throws(() => decodeRelation(new Uint8Array([0x81, 0x01])), { code: 'SYNC_INVALID' })
  })
})
