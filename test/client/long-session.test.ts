import { blindWorld } from '../support/blind-world.ts'
import { dayMs } from '../support/pod-world.ts'

describe('a line to the own pod that never falls', () => {
  it('is identified for longer than the statement of a device lasts', async () => {
    await using world = await blindWorld()
    await world.host('one.test')
    const join = (name: string) => world.join(name, 'one.test', { isBlind: false })
    const [alice, bob] = [await join('alice'), await join('bob')]
    for (let times = 2; times < 9; times++) {
      world.pods.clock.advance(15 * dayMs)
      for (const one of [alice, bob]) await one.seen('identified', times)
    }
    await bob.client.send({ to: alice.alias, body: 'Still there?' })
    await alice.seen('opened')
    await alice.client.register('alicia@one.test')
  })
})
