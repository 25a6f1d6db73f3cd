import assert from 'node:assert/strict'
import { MuttrError } from '../../src/base/errors.ts'
import { limits } from '../../src/base/limits.ts'
import { Register } from '../../src/client/addresses/register.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import { tables } from '../../src/pod/rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import type { AddressPolicy } from '../../src/wire/pod-addresses.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import {
  dayMs,
  makeBox,
  noticeFor,
  personNamed,
  podWorld,
  random,
  sealNotice
} from '../support/pod-world.ts'

const olga = { kind: 'operator', name: 'olga' } as const

interface Made {
  host: PodHost
  alice: TestDevice
  link: PodLink
  /** Somebody whom the pod does not know. */
  sender: PodLink
  send(address: Uint8Array, slip?: Uint8Array): Promise<string>
  set(policy: AddressPolicy, o?: { address?: Uint8Array; uses?: number }): Promise<Uint8Array>
}

async function made(world: PodWorld, o: Parameters<PodWorld['host']>[0] = {}): Promise<Made> {
  const host = await world.host(o)
  const alice = await world.device(await personNamed('alice'))
  const link = await alice.enter(host)
  await link.register('alice', alice.person.certificate)
  const sender = await (await world.device(await personNamed('bob'))).open(host)
  return {
    ...{ host, alice, link, sender },
    async send(address, slip = random.bytes(limits.slipBytes)) {
      const notice = noticeFor(address, world.clock.now(), { slip })
      await sender.submit(await sealNotice(host.hpkeKey, notice))
      return Buffer.from(notice.key).toString('hex')
    },
    async set(policy, { address = random.bytes(32), uses } = {}) {
      const wanted = { address, policy, untilMs: null, uses: uses ?? null }
      await link.addresses.change({ set: [wanted], drop: [] })
      return address
    }
  }
}

/** What a device is handed when it comes to the pod anew. */
async function inbox({ host, alice }: Made): Promise<string[]> {
  const link = await alice.enter(host)
  const box = makeBox()
  await link.listen(box.take, 0)
  await link[Symbol.asyncDispose]()
  return box.keys()
}

