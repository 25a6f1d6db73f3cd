import assert from 'node:assert/strict'
import type { MuttrEvent } from '../../../src/base/events.ts'
import type { Closet } from '../../../src/client/closet.ts'
import { closetOf } from '../../../src/client/closet.ts'
import type { LookedUp } from '../../../src/client/pod-questions.ts'
import { Alarms } from '../../../src/client/trust/alarms.ts'
import { SplitViews } from '../../../src/client/trust/split-views.ts'
import { Views } from '../../../src/client/trust/views.ts'
import { verifySplitView } from '../../../src/client/verify-split-view.ts'
import { readCertificate } from '../../../src/keys/certificate.ts'
import { systemRandom as random } from '../../../src/net/random.ts'
import { memoryState } from '../../../src/store/memory.ts'
import type { State } from '../../../src/store/state.ts'
import { directoryAnswer } from '../../../src/wire/pod.ts'
import { person, clientStartMs as startMs } from '../../support/client-world.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { viewOf } from '../../support/signed-views.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const alias = 'bob@one.test'
const log = { debug() {}, info() {}, warn() {}, error() {} }

describe('what pods said', () => {
  let state: State
  let clock: FakeClock
  let closet: Closet | undefined
  let events: MuttrEvent[]
  /** Whom the pod shows, by whether it knows who asks, and when it certified them. */
  let shows: { usual: [who: string, certifiedMs: number]; other: [string, number] }
  let asked: string[]
  let ends: AbortController | undefined
  let rooms: { views: Views; splits: SplitViews; alarms: Alarms }

  beforeEach(async () => {
    state = memoryState()
    clock = fakeClock(startMs + dayMs)
    closet = closetOf(new Uint8Array(32).fill(7), random)
    shows = { usual: ['bob', startMs], other: ['bob', startMs] }
    asked = []
    events = []
    rooms = open()
  })

  function open() {
    const self = {
      get openCloset() {
        return closet
      },
      closet() {
        if (!closet) throw new Error('locked')
        return closet
      }
    }
    const emit = (event: MuttrEvent) => void events.push(event)
    const splits = new SplitViews({ state, self, clock, log, emit })
    ends?.abort()
    ends = new AbortController()
    const life = ends.signal
    const views = new Views({
      ...{ state, self, splits, clock, random, log, life, everyMs: dayMs },
      ways: () =>
        (['usual', 'other'] as const).map(way => async told => {
          asked.push(way)
          await told((await person('one.test')).certificate, await answer(way))
        })
    })
    return { views, splits, alarms: new Alarms({ state, clock, log, emit, splits }) }
  }

  async function answer(way: 'usual' | 'other'): Promise<LookedUp> {
    const [who, certifiedMs] = shows[way]
    const when = { alias, certifiedMs, issuedMs: clock.now() }
    const signed = await viewOf(await person('one.test'), await person(who), when)
    const said = directoryAnswer.decode(signed.answer)
    return { ...said, certificate: await readCertificate(said.certificate), signed }
  }
  /** The person asks for bob, as when they write. */
  const ask = async () =>
    rooms.views.heard((await person('one.test')).certificate, await answer('usual'))
  const later = async (hours: number) => {
    clock.advance(hours * hourMs)
    await rooms.views.look()
  }
  /** The longest time in which another way is asked, and then one in which all are asked again. */
  const askedOnce = () => later(6)
  const askedAgain = async () => {
    for (let i = 0; i < 4; i++) await later(1)
  }
  const caught = async () => (await rooms.alarms.list()).map(({ what }) => what)

  it('is asked for another way about daily, and never again while it is the same', async () => {
    await ask()
    await ask()
    assert.deepEqual(asked, [])
    await askedOnce()
    assert.deepEqual(asked, ['other'])
    for (let i = 0; i < 5; i++) await later(1)
    assert.deepEqual(asked, ['other'])
    await later(24)
    await ask()
    assert.deepEqual(asked, ['other'])
    await askedOnce()
    assert.deepEqual(asked, ['other', 'other'])
    assert.deepEqual([await caught(), events], [[], []])
  })

  it('by a pod that says two things is a proof, kept until after it was answered', async () => {
    shows.usual = ['eve', startMs + hourMs]
    await ask()
    await askedOnce()
    assert.deepEqual([await caught(), asked], [[], ['other']])
    await askedAgain()
    assert(asked.slice(1).includes('usual') && asked.slice(1).includes('other'))
    const eve = (await person('eve')).certificate.fingerprint
    assert.deepEqual(events, [{ type: 'alarm', alias, what: 'equivocated', shown: eve }])
    const [alarm] = await rooms.alarms.list()
    assert(alarm?.standing && alarm.detail.includes(eve) && alarm.hint.includes('--proof'))
    const said = await verifySplitView(await rooms.splits.proof(alias), clock.now())
    const bob = (await person('bob')).certificate.fingerprint
    assert.deepEqual([said.former.fingerprint, said.later.fingerprint], [bob, eve])

    // The next process on the same disk.
    rooms = open()
    assert.deepEqual(await caught(), ['equivocated'])
    assert.equal((await rooms.alarms.answer(alias)).length, 1)
    await later(1)
    assert.deepEqual([await caught(), events.length], [[], 1])
    assert.deepEqual(await rooms.alarms.answer(alias), [])
    await verifySplitView(await rooms.splits.proof(alias), clock.now())
    await assert.rejects(rooms.splits.proof('carol@one.test'), { code: 'PROOF_UNKNOWN' })

    shows.usual = ['mallory', clock.now()]
    for (let i = 0; i < 3; i++) await askedAgain()
    assert.deepEqual([await caught(), events.length], [['equivocated'], 2])
  })

  it('names nobody on the disk, and is neither shown nor kept while the vault is locked', async () => {
    shows.usual = ['eve', startMs + hourMs]
    await ask()
    await askedOnce()
    await askedAgain()
    for (const table of ['views', 'split-views']) {
      const rows = await state.list(table)
      assert.equal(rows.length, 1)
      for (const { key, value } of rows)
        assert(!`${key} ${Buffer.from(value).toString('latin1')}`.includes('bob'))
    }
    closet = undefined
    assert.deepEqual(await caught(), [])
    const before = asked.length
    await askedAgain()
    await ask()
    await askedOnce()
    assert.equal(asked.length, before)
  })

  it('of a key that changed in between is none, whichever way is asked first', async () => {
    await ask()
    await askedOnce()
    shows = { usual: ['eve', clock.now()], other: ['bob', startMs] }
    // One process of the pod has not heard of it yet.
    await ask()
    await rooms.views.heard((await person('one.test')).certificate, await answer('other'))
    shows.other = shows.usual
    for (let i = 0; i < 30; i++) await later(1)
    assert.deepEqual([await caught(), events], [[], []])
  })

  it('of a pod that was restored from a backup is none', async () => {
    shows = { usual: ['eve', startMs + hourMs], other: ['eve', startMs + hourMs] }
    await ask()
    shows = { usual: ['bob', startMs], other: ['bob', startMs] }
    clock.advance(hourMs)
    await ask()
    for (let i = 0; i < 30; i++) await later(1)
    assert(asked.length > 25)
    assert.deepEqual([await caught(), events], [[], []])
  })

  it('by a pod of another key before stands against nothing', async () => {
    shows.usual = ['eve', startMs + hourMs]
    await ask()
    clock.advance(hourMs)
    const other = await person('two.test')
    const when = { alias, certifiedMs: startMs, issuedMs: clock.now() }
    const signed = await viewOf(other, await person('bob'), when)
    const said = directoryAnswer.decode(signed.answer)
    const certificate = await readCertificate(said.certificate)
    await rooms.views.heard(other.certificate, { ...said, certificate, signed })
    assert.deepEqual(await caught(), [])
  })

  it('is asked for another way on its own, minutes to hours later, also by the next process', async () => {
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      asked = []
      const fromMs = clock.now()
      await ask()
      for (let minutes = 0; asked.length === 0 && minutes < 6 * 60; minutes += 5)
        await later(5 / 60)
      waits.push(clock.now() - fromMs)
      assert.deepEqual(asked, ['other'])
      await later(24)
    }
    assert(Math.min(...waits) >= 10 * 60_000)
    assert(new Set(waits).size > 3, 'each at another time')

    asked = []
    await ask()
    clock.advance(0)
    rooms = open()
    clock.advance(12 * hourMs)
    assert.deepEqual(asked, [])
    await rooms.views.look()
    assert.deepEqual(asked, [], 'not in the moment of the start')
    await later(1 / 2)
    assert.deepEqual(asked, ['other'])
  })

  it('is kept with the proof that it makes, or not at all', async () => {
    shows.usual = ['eve', startMs + hourMs]
    await ask()
    await askedOnce()
    // Before anything is due again.
    clock.advance(11 * 60_000)
    const write = state.write.bind(state)
    const before = await state.list('views')
    state.write = async changes => {
      if (changes.some(change => 'table' in change && change.table === 'split-views'))
        throw new Error('killed')
      return write(changes)
    }
    const pod = (await person('one.test')).certificate
    const last = await answer('usual')
    await rooms.views.heard(pod, last)
    assert.deepEqual([await caught(), events], [[], []])
    assert.deepEqual(await state.list('views'), before)
    state.write = write
    rooms = open()
    await rooms.views.heard(pod, last)
    assert.deepEqual([await caught(), events.length], [['equivocated'], 1])
    // What a process wrote that was killed before the proof: it is looked at again.
    for (const { key } of await state.list('split-views'))
      await write([{ type: 'delete', table: 'split-views', key }])
    assert.deepEqual(await caught(), [])
    await rooms.views.heard(pod, last)
    assert.deepEqual([await caught(), events.length], [['equivocated'], 2])
    await rooms.views.heard(pod, last)
    assert.equal(events.length, 2)
  })

  it('by a clock that was ahead, and ours with it, was said before it says', async () => {
    // Both an hour ahead: bob is shown. Then both are set right; his alias is handed over, and eve is shown.
    const noonMs = clock.now()
    clock = fakeClock(noonMs + hourMs)
    rooms = open()
    await ask()
    clock = fakeClock(noonMs + 15 * 60_000)
    rooms = open()
    shows = { usual: ['eve', noonMs + 10 * 60_000], other: ['eve', noonMs + 10 * 60_000] }
    await ask()
    for (let i = 0; i < 30; i++) await later(1)
    assert.deepEqual([await caught(), events], [[], []])
  })

  it('is dropped when it is no longer valid', async () => {
    await ask()
    assert.equal((await state.list('views')).length, 1)
    await later(8 * 24)
    assert.equal((await state.list('views')).length, 0)
  })
})
