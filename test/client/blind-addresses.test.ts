import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { tables } from '../../src/pod/rows.ts'
import type { BlindWorld, Somebody } from '../support/blind-world.ts'
import { blindWorld } from '../support/blind-world.ts'
import { turn } from '../support/own-devices.ts'
import type { PodHost } from '../support/pod-world.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

describe('people whose addresses live at pods that do not know them', () => {
  let world: BlindWorld
  let [one, two, three]: PodHost[] = []
  let alice: Somebody
  let bob: Somebody
  beforeEach(async () => {
    world = await blindWorld()
    one = await world.host('one.test')
    two = await world.host('two.test')
    three = await world.host('three.test')
    alice = await world.join('alice', 'one.test', { addresses: 'blind' })
    bob = await world.join('bob', 'two.test', { addresses: 'blind' })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** Time passes only while nothing is under way, so that nothing is late because of the real work in it. */
  const passes = async (isSo: () => boolean | Promise<boolean>, stepMs = 15_000): Promise<void> => {
    for (let idle = 0; !(await isSo()); idle++) {
      if (world.underWay() > 0) idle = 0
      if (idle === 50) {
        world.pods.clock.advance(stepMs)
        idle = 0
      }
      await turn()
    }
  }
  const opened = (by: Somebody): number => by.events.filter(({ type }) => type === 'opened').length
  async function write(from: Somebody, to: Somebody): Promise<void> {
    const before = opened(to)
    await from.client.send({ to: to.alias, subject: 'the plan', body: 'at nine' })
    await passes(() => opened(to) > before)
  }
  const keyed = async (host: PodHost): Promise<string[]> =>
    (await host.state.list(tables.keyAddresses)).map(({ key }) => key)
  const agreed = (by: Somebody): boolean =>
    ['given', 'taken'].every(what =>
      by.events.some(event => event.type === 'address' && event.what === what)
    )
  async function agree(): Promise<void> {
    await write(alice, bob)
    await write(bob, alice)
    await passes(() => agreed(alice) && agreed(bob))
  }

  it('get their letters there by asking, and neither pod alone can tell whose they are', async () => {
    await agree()
    assert.deepEqual(await Promise.all([one!, two!].map(keyed)), [[], []])
    assert.equal((await keyed(three!)).length, 2)
    const [home] = (await alice.client.status()).homes.pods
    assert.deepEqual([home?.hostname, home?.addresses], ['three.test', 1])
    const [given] = await alice.client.addresses()
    assert.deepEqual([given?.pod, given?.blind, given?.contact], ['three.test', true, bob.alias])
    const before = world.frames.length
    for (let i = 0; i < 4; i++) await write(bob, alice)
    assert.equal((await alice.client.inbox()).length, 5)
    const mailbox = (await keyed(three!)).find(key => key === given!.id)
    assert.equal(mailbox, given!.id)
    // Her own pod was told of none of them.
    assert.equal(
      (await one!.state.list(tables.boxes)).some(({ key }) => key === alice.pin),
      true
    )
    const target = await world.viewOf(three!)
    const relay = await world.viewOf(one!, 'relay')
    assert(target.asked.includes('key-poll') && target.asked.includes('key-make'))
    assert(target.has('one.test'), 'by which pod it is asked')
    for (const who of [alice, bob])
      assert(!target.has(who.alias) && !target.has(who.pin) && !target.has(who.peer), who.alias)
    assert(relay.has(alice.alias) && relay.has('three.test'))
    const { address } = { address: Buffer.from(given!.id, 'hex') }
    assert(target.has(address) && !relay.has(address))
    // Nobody who is known asks there, on no session of their own.
    const own = [alice.peer, bob.peer]
    const direct = world.frames.filter(({ from, to }) =>
      own.some(peer => [from, to].includes(peer) && [from, to].includes(three!.keys.self))
    )
    assert.deepEqual(direct, [])
    assert(before > 0 && toHex(address) === given!.id)
  })

  it('are given another one when that pod does not come back, and lose nothing meanwhile', async () => {
    await agree()
    const [home] = await keyed(three!)
    assert.notEqual(home, undefined)
    await world.pods.network.unplug(three!.keys.self)
    const sent = opened(alice) + opened(bob) + 2
    const sentMs = world.pods.clock.now()
    for (const [from, to] of [
      [alice, bob],
      [bob, alice]
    ] as const)
      await from.client.send({ to: to.alias, subject: 'the plan', body: 'at ten' })
    // A step shorter than clocks may differ: a request that is under way meanwhile is still of its time.
    await passes(() => opened(alice) + opened(bob) >= sent, 4 * minuteMs)
    assert(world.pods.clock.now() - sentMs < 80 * hourMs)
    // No third pod is left: they live at the correspondent's, which is another than one's own.
    await passes(async () => (await keyed(one!)).length + (await keyed(two!)).length === 2)
    await write(alice, bob)
    await write(bob, alice)
    const checks = await alice.client.doctor()
    const about = checks.filter(({ name }) => name.startsWith('addresses'))
    assert(about.some(({ name, ok }) => name.includes('three.test') && !ok))
  })
})

describe('people who know no pod but their own', () => {
  it('keep their addresses with their account there, and are told so', async () => {
    await using world = await blindWorld()
    const one = await world.host('one.test')
    const alice = await world.join('alice', 'one.test', { addresses: 'blind', isBlind: false })
    const bob = await world.join('bob', 'one.test', { addresses: 'blind', isBlind: false })
    await alice.client.send({ to: bob.alias, subject: 'Hello', body: 'bob' })
    await bob.seen('opened')
    await bob.client.send({ to: alice.alias, subject: 'Hello', body: 'alice' })
    await alice.seen('opened')
    await alice.seen('address', 2)
    assert.deepEqual(await one.state.list(tables.keyAddresses), [])
    const [made] = await alice.client.addresses()
    assert.deepEqual([made?.pod, made?.blind], ['one.test', false])
    const { homes } = await alice.client.status()
    assert.deepEqual(homes, { wanted: 'blind', made: 'account', pods: [] })
    const checks = await alice.client.doctor()
    assert.equal(checks.find(({ name }) => name === 'addresses')?.ok, false)
  })
})
