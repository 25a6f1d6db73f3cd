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
    const life = new AbortController().signal
    const views = new Views({
      ...{ state, self, splits, clock, log, life, everyMs: dayMs },
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
  const caught = async () => (await rooms.alarms.list()).map(({ what }) => what)

  it('is asked for another way about daily, and never again while it is the same', async () => {
    await ask()
    await ask()
    assert.deepEqual(asked, ['other'])
    for (let i = 0; i < 5; i++) await later(1)
    assert.deepEqual(asked, ['other'])
    await later(24)
    await ask()
    assert.deepEqual(asked, ['other', 'other'])
    assert.deepEqual([await caught(), events], [[], []])
  })

  it('by a pod that says two things is a proof, kept until after it was answered', async () => {
    shows.usual = ['eve', startMs + hourMs]
    await ask()
    assert.deepEqual([await caught(), asked], [[], ['other']])
    await later(1)
    assert.deepEqual(asked.slice(1), ['usual', 'other'])
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
    for (let i = 0; i < 3; i++) await later(1)
    assert.deepEqual([await caught(), events.length], [['equivocated'], 2])
  })

  it('names nobody on the disk, and is neither shown nor kept while the vault is locked', async () => {
    shows.usual = ['eve', startMs + hourMs]
    await ask()
    await later(1)
    for (const table of ['views', 'split-views']) {
      const rows = await state.list(table)
      assert.equal(rows.length, 1)
      for (const { key, value } of rows)
        assert(!`${key} ${Buffer.from(value).toString('latin1')}`.includes('bob'))
    }
    closet = undefined
    assert.deepEqual(await caught(), [])
    const before = asked.length
    await later(1)
    await ask()
    assert.equal(asked.length, before)
  })

  it('of a key that changed in between is none, whichever way is asked first', async () => {
    await ask()
    clock.advance(hourMs)
    shows = { usual: ['eve', clock.now()], other: ['bob', startMs] }
    // One process of the pod has not heard of it yet.
    await ask()
    await rooms.views.look()
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
    assert(asked.length > 30)
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

  it('is dropped when it is no longer valid', async () => {
    await ask()
    assert.equal((await state.list('views')).length, 1)
    await later(8 * 24)
    assert.equal((await state.list('views')).length, 0)
  })
})
