import { equalBytes, toHex } from '../../src/base/bytes.ts'
import type { Tester } from './client-world.ts'
import { ClientWorld } from './client-world.ts'
import { until } from './own-devices.ts'

export const [aliceAt, bobAt] = ['alice@one.test', 'bob@two.test']

export interface Related extends AsyncDisposable {
  world: ClientWorld
  alice: Tester
  bob: Tester
  /** One writes to the other, who reads it. */
  write(from: Tester, to: Tester, body?: string): Promise<string>
  /** To which addresses the notices in somebody's mailbox came: `intro`, or hex. */
  places(alias: string): string[]
}

/** Two people at two pods, whose pods take addresses unless told otherwise; nobody has written yet. */
export async function strangers(pods: 'on' | 'off' = 'on'): Promise<Related> {
  const world = await ClientWorld.make(['one.test', 'two.test'])
  for (const pod of world.pods.values()) pod.addresses.mode = pods
  const alice = await world.join('alice')
  const bob = await world.join('bob', { hostname: 'two.test' })
  const at = new Map([
    [alice, aliceAt!],
    [bob, bobAt!]
  ])
  return {
    ...{ world, alice, bob },
    async write(from, to, body = 'Hello') {
      const { id } = await from.client.send({ to: at.get(to)!, body })
      await to.seen('opened', ({ letter }) => letter === id)
      return id
    },
    places(alias) {
      const account = world.pod(alias.split('@')[1]).accounts.get(alias)!
      return account.notices.map(({ address }) =>
        equalBytes(address, account.intro) ? 'intro' : toHex(address)
      )
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]()
  }
}

/** They have written to each other, and each has given the other an address. */
export async function related(): Promise<Related> {
  const both = await strangers()
  const { alice, bob } = both
  await both.write(alice, bob)
  await both.write(bob, alice)
  await agreed(alice, bob)
  return both
}

/** Resolves when each has the address of the other, made anew or for the first time. */
export async function agreed(...testers: Tester[]): Promise<void> {
  for (const { events } of testers)
    await until(() =>
      ['given', 'taken'].every(what =>
        events.some(event => event.type === 'address' && event.what === what)
      )
    )
}
