import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { PodLink } from '../../src/client/pod-link.ts'
import { tables } from '../../src/pod/rows.ts'
import { levelState } from '../../src/store/level.ts'
import type { State } from '../../src/store/state.ts'
import type { PodHost, PodWorld } from '../support/pod-world.ts'
import {
  dayMs,
  hourMs,
  makeBox,
  noticeFor,
  personNamed,
  podWorld,
  sealNotice
} from '../support/pod-world.ts'
import { temporaryFolder } from '../support/store-folder.ts'

/** Alice is registered, and bob can write to her. */
async function acquainted(world: PodWorld, host: PodHost) {
  const alice = await world.device(await personNamed('alice'))
  const bob = await world.device(await personNamed('bob'))
  const link = await alice.enter(host)
  await link.register('alice', alice.person.certificate)
  const other = await bob.open(host)
  const notify = async (by: PodLink = other): Promise<Uint8Array> => {
    const { intro } = await by.lookup('alice')
    const notice = noticeFor(intro, world.clock.now())
    await by.submit(await sealNotice(host.hpkeKey, notice))
    return notice.key
  }
  return { alice, bob, link, other, notify }
}

describe('a pod', () => {
  let world: PodWorld
  beforeEach(() => {
    world = podWorld()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('takes alice in, tells bob whose key she has, and brings her his notice live', async () => {
    const host = await world.host()
    const alice = await world.device(await personNamed('alice'))
    const bob = await world.device(await personNamed('bob'))

    const link = await alice.enter(host)
    const { certificate, untilMs } = await link.register('Alice', alice.person.certificate)
    assert.equal(certificate.fingerprint, alice.person.certificate.fingerprint)
    assert.equal(untilMs, world.clock.now() + 365 * dayMs)
    const box = makeBox()
    await link.listen(box.take, 0)

    const other = await bob.open(host)
    const found = await other.lookup('alice@one.test')
    assert.equal(found.alias, 'alice@one.test')
    assert.equal(found.certificate.fingerprint, alice.person.certificate.fingerprint)
    assert.deepEqual(found.hpkeKey, host.hpkeKey)
    const notice = noticeFor(found.intro, world.clock.now())
    const receipt = await other.submit(await sealNotice(found.hpkeKey, notice))
    assert.equal(receipt.podPeer, host.keys.self)
    assert.equal(receipt.atMs, world.clock.now())

    await box.has(1)
    const [got] = box.all
    assert.equal(got?.how, 'push')
    assert.deepEqual(got?.notice.key, notice.key)
    assert.deepEqual(got?.notice.slip, notice.slip)
  })

  it('plays back in order what came while alice was away', async () => {
    const host = await world.host()
    const { alice, link, notify } = await acquainted(world, host)
    await link[Symbol.asyncDispose]()
    for (let i = 0; i < 3; i++) await notify()
    const box = makeBox()
    const again = await alice.enter(host)
    await again.listen(box.take, 0)
    assert.deepEqual(
      box.all.map(({ notice, how }) => `${notice.sequence} ${how}`),
      ['1 playback', '2 playback', '3 playback']
    )
    assert.equal(host.pod.usage().notices, 0)
  })

  it('brings what comes after a registration on a link that listened before it', async () => {
    const host = await world.host()
    const alice = await world.device(await personNamed('alice'))
    const link = await alice.enter(host)
    const box = makeBox()
    await link.listen(box.take, 0)
    await link.register('alice', alice.person.certificate)
    const { intro } = await link.lookup('alice')
    await link.submit(await sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now())))
    await box.has(1)
  })

  it('keeps a notice until each of two devices has it, one of them away', async () => {
    const host = await world.host()
    const { alice, link, notify } = await acquainted(world, host)
    const phone = await world.device(alice.person)
    await (await phone.enter(host))[Symbol.asyncDispose]()
    const box = makeBox()
    await link.listen(box.take, 0)
    for (let i = 0; i < 3; i++) await notify()
    await box.has(3)
    assert.equal(host.pod.usage().notices, 3)

    const phoneBox = makeBox()
    const phoneLink = await phone.enter(host)
    await phoneLink.listen(phoneBox.take, 0)
    assert.deepEqual(phoneBox.keys(), box.keys())
    assert.equal(host.pod.usage().notices, 0)
    await notify()
    await Promise.all([box.has(4), phoneBox.has(4)])
    assert.equal(phoneBox.all.at(-1)?.how, 'push')
  })

  it('stops waiting for a device that never came back', async () => {
    const host = await world.host()
    const { alice, link, notify } = await acquainted(world, host)
    const phone = await world.device(alice.person)
    await (await phone.enter(host))[Symbol.asyncDispose]()
    const box = makeBox()
    await link.listen(box.take, 0)
    await notify()
    await box.has(1)
    world.clock.advance(80 * dayMs) // the phone's statement ends; so does the notice
    await host.pod.sweep()
    assert.equal(host.pod.usage().notices, 0)
    assert.deepEqual(await host.state.list(tables.devices), [])
  })

  it('stores the same notice once', async () => {
    const host = await world.host()
    const { link, other } = await acquainted(world, host)
    const { intro } = await other.lookup('alice')
    const notice = noticeFor(intro, world.clock.now())
    for (let i = 0; i < 3; i++) await other.submit(await sealNotice(host.hpkeKey, notice))
    const box = makeBox()
    await link.listen(box.take, 0)
    assert.equal(box.all.length, 1)
  })

  it('loses nothing when it dies between notice and playback, and a cursor least of all', async () => {
    await using folder = await temporaryFolder()
    const open = (): Promise<State> => levelState(join(folder.path, 'state'))
    const state = await open()
    const host = await world.host({ state })
    const { alice, link, notify } = await acquainted(world, host)
    const box = makeBox()
    await link.listen(box.take, 0)
    const first = await notify()
    await box.has(1)
    await link[Symbol.asyncDispose]()
    const second = await notify()

    await world.network.unplug(host.keys.self)
    await state[Symbol.asyncDispose]()
    const reopened = await open()
    await host.restart(reopened)
    assert.equal(host.pod.usage().aliases, 1)
    const later = makeBox()
    const again = await alice.enter(host)
    await again.listen(later.take, 0)
    const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex')
    assert.deepEqual(box.keys(), [hex(first)])
    assert.ok(later.keys().includes(hex(second)))
    const bob = await world.device(await personNamed('bob'))
    await notify(await bob.open(host))
    await later.has(later.keys().length + 1)
    await host.pod[Symbol.asyncDispose]()
    await reopened[Symbol.asyncDispose]()
  })

  it('shows its record again after a restart, and the next in sequence when it changed', async () => {
    const host = await world.host()
    const bob = await world.device(await personNamed('bob'))
    const first = await bob.open(host)
    world.clock.advance(hourMs)
    await host.restart()
    const second = await bob.open(host, { fingerprint: first.pod.certificate.fingerprint })
    assert.equal(second.pod.sequence, first.pod.sequence)
    assert.deepEqual(second.pod.hpkeKey, first.pod.hpkeKey)
    const other = await world.host({ state: host.state, policy: 'closed' })
    const third = await bob.open(other)
    assert.equal(third.pod.policy, 'closed')
    assert.ok(third.pod.sequence > first.pod.sequence)
  })

  it('forgets by itself, by the clock', async () => {
    const host = await world.host()
    const { link, notify } = await acquainted(world, host)
    await notify()
    await link.unregister('alice')
    await assert.rejects(notify(), { code: 'ALIAS_UNKNOWN' })
    await link[Symbol.asyncDispose]()
    for (let day = 0; day < 400; day += 100) {
      world.clock.advance(100 * dayMs)
      await host.pod.sweep()
    }
    assert.deepEqual(host.pod.usage(), {
      accounts: 0,
      aliases: 0,
      notices: 0,
      bytes: 0,
      queued: 0,
      sessions: 1
    })
    for (const table of [tables.aliases, tables.intros, tables.addresses, tables.devices])
      assert.deepEqual(await host.state.list(table), [], table)
  })
})

