import assert from 'node:assert/strict'
import type { Session } from '../../../src/base/ports.ts'
import { verifySplitView } from '../../../src/client/verify-split-view.ts'
import { directoryAnswer, lookupAnswer } from '../../../src/wire/pod.ts'
import type { BlindWorld, Somebody } from '../../support/blind-world.ts'
import { blindWorld } from '../../support/blind-world.ts'
import { person } from '../../support/client-world.ts'
import { until } from '../../support/own-devices.ts'
import { signedAnswer } from '../../support/pod-papers.ts'
import type { PodHost } from '../../support/pod-world.ts'
import { certifiedKey } from '../../support/signed-views.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

describe('a pod that lies about a contact, and knows who asks', () => {
  let world: BlindWorld
  let two: PodHost
  let alice: Somebody
  let bob: Somebody
  /** To this peer alone, since when. */
  let lie: { to: string; sinceMs: number } | undefined

  beforeEach(async () => {
    lie = undefined
    world = await blindWorld((session, self) => (self === two?.keys.self ? bent(session) : session))
    await world.host('one.test')
    two = await world.host('two.test')
    bob = await world.join('bob', 'two.test')
    alice = await world.join('alice', 'one.test', { isBlind: false, canaryEveryMs: dayMs })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const bent = (session: Session): Session => ({
    ...session,
    serve: truth =>
      session.serve(async (method, payload, signal) => {
        const told = await truth(method, payload, signal)
        return method === 'lookup' && lie?.to === session.peer ? await bend(told, lie) : told
      })
  })

  async function bend(told: Uint8Array, { sinceMs }: { sinceMs: number }): Promise<Uint8Array> {
    const said = directoryAnswer.decode(lookupAnswer.decode(told).answer)
    const shown = { alias: bob.alias, certifiedMs: sinceMs }
    const certificate = await certifiedKey(two.person, await person('eve'), shown)
    return lookupAnswer.encode(
      await signedAnswer(two.person, { ...said, certificate }, world.pods.clock.now())
    )
  }

  const answered = (asked: string): number =>
    world.frames.filter(f => f.method === asked && f.to === two.keys.self && f.answer).length
  /** What began is finished, whatever it was. */
  const settled = (): Promise<void> => {
    let turns = 0
    return until(() => ++turns > 5_000)
  }
  const askedAnotherWay = async (): Promise<void> => {
    while (answered('blind-open') === 0) {
      world.pods.clock.advance(6 * hourMs)
      let turns = 0
      await until(() => answered('blind-open') > 0 || ++turns > 20_000)
    }
    await settled()
  }
  const alarms = async () => (await alice.client.alarms()).map(({ alias, what }) => [alias, what])

  it('signs the proof when an own pod asks too, which does not say for whom', async () => {
    const { clock } = world.pods
    clock.advance(hourMs)
    lie = { to: alice.peer, sinceMs: clock.now() }
    const shown = await alice.client.lookup(bob.alias)
    assert.equal(shown.fingerprint, (await person('eve')).certificate.fingerprint)
    await settled()
    assert.equal(answered('blind-open'), 0, 'not in the same moment')
    await askedAnotherWay()
    assert.deepEqual(await alarms(), [])
    // The pod signs the true answer anew when half of its time is over; until then nothing is proven.
    while ((await alarms()).length === 0) {
      const before = answered('blind-open')
      clock.advance(6 * hourMs)
      // What the time began is finished before the next; a look that was still at work when it came goes for it.
      let [turns, after] = [0, 0]
      await until(() => {
        after += answered('blind-open') > before ? 1 : 0
        return after > 500 || ++turns > 20_000
      })
      assert(clock.now() - lie!.sinceMs < 8 * dayMs, 'it is caught within a week')
    }
    assert(clock.now() - lie.sinceMs > 2 * dayMs)
    assert.deepEqual(await alarms(), [[bob.alias, 'equivocated']])
    const said = await verifySplitView(await alice.client.alarmProof(bob.alias), clock.now())
    assert.equal(said.fingerprint, two.person.certificate.fingerprint)
    const prints = [said.former.fingerprint, said.later.fingerprint]
    const eve = (await person('eve')).certificate.fingerprint
    assert.deepEqual(prints.toSorted(), [(await person('bob')).certificate.fingerprint, eve].sort())
  })

  it('and one that tells all the same is asked for nothing more', async () => {
    await alice.client.lookup(bob.alias)
    await settled()
    assert.equal(answered('blind-open'), 0, 'not in the same moment')
    await askedAnotherWay()
    const before = answered('blind-open')
    const looked = answered('lookup')
    world.pods.clock.advance(3 * hourMs)
    await alice.client.lookup(bob.alias)
    await until(() => answered('lookup') > looked)
    assert.equal(answered('blind-open'), before)
    assert.deepEqual(await alarms(), [])
  })
})
