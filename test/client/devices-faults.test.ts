import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import { certify } from '../../src/keys/certify.ts'
import { addAlias, makePerson, withFormer } from '../../src/keys/person.ts'
import { subkeyTools } from '../../src/keys/subkeys.ts'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld } from '../support/client-world.ts'
import {
  aliceAndTwoBobs,
  away,
  counted,
  inTime,
  secondDevice,
  told,
  turn,
  until
} from '../support/own-devices.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** What waits for Bob's devices. */
const noticesOf = (world: ClientWorld) => world.pod().accounts.get('bob@one.test')!.notices

/** A letter that was sent and accepted; the other device is told of both, one after the other. @returns its id */
async function sentAndTold(world: ClientWorld, desk: Tester): Promise<string> {
  const before = noticesOf(world).length
  const { id } = await desk.client.send({ to: 'alice@one.test', body: 'from the desk' })
  await inTime(world, 1_000, () => noticesOf(world).length > before)
  await inTime(world, 10_000, async () => (await desk.sent(id)).state === 'accepted')
  await inTime(world, 1_000, () => noticesOf(world).length > before + 1)
  return id
}

/** What the desk opens is released only when the laptop has been told, which hears of it at its next start. */
async function toldThenReleased(
  world: ClientWorld,
  { desk, laptop, id }: { desk: Tester; laptop: Tester; id: string }
): Promise<void> {
  await desk.seen('opened')
  assert.equal(world.dht.tombstones.size, 0)
  world.clock.advance(2_000)
  await desk.seen('released')
  await laptop.restart()
  await until(async () => (await laptop.client.inbox()).some(one => one.id === id))
}

