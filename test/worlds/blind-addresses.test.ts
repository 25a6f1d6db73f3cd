import assert from 'node:assert/strict'
import type { Posted } from '../../src/worlds/people/post.ts'
import { peopleWorld } from '../support/people-world.ts'

const minuteHours = 1 / 60

describe('people of a virtual world whose addresses live at a pod of nobody among them', () => {
  it('get their letters there by asking, and by their own pods when it is gone for good', async () => {
    const { world, people, population, write, pass } = await peopleWorld({
      ...{ count: 2, pods: 3, addresses: 'blind' }
    })
    const isRead = ({ deliveredMs }: Posted): boolean => deliveredMs !== undefined
    const read = async (posted: Posted, hours: number): Promise<number> => {
      const startMs = world.nowMs
      for (let waited = 0; !isRead(posted) && waited < hours; waited += minuteHours)
        await pass(minuteHours)
      assert(isRead(posted), `letter ${posted.plan.n} is not read within ${hours} hours`)
      return (world.nowMs - startMs) / 3_600_000
    }
    const target = people.pods.all[2]!
    await read(await write(0, 1), 1)
    await read(await write(1, 0), 1)
    await pass(1)
    const homes = async (person: number) => {
      const { promise, resolve } = Promise.withResolvers<string[]>()
      people.residents[person]!.do(client => {
        void client.status().then(({ homes }) => resolve(homes.pods.map(one => one.hostname)))
      })
      return await world.run(promise)
    }
    assert.deepEqual(await homes(0), [target.hostname])
    assert.deepEqual(await homes(1), [target.hostname])
    for (const [from, to] of [
      [0, 1],
      [1, 0]
    ] as const)
      assert((await read(await write(from, to), 1)) < 0.6)

    population.leave(target.member)
    const letters = [await write(0, 1, 200), await write(1, 0, 200)]
    await pass(12)
    assert(!letters.some(isRead))
    for (const letter of letters) await read(letter, 72)
    // They have given each other addresses at the pods that are left.
    await pass(12)
    for (const [from, to] of [
      [0, 1],
      [1, 0]
    ] as const)
      assert((await read(await write(from, to), 1)) < 0.6)
  })
})
