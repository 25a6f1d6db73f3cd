import assert from 'node:assert/strict'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld } from '../support/client-world.ts'
import {
  aliceAndTwoBobs,
  away,
  copyOf,
  counted,
  inTime,
  secondDevice,
  told,
  turn,
  until
} from '../support/own-devices.ts'

describe('two devices of one person', () => {
  it('both have every letter, although the first to open it frees its holders', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await away(laptop)
    const { id, key } = await alice.client.send({ to: 'bob@one.test', subject: 'Hi', body: 'both' })
    await desk.seen('opened')
    assert.equal(world.dht.tombstones.size, 0)
    world.clock.advance(2_000)
    await desk.seen('released')
    assert.equal((await alice.sent(id)).key, key)
    await laptop.restart()
    await laptop.seen('opened')
    const read = await laptop.client.read(id)
    assert.deepEqual([read.body, read.subject, read.from.alias], ['both', 'Hi', 'alice@one.test'])
    assert.equal((await laptop.client.conversations()).conversations[0]?.letters, 1)
    assert.equal(
      laptop.events.some(({ type }) => type === 'refused'),
      false
    )
  })

  it('do not free a letter before the other can have it, whatever happens', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await away(laptop)
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'held' })
    await desk.seen('opened')
    world.dht.putFails = 'QUORUM_MISSED'
    world.clock.advance(2_000)
    for (let i = 0; i < 200; i++) await turn()
    assert.equal(world.dht.tombstones.size, 0)
    desk.kill()
    await desk.revive()
    world.clock.advance(3_600_000)
    for (let i = 0; i < 200; i++) await turn()
    assert.equal(world.dht.tombstones.size, 0)
    world.dht.putFails = null
    world.clock.advance(3_600_000)
    await desk.seen('released')
    await laptop.restart()
    await laptop.seen('opened')
    assert.equal((await laptop.client.read(id)).body, 'held')
  })

  it('follow each other in what is read, archived, labelled and deleted', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    const first = await alice.client.send({ to: 'bob@one.test', subject: 'one', body: 'one' })
    const second = await alice.client.send({ to: 'bob@one.test', subject: 'two', body: 'two' })
    await Promise.all([desk, laptop].map(one => until(() => counted(one, 'opened') === 2)))
    await told(world, laptop)
    await desk.client.read(first.id)
    await desk.client.changeConversation(second.id, { archived: true, label: { add: ['later'] } })
    const isRead = async () => (await laptop.client.inbox({ unread: true })).length === 1
    world.clock.advance(2_000)
    await until(isRead)
    const archived = await laptop.client.conversations({ archived: true })
    await until(
      async () => (await laptop.client.conversations({ archived: true })).conversations.length === 1
    )
    void archived
    assert.deepEqual((await laptop.client.labels())[0], { label: 'later', conversations: 1 })
    await laptop.client.deleteReceived(first.id)
    world.clock.advance(2_000)
    await until(async () => (await desk.client.inbox()).length === 1)
    await laptop.client.changeConversation(second.id, { read: true })
    world.clock.advance(2_000)
    await until(async () => (await desk.client.inbox({ unread: true })).length === 0)
  })

  it('of two words about one thing keep the later, in whatever order they come', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'one' })
    await Promise.all([desk, laptop].map(one => one.seen('opened')))
    await told(world, laptop)
    await away(laptop)
    await desk.client.changeConversation(id, { label: { add: ['old'] } })
    world.clock.advance(60_000)
    await laptop.restart()
    await laptop.client.changeConversation(id, { label: { add: ['new'] } })
    world.clock.advance(2_000)
    const labels = async (one: Tester) => (await one.client.labels()).map(({ label }) => label)
    await until(async () => (await labels(desk)).join() === 'new')
    await until(() => counted(laptop, 'mirrored') > 0)
    assert.deepEqual(await labels(laptop), ['new'])
  })

  it('show what the other has sent, and what became of it', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    const sent = await desk.client.send({
      to: 'alice@one.test',
      subject: 'S',
      body: 'from the desk'
    })
    await alice.seen('opened')
    world.clock.advance(10_000)
    await until(async () => (await laptop.client.sent())[0]?.id === sent.id)
    const { letters } = await laptop.client.conversation(sent.id)
    assert.equal(letters[0]?.body, 'from the desk')
    await desk.seen('accepted')
    world.clock.advance(2_000)
    await until(async () => (await laptop.client.sent())[0]?.state === 'accepted')
    assert.equal(counted(laptop, 'stored') + counted(laptop, 'announced'), 0)
    assert.equal(world.pod().accounts.get('alice@one.test')!.notices.length, 1)
  })

  it('share contacts, what was compared, and what is done with senders', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await desk.client.lookup('alice@one.test')
    await desk.client.verify('alice@one.test')
    await desk.client.choosePolicy('alice@one.test', 'ask')
    world.clock.advance(2_000)
    await until(async () => (await laptop.client.contacts())[0]?.verified === true)
    await until(async () => (await laptop.client.contacts())[0]?.policy === 'ask')
    assert.equal(
      (await laptop.client.contacts())[0]?.fingerprint,
      alice.person.certificate.fingerprint
    )
  })

  it('ask about a stranger until one of them was answered', async () => {
    await using world = await ClientWorld.make()
    const desk = await world.join('bob', { requests: 'ask' })
    const laptop = await secondDevice(world, desk, { requests: 'ask' })
    const [alice, carol] = [await world.join('alice'), await world.join('carol')]
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'may I?' })
    await carol.client.send({ to: 'bob@one.test', body: 'and I?' })
    const asking = async (one: Tester) => (await one.client.requests()).map(({ alias }) => alias)
    await until(
      async () => (await asking(desk)).length === 2 && (await asking(laptop)).length === 2
    )
    const requests = await desk.client.requests()
    const of = (name: string) => requests.find(({ alias }) => alias === `${name}@one.test`)!.id
    await desk.client.decide(of('alice'), 'once')
    await desk.client.decide(of('carol'), 'block')
    await desk.seen('opened')
    world.clock.advance(2_000)
    await until(async () => (await asking(laptop)).length === 0)
    assert.equal((await laptop.client.read(id)).body, 'may I?')
    assert.equal((await laptop.client.inbox()).length, 1)
  })

  it('share new subkeys before anybody can seal to them', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    const old = world.pod().accounts.get('bob@one.test')!.certificate.subkeys[0]!.fingerprint
    world.dht.putFails = 'QUORUM_MISSED'
    await desk.client.rotateSubkey()
    const shown = () =>
      world.pod().accounts.get('bob@one.test')!.certificate.subkeys[0]!.fingerprint
    assert.equal(shown(), old)
    world.dht.putFails = null
    await away(laptop)
    world.clock.advance(120_000)
    await until(() => shown() !== old)
    await desk.seen('registered')
    await away(desk)
    await alice.client.lookup('bob@one.test')
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'to the new one' })
    await alice.seen('announced')
    await laptop.restart()
    await laptop.seen('mirrored')
    world.clock.advance(2_000)
    await laptop.seen('opened')
    assert.equal((await laptop.client.read(id)).body, 'to the new one')
    assert.equal((await laptop.client.subkeys())[0]?.fingerprint, shown())
  })

  for (const [how, alone] of [
    ['by the one that has it, when it hears of it', 'laptop'],
    ['by another one that was told', 'desk']
  ] as const)
    it(`share a subkey with a device that was not known where it was added, ${how}`, async () => {
      await using world = await ClientWorld.make()
      const { alice, desk, laptop } = await aliceAndTwoBobs(world)
      await away(laptop)
      const phone = await secondDevice(world, desk)
      world.dht.getFails = 'BLOB_UNKNOWN'
      await laptop.restart()
      await laptop.seen('listening')
      const [added] = await laptop.client.rotateSubkey()
      const shown = () => world.pod().accounts.get('bob@one.test')!.certificate.subkeys[0]!
      await until(() => shown().fingerprint === added!.fingerprint)
      assert.equal((await laptop.client.devices()).length, 2)
      await away(alone === 'laptop' ? desk : laptop)
      world.dht.getFails = null
      const has = async () => (await phone.client.subkeys())[0]?.fingerprint === added!.fingerprint
      await inTime(world, 10_000, has)
      await alice.client.lookup('bob@one.test')
      const { id } = await alice.client.send({ to: 'bob@one.test', body: 'to the new one' })
      await inTime(world, 10_000, async () => (await phone.client.inbox()).some(l => l.id === id))
      assert.equal((await phone.client.read(id)).body, 'to the new one')
    })

  it('can be told apart, called otherwise, and taken off the list', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await laptop.client.renameDevice('laptop')
    world.clock.advance(2_000)
    await until(async () => (await desk.client.devices()).some(({ name }) => name === 'laptop'))
    await assert.rejects(desk.client.revokeDevice('phone'), { code: 'DEVICE_UNKNOWN' })
    await assert.rejects(laptop.client.revokeDevice('laptop'), { code: 'USAGE' })
    const devices = await desk.client.revokeDevice('laptop')
    assert.notEqual(devices.find(({ name }) => name === 'laptop')!.revokedMs, null)
    const { key } = devices.find(({ name }) => name === 'laptop')!
    assert(world.pod().dismissed.has(key))
    await alice.client.lookup('bob@one.test')
    await alice.client.send({ to: 'bob@one.test', body: 'not for the laptop' })
    await desk.seen('opened')
    await desk.seen('released')
    assert.equal(counted(laptop, 'opened'), 0)
    const mine = new Set((await laptop.client.subkeys()).map(({ fingerprint }) => fingerprint))
    assert.equal(mine.has((await desk.client.subkeys())[0]!.fingerprint), false)
  })

  it('take what a device told before it was taken off the list', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await away(desk)
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'told in time' })
    await laptop.seen('opened')
    world.clock.advance(2_000)
    await laptop.seen('released')
    await away(laptop)
    await desk.restart()
    const other = (await desk.client.devices()).find(({ own }) => !own)!
    await desk.client.revokeDevice(other.key)
    await until(async () => (await desk.client.inbox()).some(one => one.id === id))
  })

  it('keep what the other lacks, also when the vault is locked while they look after it', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await away(laptop)
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'kept' })
    await desk.seen('opened')
    world.clock.advance(2_000)
    await desk.seen('released')
    const { state } = desk
    const list = state.list.bind(state)
    state.list = async (table, range) => {
      if (table === 'sync-dismissals') desk.client.lock()
      return list(table, range)
    }
    world.clock.advance(3_600_000)
    await until(() => desk.client.locked)
    for (let i = 0; i < 300; i++) await turn()
    state.list = list
    await laptop.restart()
    await until(async () => (await laptop.client.inbox()).some(one => one.id === id))
  })

  it('say again what got lost, to one that was away for three months', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await away(laptop)
    world.pod().isFull = true
    const before = world.pod().accounts.get('bob@one.test')!.notices.length
    await desk.client.lookup('alice@one.test')
    await desk.client.verify('alice@one.test')
    world.clock.advance(2_000)
    await until(() => world.pod().submitted > 0)
    world.pod().isFull = false
    for (let days = 0; days < 88; days++) {
      world.clock.advance(24 * 3_600_000)
      await turn()
    }
    assert.equal(world.pod().accounts.get('bob@one.test')!.notices.length > before, true)
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'one' })
    await desk.seen('opened')
    world.clock.advance(2_000)
    await desk.seen('released')
    await laptop.restart()
    await until(async () => (await laptop.client.inbox()).some(one => one.id === id))
    while ((await laptop.client.contacts())[0]?.verified !== true) {
      world.clock.advance(60_000)
      await turn()
    }
  })

  it('do not wait for what nobody has any more', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    const old = await copyOf(desk.state)
    for (const letters of [1, 2, 3]) {
      await alice.client.send({ to: 'bob@one.test', body: 'one more' })
      await until(() => counted(desk, 'opened') === letters)
      await told(world, laptop)
    }
    const lacking = async () => (await desk.client.devices()).some(({ lacks }) => lacks > 0)
    const kept = async () => (await desk.state.list('sync-out')).length
    assert.equal((await lacking()) && (await kept()) >= 3, true)
    while ((await lacking()) || (await kept()) > 1) {
      world.clock.advance(3_600_000)
      for (let i = 0; i < 50; i++) await turn()
    }
    // It knows the desk's first entries; the desk has none of them left.
    const restored = await world.rejoin(desk.person, old)
    await restored.seen('listening')
    await alice.client.send({ to: 'bob@one.test', body: 'four' })
    await until(() => counted(desk, 'opened') === 4)
    await told(world, restored)
    await restored.client.lookup('alice@one.test')
    await restored.client.verify('alice@one.test')
    world.clock.advance(2_000)
    await until(async () => (await desk.client.contacts())[0]?.verified === true)
    while (await lacking()) {
      world.clock.advance(3_600_000)
      for (let i = 0; i < 50; i++) await turn()
    }
  })

  it('know each other also when one came out of a copy that nobody linked', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const restored = await world.rejoin(bob.person, await copyOf(bob.state))
    await restored.seen('listening')
    world.clock.advance(2_000)
    await bob.seen('mirrored')
    assert.equal((await bob.client.devices()).length, 2)
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'both' })
    await Promise.all([bob.seen('opened'), restored.seen('opened')])
    assert.equal((await restored.client.read(id)).body, 'both')
  })
})
