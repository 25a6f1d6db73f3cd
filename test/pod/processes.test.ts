import assert from 'node:assert/strict'
import { makeDismissal } from '../../src/keys/device.ts'
import { openShared } from '../../src/net/postgres/shared.ts'
import { createSqlState } from '../../src/store/sql/sql-state.ts'
import type { State } from '../../src/store/state.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import { makeBox, noticeFor, personNamed, podWorld, sealNotice } from '../support/pod-world.ts'
import type { Postgres } from '../support/postgres.ts'
import { startPostgres } from '../support/postgres.ts'

describe('a pod of several processes over one PostgreSQL', () => {
  let server: Postgres
  let world: PodWorld
  let states: State[]
  let one: PodHost
  let other: PodHost

  before(async () => {
    server = await startPostgres()
  })
  after(() => server[Symbol.asyncDispose]())
  beforeEach(async () => {
    await using database = await openShared(server.url)
    await database.change(async query => {
      await query('DROP SCHEMA IF EXISTS muttr CASCADE')
      return true
    })
    const state = async (self: string) =>
      createSqlState({ database: await openShared(server.url), self })
    states = [await state('one'), await state('other')]
    world = podWorld()
    one = await world.host({ state: states[0]!, policy: 'open' })
    other = await world.host({ state: states[1]!, policy: 'open', beside: one })
  })
  afterEach(async () => {
    await world[Symbol.asyncDispose]()
    for (const state of states) await state[Symbol.asyncDispose]()
  })

  async function person(name: string): Promise<TestDevice> {
    return world.device(await personNamed(name))
  }
  async function announce(by: TestDevice, at: PodHost, to: string) {
    await using link = await by.open(at)
    const { intro, hpkeKey } = await link.lookup(to)
    const notice = noticeFor(intro, world.clock.now())
    await link.submit(await sealNotice(hpkeKey, notice))
    return Buffer.from(notice.key).toString('hex')
  }

  it('shows one record at each, with all of them in it, and a client trusts either', async () => {
    const alice = await person('alice')
    const at = async (host: PodHost, sequence = 0) => {
      const { fingerprint } = host.person.certificate
      return (await alice.open(host, { fingerprint, sequence })).pod
    }
    const shown = await at(other)
    assert.deepEqual([...shown.peers].sort(), [one.keys.self, other.keys.self].sort())
    assert.deepEqual((await at(one, shown.sequence)).peers, shown.peers)
    // A third at the same time as a fourth: none of them is lost.
    const more = await Promise.all(
      states.map(state => world.host({ state, policy: 'open', beside: one }))
    )
    assert.deepEqual(
      (await at(one, shown.sequence)).peers.toSorted(),
      [one, other, ...more].map(({ keys }) => keys.self).sort()
    )
    const { office } = one.pod
    const olga = { kind: 'operator', name: 'olga' } as const
    await office.removeProcess(olga, more[0]!.keys.self)
    for (const peer of [more[0]!.keys.self, one.keys.self, 'nobody'])
      await assert.rejects(office.removeProcess(olga, peer), { code: 'USAGE' })
    assert.equal((await office.audit())[0]!.action, 'process.remove')
    assert.deepEqual(
      (await office.processes()).filter(({ isThis }) => isThis),
      [{ peer: one.keys.self, isThis: true }]
    )
    await assert.rejects(alice.open(more[0]!), { code: 'POD_CHANGED' })
  })

  it('pushes what one took to a seed at the other', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const link = await bob.enter(other)
    await link.register('bob', bob.person.certificate)
    const box = makeBox()
    await link.listen(box.take, 0)
    const keys = []
    for (let i = 0; i < 20; i++) keys.push(await announce(alice, i % 2 === 0 ? one : other, 'bob'))
    await box.has(20)
    assert.deepEqual(box.keys().sort(), keys.sort())
    assert.equal(box.all.length, 20, 'each of them once')
  })

  it('loses nothing when the process somebody listens at is gone', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const link = await bob.enter(other)
    await link.register('bob', bob.person.certificate)
    const keys = [await announce(alice, one, 'bob')]
    const box = makeBox()
    await link.listen(box.take, 0)
    await box.has(1)
    await world.network.unplug(other.keys.self)
    await link.closed
    keys.push(await announce(alice, one, 'bob'))
    const again = await bob.enter(one)
    await again.listen(box.take, 0)
    keys.push(await announce(alice, one, 'bob'))
    await box.has(3)
    assert.deepEqual(box.keys().sort(), keys.sort())
  })

  it('keeps notices for a device at the other, of an account that is made only now', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const phone = await world.device(bob.person)
    const early = await phone.enter(other)
    const desk = await bob.enter(one)
    await desk.register('bob', bob.person.certificate)
    const deskBox = makeBox()
    await desk.listen(deskBox.take, 0)
    const key = await announce(alice, one, 'bob')
    await deskBox.has(1)
    const box = makeBox()
    await early.listen(box.take, 0)
    await box.has(1)
    assert.deepEqual(box.keys(), [key])
  })

  it('ends the sessions of a dismissed device wherever they are', async () => {
    const bob = await person('bob')
    const phone = await world.device(bob.person)
    const desk = await bob.enter(one)
    await desk.register('bob', bob.person.certificate)
    const there = await phone.enter(other)
    const about = { deviceKey: phone.device.publicKey, pod: 'one.test', nowMs: world.clock.now() }
    await desk.dismiss(await makeDismissal(bob.person, about))
    await there.closed
    await assert.rejects(phone.enter(other), { code: 'DEVICE_REVOKED' })
  })

  it('gives an alias once, and counts what the other gave', async () => {
    const names = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank']
    const devices = await Promise.all(
      names.map(async name => world.device(await personNamed(name, [name, 'wanted'])))
    )
    const taken = await Promise.allSettled(
      devices.map(async (device, i) => {
        const link = await device.enter(i % 2 === 0 ? one : other)
        return await link.register('wanted', device.person.certificate)
      })
    )
    const refused = taken.filter(one => one.status === 'rejected').map(one => one.reason.code)
    assert.deepEqual(refused, Array(5).fill('ALIAS_TAKEN'))
    for (const [i, device] of devices.entries()) {
      const link = await device.enter(i % 2 === 0 ? one : other)
      await link.register(names[i]!, device.person.certificate)
    }
    for (const { pod } of [one, other]) {
      await pod.sweep()
      const { accounts, aliases } = pod.usage()
      assert.deepEqual({ accounts, aliases }, { accounts: 6, aliases: 7 })
    }
  })

  it('lets nobody in while the database is away, says why, and goes on when it is back', async () => {
    const [alice, bob] = [await person('alice'), await person('bob')]
    const link = await bob.enter(one)
    await link.register('bob', bob.person.certificate)
    const box = makeBox()
    await link.listen(box.take, 0)
    const before = await announce(alice, one, 'bob')
    await box.has(1)
    await server.stop('kill')
    const during = [
      bob.enter(other),
      link.register('bob', bob.person.certificate),
      announce(alice, one, 'bob')
    ]
    const refused = await Promise.allSettled(during)
    assert.deepEqual(
      refused.map(one => one.status === 'rejected' && one.reason.code),
      Array(3).fill('POD_UNREACHABLE')
    )
    await server.start()
    const after = await announce(alice, other, 'bob')
    // Whose acknowledgement did not get through comes again.
    await (await bob.enter(one)).listen(box.take, 0)
    await box.has(2)
    assert.deepEqual(box.keys().sort(), [before, after].sort())
  })
})
