import assert from 'node:assert/strict'
import { openPgp } from '../../src/keys/crypto.ts'
import { tables } from '../../src/pod/rows.ts'
import { helloAnswer, podRecord } from '../../src/wire/pod.ts'
import type { PodHost, PodWorld } from '../support/pod-world.ts'
import { podWorld } from '../support/pod-world.ts'

async function said({ pod }: PodHost): Promise<{ offers: readonly string[]; sequence: number }> {
  const { record, signature } = helloAnswer.decode(await pod.hello())
  return { offers: await openPgp.offersIn(signature), sequence: podRecord.decode(record).sequence }
}

describe('what a pod of several processes offers', () => {
  let world: PodWorld
  let door: PodHost
  beforeEach(async () => {
    world = podWorld()
    door = await world.host({ offers: ['ports', 'thin'] })
  })
  afterEach(() => world[Symbol.asyncDispose]())
  const member = (offers: readonly string[]) =>
    world.host({ beside: door, state: door.state, offers })

  it('is what any of them does, whichever starts last, and nothing is signed again for that', async () => {
    const other = await member(['ports'])
    const { offers, sequence } = await said(other)
    assert.deepEqual(offers, ['ports', 'thin'])
    for (const host of [door, other, door]) {
      await host.restart()
      assert.deepEqual(await said(host), { offers, sequence })
    }
  })

  it('grows with who does more, and goes with the last that does it', async () => {
    await door.pod[Symbol.asyncDispose]()
    const other = await member([])
    const third = await member(['thin'])
    const olga = { kind: 'operator', name: 'olga' } as const
    await other.pod.office.removeProcess(olga, door.keys.self)
    assert.deepEqual((await said(other)).offers, ['thin'])
    await other.pod.office.removeProcess(olga, third.keys.self)
    assert.deepEqual((await said(other)).offers, [])
    assert.deepEqual(
      (await door.state.list(tables.pod, { gte: 'offers/', lt: 'offers0' })).map(row => row.key),
      [`offers/${other.keys.self}`]
    )
  })

  it('loses nothing by one of an older program, which says nothing of its own, until that has started again', async () => {
    const key = `offers/${door.keys.self}`
    await door.state.write([{ type: 'delete', table: tables.pod, key }])
    const other = await member(['ports'])
    assert.deepEqual((await said(other)).offers, ['ports', 'thin'])
    await door.restart()
    assert.deepEqual((await said(other)).offers, ['ports', 'thin'])
  })
})
