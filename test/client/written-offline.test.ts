import assert from 'node:assert/strict'
import { turn } from '../support/own-devices.ts'
import { bobAt, related } from '../support/related.ts'

const dayMs = 86_400_000

describe('a letter that was written where no pod answers', () => {
  it('goes to the address that was agreed on when the machine is opened four days later', async () => {
    await using both = await related()
    const { alice, bob, world } = both
    await both.write(alice, bob)
    const place = both.places(bobAt!).at(-1)
    assert.notEqual(place, 'intro')
    const pods = ['one.test', 'two.test'].map(hostname => world.pod(hostname))
    for (const pod of pods) pod.down()
    const { id } = await alice.client.send({ to: bobAt!, body: 'written in the train' })
    for (let i = 0; i < 300; i++) await turn()
    await alice.client[Symbol.asyncDispose]()
    for (const pod of pods) pod.up()
    world.clock.advance(4 * dayMs)
    await alice.restart()
    await bob.seen('opened', ({ letter }) => letter === id)
    assert.equal(both.places(bobAt!).at(-1), place)
  })
})
