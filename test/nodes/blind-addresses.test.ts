import assert from 'node:assert/strict'
import type { OwnAddress, SentLetter } from '../../src/client/client.ts'
import { ChangingNet } from '../support/changes.ts'

const third = 'three.test'

describe('addresses that live at a pod of others, over separate processes', () => {
  let world: ChangingNet
  before(async function () {
    this.timeout(180_000)
    world = await ChangingNet.start({
      ...{ seeds: 3, pods: ['one.test', 'two.test', third], at: { bob: 'two.test' } },
      settings: { addresses: 'blind' }
    })
  })
  after(() => world[Symbol.asyncDispose]())

  const aliases = { alice: 'alice@one.test', bob: 'bob@two.test' }
  type Who = keyof typeof aliases
  const write = (from: Who, to: Who, text: string): Promise<SentLetter> =>
    world.json(from, 'send', aliases[to], text)
  /** Waits until it was opened there; whoever looks has asked for what came. */
  async function looks(who: Who, { id }: SentLetter, from: number): Promise<void> {
    const isHere = () =>
      world.net.events
        .slice(from)
        .some(({ who: at, event }) => at === who && event.type === 'opened' && event.letter === id)
    await world.until(async () => {
      await world.net.muttr(who, '--json', 'inbox')
      return isHere()
    })
  }

  it('are given to correspondents, and letters are found there by asking', async () => {
    const start = world.now
    await world.opened('bob', await write('alice', 'bob', 'we have not met'), start)
    await world.opened('alice', await write('bob', 'alice', 'now we have'), start)
    for (const who of ['alice', 'bob'] as const)
      await world.net.event(who, 'address', start, e => e.what === 'taken')
    for (const who of ['alice', 'bob'] as const) {
      const list = await world.net.muttr(who, '--json', 'address', 'list')
      const [made] = list.stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as OwnAddress)
      assert.deepEqual([made?.pod, made?.blind], [third, true])
      const { homes } = await world.status(who)
      assert.deepEqual(
        [homes.wanted, homes.made, homes.pods[0]?.hostname],
        ['blind', 'blind', third]
      )
    }
    const from = world.now
    await looks('bob', await write('alice', 'bob', 'only by asking'), from)
    await looks('alice', await write('bob', 'alice', 'so is this'), from)
    // It was announced there, and nothing of it at the pod of her alias: there it would have been pushed.
    const told = world.net.events
      .slice(from)
      .flatMap(({ who, event }) => (who === 'alice' && event.type === 'notified' ? [event] : []))
    assert.deepEqual(
      told.map(({ pod, how }) => [pod, how]),
      [['one.test', 'playback']]
    )
  }).timeout(180_000)

  it('keep what came while nobody was there, and the pod was killed', async () => {
    await world.net.stop('bob')
    const letter = await write('alice', 'bob', 'while you are away')
    assert.equal(letter.state, 'announced')
    await world.net.kill(third)
    await world.net.start(third)
    const from = world.now
    await world.net.start('bob')
    await looks('bob', letter, from)
  }).timeout(180_000)

  it('are told of as failing while their pod is away', async () => {
    await world.net.stop(third)
    await world.until(async () => {
      await world.net.muttr('alice', '--json', 'inbox')
      const { checks } = await world.doctor('alice')
      return checks.some(({ name, ok }) => name === `addresses at ${third}` && !ok)
    })
  }).timeout(180_000)
})
