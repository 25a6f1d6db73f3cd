import assert from 'node:assert/strict'
import { setTimeout as pass } from 'node:timers/promises'
import { ChangingNet } from '../support/changes.ts'

const hourMs = 3_600_000
/** Longer than a busy moment can be, shorter than others wait for a sign of life. */
const napMs = 12_000

describe('a machine that sleeps', () => {
  let world: ChangingNet
  before(async function () {
    this.timeout(180_000)
    world = await ChangingNet.start({ seeds: 6 })
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
  })

  /** Stops a node in its tracks while `meanwhile` runs, and lets its clock say that `gapMs` more have passed. */
  async function nap<T>(who: string, gapMs: number, meanwhile: () => Promise<T>): Promise<T> {
    const { net } = world
    net.freeze(who, 'stop')
    const [done] = await Promise.all([meanwhile(), pass(napMs)])
    await net.setClock(who, gapMs)
    net.freeze(who, 'go on')
    return done
  }

  it('has its letters right after, over the sessions it had, and nobody is lost', async () => {
    const before = await world.status('bob')
    const from = world.now
    const letter = await nap('bob', 0, () => world.send('alice', 'bob', 'while you slept'))
    await world.opened('bob', letter, from)
    const after = await world.status('bob')
    assert.equal(after.known, before.known)
    assert(after.neighbours > 0)
    assert.equal(world.count('bob', 'listening', from), 0, 'the session to the pod stood')
    assert((await world.status('alice')).known >= before.known - 1)
  }).timeout(180_000)

  it('takes a jump of the clock for what it is: nobody was silent for a night', async () => {
    const before = await world.status('bob')
    const from = world.now
    // A night has passed by the clock alone: the pod is an hour's night away, but the session stands.
    const letter = await nap('bob', 8 * hourMs, () => world.send('alice', 'bob', 'good morning'))
    await world.opened('bob', letter, from)
    const after = await world.status('bob')
    assert.equal(after.known, before.known)
    assert.equal(after.pods[0]?.identified, true)
    assert.equal(world.count('bob', 'listening', from), 0)
    await world.net.setClock('bob', 0)
    const again = await world.send('alice', 'bob', 'and set back')
    await world.opened('bob', again, from)
    assert.equal((await world.status('bob')).known, before.known)
  }).timeout(180_000)

  it('sends at once what waited for the network', async () => {
    const from = world.now
    const { net } = world
    await net.stop('one.test')
    const waiting = await world.send('alice', 'bob', 'for later')
    assert.equal(waiting.state, 'stored')
    // The pod comes back while alice sleeps; by her timers nothing is due for a while.
    await nap('alice', 0, () => net.start('one.test'))
    await net.event('alice', 'announced', from, e => e.letter === waiting.id)
    await world.opened('bob', waiting, from)
  }).timeout(180_000)
})