describe('the directory of a pod', () => {
  it('signs an answer once, until the alias or the epoch changes', async () => {
    await using world = podWorld()
    const host = await world.host()
    const { alice, link, other } = await acquainted(world, host)
    const first = await other.lookup('alice')
    assert.deepEqual(await other.lookup('ALICE'), first)
    world.clock.advance(hourMs)
    assert.equal((await other.lookup('alice')).validUntilMs, first.validUntilMs)
    await link.register('alice', alice.person.certificate)
    const second = await other.lookup('alice')
    assert.ok(second.validUntilMs > first.validUntilMs)
    assert.deepEqual(second.intro, first.intro)
    world.clock.advance(30 * dayMs)
    const third = await other.lookup('alice')
    assert.notDeepEqual(third.intro, first.intro)
  })

  it('takes notices for an old address for 100 days after its epoch', async () => {
    await using world = podWorld()
    const host = await world.host()
    const { other } = await acquainted(world, host)
    const { intro } = await other.lookup('alice')
    const epochEndMs = Math.ceil(world.clock.now() / (30 * dayMs)) * 30 * dayMs
    const deliver = async (): Promise<number> => {
      await other.submit(await sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now())))
      return host.pod.usage().notices
    }
    world.clock.advance(epochEndMs - world.clock.now() + 100 * dayMs - 1)
    assert.equal(await deliver(), 1)
    world.clock.advance(1)
    assert.equal(await deliver(), 1)
  })

  it('signs one answer for a crowd that asks at once, and gives all the same address', async () => {
    await using world = podWorld()
    const host = await world.host()
    const { other } = await acquainted(world, host)
    const answers = await Promise.all(Array.from({ length: 20 }, () => other.lookup('alice')))
    for (const answer of answers) assert.deepEqual(answer.intro, answers[0]!.intro)
    assert.equal((await host.state.list(tables.intros)).length, 1)
    assert.equal((await host.state.list(tables.addresses)).length, 1)
  })

  it('knows nobody else, and nobody whose certification ended', async () => {
    await using world = podWorld()
    const host = await world.host()
    const { other } = await acquainted(world, host)
    await assert.rejects(other.lookup('carol'), { code: 'ALIAS_UNKNOWN' })
    await assert.rejects(other.lookup('alice@two.test'), { code: 'ALIAS_UNKNOWN' })
    await assert.rejects(other.lookup('a b'), { code: 'ALIAS_INVALID' })
    world.clock.advance(365 * dayMs)
    await assert.rejects(other.lookup('alice'), { code: 'ALIAS_UNKNOWN' })
  })
})