describe('two devices of one person, when things go wrong', () => {
  it('tell each other of a letter that came while the vault was being unlocked', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await away(laptop)
    desk.client.lock()
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'in between' })
    await alice.seen('announced')
    const { state } = desk
    const list = state.list.bind(state)
    const { promise: open, resolve } = Promise.withResolvers<void>()
    state.list = async (table, range) => {
      if (table === 'devices') await open
      return list(table, range)
    }
    const unlocked = desk.client.unlock(desk.person)
    desk.client.wake()
    for (let i = 0; i < 300; i++) await turn()
    resolve()
    await unlocked
    state.list = list
    await toldThenReleased(world, { desk, laptop, id })
  })

  it('find each other again after months in which neither said anything', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await Promise.all([desk, laptop].map(away))
    world.clock.advance(101 * dayMs)
    await desk.restart()
    await laptop.restart()
    await Promise.all(
      [desk, laptop].map(one => inTime(world, 1_000, () => counted(one, 'fetched') > 0))
    )
    await away(laptop)
    const { id } = await alice.client.send({ to: 'bob@one.test', body: 'after' })
    await toldThenReleased(world, { desk, laptop, id })
  })

  it('keep a revocation of a contact, whoever speaks last', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await desk.client.lookup('alice@one.test')
    await told(world, laptop)
    await until(async () => (await laptop.client.contacts()).length === 1)
    await away(laptop)
    await alice.client.revokeKey({ reason: 'compromised' })
    const isRevoked = async ({ client }: typeof desk) =>
      (await client.contacts())[0]?.revocation !== null
    await desk.client.lookup('alice@one.test')
    assert.equal(await isRevoked(desk), true)
    world.clock.advance(60_000)
    await away(desk)
    await laptop.restart()
    await laptop.client.verify('alice@one.test')
    await desk.restart()
    await inTime(world, 2_000, () => counted(desk, 'mirrored') > 0)
    await inTime(world, 2_000, () => isRevoked(laptop))
    assert.equal(await isRevoked(desk), true)
  })

  it('show a letter that the other has sent, whichever word of it comes first', async () => {
    await using world = await ClientWorld.make()
    const { desk, laptop } = await aliceAndTwoBobs(world)
    await away(laptop)
    const before = noticesOf(world).length
    const id = await sentAndTold(world, desk)
    const first = toHex(noticesOf(world)[before]!.key)
    const get = world.dht.get.bind(world.dht)
    world.dht.get = async (key, options) => {
      if (toHex(key) === first && counted(laptop, 'mirrored') === 0)
        throw new MuttrError('BLOB_UNKNOWN', 'not yet')
      return get(key, options)
    }
    await laptop.restart()
    await inTime(world, 10_000, async () => {
      const [letter] = await laptop.client.sent()
      return letter?.id === id && letter.state === 'accepted'
    })
  })

  it('leave a sent letter deleted, although its first word comes after that', async () => {
    await using world = await ClientWorld.make()
    const { desk, laptop } = await aliceAndTwoBobs(world)
    await away(laptop)
    const before = noticesOf(world).length
    const id = await sentAndTold(world, desk)
    await desk.client.deleteSent(id)
    const said = noticesOf(world).length
    await inTime(world, 1_000, () => noticesOf(world).length > said)
    const [deleted, late] = [toHex(noticesOf(world)[said]!.key), new Set<string>()]
    const get = world.dht.get.bind(world.dht)
    world.dht.get = async (key, options) => {
      if (toHex(key) !== deleted && counted(laptop, 'mirrored') === 0)
        throw new MuttrError('BLOB_UNKNOWN', 'not yet')
      const found = await get(key, options)
      late.add(toHex(key))
      return found
    }
    await laptop.restart()
    await inTime(world, 10_000, () =>
      noticesOf(world)
        .slice(before)
        .every(({ key }) => late.has(toHex(key)))
    )
    await inTime(world, 10_000, () => counted(laptop, 'mirrored') >= 3)
    assert.deepEqual(await laptop.client.sent(), [])
    await laptop.restart()
    assert.deepEqual(await laptop.client.sent(), [])
    const words = async () => (await laptop.state.list('sync-last')).length
    assert.notEqual(await words(), 0)
    await away(desk)
    world.clock.advance(101 * dayMs)
    await inTime(world, hourMs, async () => (await words()) === 0)
  })

  it('ask once about a changed key, also when the other looked it up before it had heard', async () => {
    await using world = await ClientWorld.make()
    const { desk, laptop } = await aliceAndTwoBobs(world)
    const alias = 'alice@one.test'
    await desk.client.lookup(alias)
    await desk.client.verify(alias)
    await told(world, laptop)
    await until(async () => (await laptop.client.contacts())[0]?.verified === true)
    const account = world.pod().accounts.get(alias)!
    const other = await makePerson({ name: 'alice', nowMs: world.clock.now() })
    const named = await addAlias(other, alias, world.clock.now())
    const about = { alias, nowMs: world.clock.now(), lifeMs: 90 * dayMs }
    const { certificate } = named
    account.certificate = await certify(world.pod().person, { certificate, ...about })
    await away(laptop)
    await assert.rejects(desk.client.lookup(alias), { code: 'KEY_CHANGED' })
    assert.notEqual((await desk.client.contacts())[0]!.changedTo, null)
    await desk.client.acceptKey(alias)
    world.clock.advance(60_000)
    // The laptop asks, and has heard nothing yet.
    world.dht.getFails = 'BLOB_UNKNOWN'
    await laptop.restart()
    await assert.rejects(laptop.client.lookup(alias), { code: 'KEY_CHANGED' })
    const before = counted(desk, 'mirrored')
    world.clock.advance(2_000)
    await laptop.seen('listening')
    world.dht.getFails = null
    await inTime(world, 10_000, () => counted(desk, 'mirrored') > before)
    const isAnswered = async ({ client }: typeof desk) => {
      const [alice] = await client.contacts()
      return alice?.fingerprint === certificate.fingerprint && alice.changedTo === null
    }
    await inTime(world, 10_000, () => isAnswered(laptop))
    assert.equal(await isAnswered(desk), true)
    assert.equal((await desk.client.contacts())[0]!.verified, false)
  })

  it('finish what was begun when one is taken off the list and the other is killed', async () => {
    await using world = await ClientWorld.make()
    const { desk } = await aliceAndTwoBobs(world)
    const other = (await desk.client.devices()).find(({ own }) => !own)!
    const before = (await desk.client.subkeys())[0]!.fingerprint
    const { state } = desk
    const write = state.write.bind(state)
    const killed = Promise.withResolvers<void>()
    state.write = async changes => {
      const done = await write(changes)
      if (changes.some(({ type, ...at }) => 'table' in at && at.table === 'sync-dismissals')) {
        desk.kill()
        killed.resolve()
      }
      return done
    }
    void desk.client.revokeDevice(other.key)
    await killed.promise
    state.write = write
    await desk.revive()
    await inTime(world, hourMs, async () => {
      const [newest] = await desk.client.subkeys()
      return newest!.fingerprint !== before && world.pod().dismissed.has(other.key)
    })
    const listed = (await desk.client.devices()).find(({ key }) => key === other.key)!
    assert.notEqual(listed.revokedMs, null)
  })

  it('are not held up by an alias whose pod one of them cannot reach', async () => {
    await using world = await ClientWorld.make(['one.test', 'two.test'])
    const { desk, laptop } = await aliceAndTwoBobs(world)
    const two = world.pod('two.test')
    world.pods.delete('two.test')
    await laptop.restart()
    world.pods.set('two.test', two)
    await desk.client.register('bob@two.test')
    await told(world, laptop)
    await desk.client.renameDevice('desk')
    await told(world, laptop)
    assert((await laptop.client.devices()).some(({ name }) => name === 'desk'))
    await laptop.restart()
    await inTime(world, hourMs, () =>
      laptop.events.some(event => event.type === 'registered' && event.alias === 'bob@two.test')
    )
  })

  it('keep little of what nobody can open, and not for long', async () => {
    await using world = await ClientWorld.make()
    const desk = await world.join('bob')
    await secondDevice(world, desk)
    const expiryMs = Math.ceil((world.clock.now() + 80 * dayMs) / hourMs) * hourMs
    for (let i = 0; i < 300; i++) {
      const key = new Uint8Array(32).fill(i % 250)
      key[0] = i >> 8
      const slip = new Uint8Array(1_024).fill(i)
      await world.pod().deliver('bob@one.test', { key, sizeBytes: 4_096, expiryMs, slip })
    }
    const waiting = async () => (await desk.client.status()).inbox.waiting
    await inTime(world, 60_000, async () => (await waiting()) <= 256)
    await inTime(world, hourMs, async () => (await waiting()) === 0)
    assert.equal(expiryMs > world.clock.now() + 30 * dayMs, true)
  })

  it('lose no former key when they take over a subkey', async () => {
    const nowMs = Date.UTC(2026, 0, 1)
    const old = await makePerson({ name: 'bob', nowMs: nowMs - dayMs })
    const person = withFormer(await makePerson({ name: 'bob', nowMs: nowMs - hourMs }), [old])
    const other = await subkeyTools.addSubkey(person, nowMs)
    const adopted = await subkeyTools.adoptSubkeys(person, other)
    assert.deepEqual(adopted.former, [old])
    assert.equal(adopted.certificate.subkeys.length, 2)
  })
})
