import assert from 'node:assert/strict'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld } from '../../support/client-world.ts'
import { inTime, until } from '../../support/own-devices.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

describe('somebody with an alias at two pods', () => {
  let world: ClientWorld
  let alice: Tester
  let bob: Tester
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
    alice = await world.join('alice', { canaryEveryMs: dayMs })
    bob = await world.join('bob')
    await alice.client.register('alice@two.test')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const write = (to: string, subject: string) => bob.client.send({ to, subject, body: 'Hello.' })
  const subjects = async () => (await alice.client.inbox()).map(({ subject }) => subject).sort()

  it('of which one withholds notices and signs for them is told, and gets all in the end', async () => {
    world.pod().isFull = true
    await write('alice@one.test', 'to the one that withholds')
    await bob.seen('announced')
    await write('alice@two.test', 'to the other')
    await alice.seen('opened')
    assert.deepEqual(await subjects(), ['to the other'])
    // Its own probe does not come back either.
    await inTime(world, hourMs, async () =>
      (await alice.client.alarms()).some(
        ({ what, alias }) => what === 'mailbox' && alias === 'alice@one.test'
      )
    )
    world.pod().isFull = false
    // The sender sees that nobody accepts, and announces it anew.
    await inTime(world, hourMs, async () => (await subjects()).length === 2)
    assert.deepEqual(await subjects(), ['to the one that withholds', 'to the other'])
  })

  it('sees each letter once, however often a pod hands its notice over', async () => {
    await write('alice@one.test', 'once')
    await alice.seen('opened')
    const opened = () => alice.events.filter(({ type }) => type === 'opened').length
    const before = opened()
    for (let i = 0; i < 3; i++) await world.pod().replay('alice@one.test')
    await write('alice@two.test', 'after that')
    await until(() => opened() > before)
    assert.deepEqual(await subjects(), ['after that', 'once'])
    assert.equal(opened(), before + 1)
  })
})