describe('addresses that people make', () => {
  let world: PodWorld
  beforeEach(() => {
    world = podWorld()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('lead to their account; what is for one that nobody has is answered the same', async () => {
    const all = await made(world)
    const address = await all.set('pull')
    const key = await all.send(address)
    await all.send(random.bytes(32))
    await all.host.restart()
    assert.deepEqual(await inbox(all), [key])
  })

  it('keep what comes until it is asked for, or let it fall, as their owner says', async () => {
    const all = await made(world)
    const { link } = all
    const [ask, ignore] = [await all.set('ask'), await all.set('ignore')]
    const [first, second] = [await all.send(ask), await all.send(ask)]
    await all.send(ignore)
    assert.deepEqual(await inbox(all), [])
    const waiting = async () =>
      new Map(
        (await link.addresses.all()).map(one => [`${one.policy} ${one.waiting}`, one.address])
      )
    assert.deepEqual([...(await waiting()).keys()].sort(), ['ask 2', 'ignore 0'])
    assert.equal(all.host.pod.usage().notices, 2)
    assert.equal(await link.addresses.ask([ask]), 2)
    assert.equal(await link.addresses.ask([ask]), 0)
    assert.deepEqual((await waiting()).has('ask 0'), true)
    // It is acknowledged there, so it is handed over once.
    assert.deepEqual((await inbox(all)).sort(), [first, second].sort())
    assert.equal(all.host.pod.usage().notices, 0)
    // What is ignored from now on was not pushed before: nothing of it stays; what is pulled from now on comes at once.
    const third = await all.send(ask)
    await all.set('pull', { address: ask })
    assert.deepEqual(await inbox(all), [third])
    await all.set('ask', { address: ask })
    await all.send(ask)
    await all.set('ignore', { address: ask })
    assert.equal(all.host.pod.usage().notices, 0)
    assert.deepEqual(await all.host.state.list(tables.held), [])
    assert.deepEqual(await all.host.state.list(tables.seen), [])
  })

  it('hand over what waited also where the pod was killed in between, when they are set again', async () => {
    const inner = memoryState()
    let writes = Number.POSITIVE_INFINITY
    const state: State = {
      ...inner,
      async write(changes) {
        if (writes-- <= 0) throw new MuttrError('DISK_FULL', 'killed')
        return await inner.write(changes)
      }
    }
    const all = await made(world, { state })
    const { addresses } = all.link
    /** One from which is pulled now, with something that waits there nevertheless. */
    const cut = async (): Promise<[Uint8Array, string]> => {
      const address = await all.set('ask')
      const key = await all.send(address)
      writes = 1
      await assert.rejects(all.set('pull', { address }))
      writes = Number.POSITIVE_INFINITY
      return [address, key]
    }
    const [first, one] = await cut()
    assert.deepEqual(await inbox(all), [])
    const [kept] = await addresses.all()
    assert.deepEqual([kept?.policy, kept?.waiting], ['pull', 1])
    await all.set('pull', { address: first })
    assert.deepEqual(await inbox(all), [one])
    // A client sees by itself that it is needed.
    await addresses.change({ set: [], drop: [first] })
    const [second, two] = await cut()
    const place = {
      ...{ address: second, us: 'alice@one.test', pod: 'one.test', uses: null, untilMs: null },
      ...{ madeMs: world.clock.now(), note: '', revoked: false }
    }
    const register = new Register({
      home: {
        change: (_, changes) => addresses.change(changes),
        all: () => addresses.all(),
        ask: (_, asked) => addresses.ask(asked)
      },
      relations: { all: () => [], at: () => undefined },
      published: { all: () => [place], at: () => place },
      ...{ policyOf: () => null, isAlone: () => true, clock: world.clock },
      life: new AbortController().signal
    })
    await register.bring('one.test')
    assert.deepEqual(await inbox(all), [two])
  })

  it('push what was asked for to whoever listens', async () => {
    const all = await made(world)
    const address = await all.set('ask')
    const box = makeBox()
    await all.link.listen(box.take, 0)
    const key = await all.send(address)
    const pulled = await all.set('pull')
    await all.send(pulled)
    await box.has(1)
    assert.equal(box.keys().includes(key), false)
    await all.link.addresses.ask([address])
    await box.has(2)
    assert.equal(box.keys().includes(key), true)
  })

  it('take so many letters and no more, each of them once, and say so to nobody', async () => {
    const all = await made(world)
    const address = await all.set('pull', { uses: 2 })
    const notice = noticeFor(address, world.clock.now())
    const submit = async () => all.sender.submit(await sealNotice(all.host.hpkeKey, notice))
    await submit()
    assert.equal((await inbox(all)).length, 1)
    // Announced anew after it was taken: the same letter is no second one, and comes again.
    await submit()
    await Promise.all([all.send(address), all.send(address), all.send(address)])
    assert.equal((await all.link.addresses.all())[0]?.uses, 0)
    assert.equal((await inbox(all)).length, 2)
    assert.equal((await all.host.state.list(tables.addressUses)).length, 2)
    await all.link.addresses.change({ set: [], drop: [address] })
    assert.deepEqual(await all.host.state.list(tables.addressUses), [])
  })

  it('are set again with no harm, end when they are dropped, and are nobody else’s meanwhile', async () => {
    const all = await made(world)
    const { host, link } = all
    const address = await all.set('pull')
    await all.set('pull', { address })
    const mallory = await world.device(await personNamed('mallory'))
    const other = await mallory.enter(host)
    await other.register('mallory', mallory.person.certificate)
    const { intro } = await other.lookup('alice')
    for (const taken of [address, intro]) {
      const wanted = { address: taken, policy: 'ignore', untilMs: null, uses: null } as const
      await other.addresses.change({ set: [wanted], drop: [] })
      await other.addresses.change({ set: [], drop: [taken] })
      assert.equal(await other.addresses.ask([taken]), 0)
    }
    assert.deepEqual(await other.addresses.all(), [])
    // Not her intro address either: the pod made it.
    await link.addresses.change({
      set: [{ address: intro, policy: 'ignore', untilMs: null, uses: null }],
      drop: [intro]
    })
    const keys = [await all.send(address), await all.send(intro)]
    assert.deepEqual((await inbox(all)).sort(), keys.sort())
    await link.addresses.change({ set: [], drop: [address, address] })
    await all.send(address)
    assert.deepEqual(await inbox(all), [])
    assert.deepEqual(await host.state.list(tables.ownAddresses), [])
  })

  it('are bounded for each account, all or nothing, and more than a page of them is listed', async () => {
    const all = await made(world, { limits: { addressesPerAccountMax: 150 } })
    const { link } = all
    const wanted = Array.from({ length: 151 }, () => ({
      ...{ address: random.bytes(32), policy: 'pull' as const, untilMs: null, uses: null }
    }))
    await link.addresses.change({ set: wanted.slice(0, 150), drop: [] })
    await assert.rejects(link.addresses.change({ set: wanted.slice(149), drop: [] }), {
      code: 'LIMIT_EXCEEDED'
    })
    const hex = (list: readonly { address: Uint8Array }[]) =>
      list.map(({ address }) => Buffer.from(address).toString('hex')).sort()
    assert.deepEqual(hex(await link.addresses.all()), hex(wanted.slice(0, 150)))
  })

  it('are for who has an alias, and asked about so often', async () => {
    const limit = { addressesPerAccount: { burst: 3, everyMs: dayMs } }
    const all = await made(world, { limits: limit })
    const stranger = await world.device(await personNamed('carol'))
    await assert.rejects((await stranger.open(all.host)).addresses.all(), {
      code: 'IDENTIFY_FIRST'
    })
    await assert.rejects((await stranger.enter(all.host)).addresses.all(), {
      code: 'ALIAS_UNKNOWN'
    })
    for (let i = 0; i < 3; i++) await all.set('pull')
    await assert.rejects(all.set('pull'), { code: 'LIMIT_EXCEEDED' })
  })

  it('end by the clock, with what waits there, and with their account', async () => {
    const all = await made(world)
    const { host, link } = all
    const short = { address: random.bytes(32), policy: 'ask' as const, uses: null }
    const untilMs = world.clock.now() + dayMs
    await link.addresses.change({ set: [{ ...short, untilMs }], drop: [] })
    await all.send(short.address)
    const lasting = await all.set('ask')
    await all.send(lasting)
    world.clock.advance(dayMs)
    await all.send(short.address)
    await host.pod.sweep()
    assert.equal(host.pod.usage().notices, 1)
    assert.deepEqual(
      (await link.addresses.all()).map(({ address }) => address),
      [lasting]
    )
    world.clock.advance(15 * dayMs)
    await host.pod.sweep()
    assert.equal(host.pod.usage().notices, 0)
    assert.deepEqual(await host.state.list(tables.held), [])
    await all.send(lasting)
    await host.pod.office.remove(olga, 'alice', { reason: 'gone' })
    await all.send(lasting)
    assert.equal(host.pod.usage().notices, 0)
    for (const table of [tables.ownAddresses, tables.addresses, tables.held])
      assert.deepEqual(await host.state.list(table), [], table)
  })
})
