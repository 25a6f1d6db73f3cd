import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { openPgp } from '../../src/keys/crypto.ts'
import type { Blob } from '../../src/wire/blob.ts'
import type { SyncEventOf } from '../../src/wire/sync.ts'
import { decodeSyncEntry } from '../../src/wire/sync.ts'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld } from '../support/client-world.ts'
import { dyingState } from '../support/dying-state.ts'
import {
  aliceAndTwoBobs,
  away,
  copyOf,
  counted,
  inTime,
  secondDevice,
  turn
} from '../support/own-devices.ts'

const hourMs = 3_600_000
/** What is decided takes real time, in which not much else must pass. */
const stepMs = 10_000
const bob = 'bob@one.test'
const pin = ({ person }: Tester) => person.certificate.pin

/** Whether all have one new key, and the pod has it too, and shows that the one before is revoked. */
async function isDone(world: ClientWorld, devices: readonly Tester[], before: string) {
  const { certificate, former } = world.pod().accounts.get(bob)!
  if (former.get(before)?.certificate.revoked !== true) return false
  if (!devices.every(one => pin(one) === certificate.pin)) return false
  const all = await Promise.all(devices.map(({ client }) => client.succession()))
  return all.every(one => one?.eraseMs !== null)
}

const done = (world: ClientWorld, devices: readonly Tester[], before: string): Promise<void> =>
  inTime(world, stepMs, () => isDone(world, devices, before))

async function reach(world: ClientWorld, alice: Tester, devices: readonly Tester[], body: string) {
  const { id } = await alice.client.send({ to: bob, body })
  for (const { client } of devices) {
    await inTime(world, 1_000, async () => (await client.inbox()).some(one => one.id === id))
    assert.equal((await client.read(id)).body, body)
  }
}

describe('a new key of somebody with several devices', () => {
  it('is the key of all of them, before any pod is told', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await reach(world, alice, [desk, laptop], 'to the old key')
    const before = desk.person.certificate
    world.dht.putFails = 'QUORUM_MISSED'
    const begun = await desk.client.succeedKey()
    assert.deepEqual([begun.from, begun.devicesTold], [before.fingerprint, false])
    world.clock.advance(60_000)
    for (let i = 0; i < 300; i++) await turn()
    assert.equal(world.pod().accounts.get(bob)!.certificate.pin, before.pin)
    assert.equal(pin(desk), before.pin)
    await assert.rejects(desk.client.succeedKey(), { code: 'SUCCESSION_INVALID' })
    world.dht.putFails = null
    await done(world, [desk, laptop], before.fingerprint)
    assert.equal(desk.person.certificate.fingerprint, begun.to)
    assert.equal((await laptop.client.succession())?.devicesTold, true)
    await alice.client.lookup(bob)
    await reach(world, alice, [desk, laptop], 'to the new key')
    for (const one of [desk, laptop]) {
      await one.restart()
      assert.equal((await one.client.inbox()).length, 2)
      assert.equal((await one.client.devices()).length, 2)
      assert.deepEqual(await one.client.alarms(), [])
    }
    const { id } = await laptop.client.send({ to: 'alice@one.test', body: 'from the laptop' })
    await alice.seen('opened', ({ letter }) => letter === id)
    await inTime(world, 1_000, async () => (await desk.client.sent()).some(one => one.id === id))
  })

  it('reaches one that was away, and what came meanwhile, also when its vault is locked', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await reach(world, alice, [desk, laptop], 'to the old key')
    const before = desk.person
    await away(laptop)
    await desk.client.succeedKey()
    await done(world, [desk], before.certificate.fingerprint)
    await alice.client.lookup(bob)
    await reach(world, alice, [desk], 'while it was away')
    world.clock.advance(80 * 24 * hourMs)
    for (let i = 0; i < 300; i++) await turn()
    await laptop.restart({ locked: true })
    await laptop.seen('listening')
    assert.equal(pin(laptop), before.certificate.pin)
    await laptop.client.unlock(before)
    await done(world, [desk, laptop], before.certificate.fingerprint)
    await inTime(world, 60_000, async () => (await laptop.client.inbox()).length === 2)
    await reach(world, alice, [desk, laptop], 'to both')
  })

  it('reaches one that was away for two of them', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    await away(laptop)
    for (let i = 0; i < 2; i++) {
      const before = desk.person.certificate.fingerprint
      await desk.client.succeedKey()
      await done(world, [desk], before)
    }
    await alice.client.lookup(bob)
    await laptop.restart()
    await inTime(world, 60_000, () => pin(laptop) === pin(desk))
    assert.equal(laptop.person.former.length, 2)
    await reach(world, alice, [desk, laptop], 'to the third')
  })

  it('is taken to the pods by another device when the first one dies', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    const before = desk.person.certificate.fingerprint
    desk.at = ({ type }) => type === 'succeeded' && desk.kill()
    void desk.client.succeedKey()
    await done(world, [laptop], before)
    await alice.client.lookup(bob)
    await reach(world, alice, [laptop], 'to the one that is left')
    desk.at = () => undefined
    await desk.revive()
    await done(world, [desk, laptop], before)
    await reach(world, alice, [desk, laptop], 'to both')
  })

  it('is not for a device that was taken off the list', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    const phone = await secondDevice(world, desk)
    const old = desk.person
    const keyOf = async ({ client }: Tester) => (await client.devices()).find(({ own }) => own)!.key
    const [phoneKey, laptopKey] = [await keyOf(phone), await keyOf(laptop)]
    await away(phone)
    const stored = allStored(world)
    await desk.client.revokeDevice(phoneKey)
    await desk.client.succeedKey()
    await done(world, [desk, laptop], old.certificate.fingerprint)
    await phone.restart()
    await alice.client.lookup(bob)
    await reach(world, alice, [desk, laptop], 'not for the phone')
    assert.deepEqual([pin(phone), counted(phone, 'opened')], [old.certificate.pin, 0])
    assert.deepEqual(await handedOn(stored, desk, world.clock.now()), [laptopKey])
    assert.equal((await phone.client.status()).pods[0]?.problem?.code, 'IDENTIFY_REFUSED')
  })

  it('is not given to who makes a device of the old one', async () => {
    await using world = await ClientWorld.make()
    const { desk, laptop } = await aliceAndTwoBobs(world)
    const [old, stolen] = [desk.person, await copyOf(desk.state)]
    await desk.client.succeedKey()
    await done(world, [desk, laptop], old.certificate.fingerprint)
    const [before, heard] = [world.pod().submitted, counted(desk, 'fetched')]
    await world.rejoin(old, stolen)
    await inTime(world, 1_000, () => world.pod().submitted > before)
    await inTime(world, 1_000, () => counted(desk, 'fetched') > heard)
    for (let i = 0; i < 100; i++) await turn()
    assert.equal((await desk.client.devices()).length, 2)
    assert.equal((await laptop.client.devices()).length, 2)
  })

  it('is one, also when two devices take one each', async () => {
    await using world = await ClientWorld.make()
    const { alice, desk, laptop } = await aliceAndTwoBobs(world)
    const before = desk.person.certificate.fingerprint
    await Promise.allSettled([desk.client.succeedKey(), laptop.client.succeedKey()])
    await done(world, [desk, laptop], before)
    assert.equal(world.pod().accounts.get(bob)!.former.size, 1)
    await alice.client.lookup(bob)
    await reach(world, alice, [desk, laptop], 'to the one')
    for (const { client } of [desk, laptop]) assert.deepEqual(await client.alarms(), [])
  })

  it('is refused where another device has taken one that is not here yet', async () => {
    await using world = await ClientWorld.make()
    const { desk, laptop } = await aliceAndTwoBobs(world)
    const before = desk.person.certificate.fingerprint
    world.dht.getFails = 'BLOB_UNKNOWN'
    await desk.client.succeedKey()
    await desk.seen('handed-over')
    const failed = await laptop.client.succeedKey().catch(err => codeOf(err))
    assert.equal(failed, 'SUCCESSION_INVALID')
    world.dht.getFails = null
    await done(world, [desk, laptop], before)
  })
})

/** All that is stored from now on, also when it is taken back. By key. */
function allStored({ dht }: ClientWorld): ReadonlyMap<string, Blob> {
  const all = new Map<string, Blob>()
  const put = dht.put.bind(dht)
  dht.put = async (blob, options) => {
    all.set(toHex(blob.key), blob)
    return put(blob, options)
  }
  return all
}

/** Keys, hex, of the devices that were given a new key, by what anybody with the old one can read. */
async function handedOn(
  blobs: ReadonlyMap<string, Blob>,
  { person }: Tester,
  nowMs: number
): Promise<string[]> {
  const [reader] = person.former
  const found: SyncEventOf<'succeeded'>[] = []
  for (const { sealed } of blobs.values())
    try {
      const opened = await openPgp.open(sealed, { reader: reader!, nowMs })
      for (const event of decodeSyncEntry(opened.plaintext).events)
        if (event.type === 'succeeded') found.push(event)
    } catch {}
  return found.flatMap(({ sealed }) => sealed.map(({ deviceKey }) => toHex(deviceKey)))
}

describe('a new key of somebody with several devices, cut off', () => {
  for (const dying of ['the one that takes it', 'the one that is told'] as const)
    it(`at each write of ${dying} is the key of both in the end, and no letter is lost`, async () => {
      let begun = 0
      for (let writes = 0, isOver = false; !isOver; writes++) {
        await using world = await ClientWorld.make()
        const alice = await world.join('alice')
        const disk = dyingState()
        const isFirst = dying === 'the one that takes it'
        const desk = await world.join('bob', isFirst ? { state: disk.state } : {})
        const laptop = await secondDevice(world, desk, isFirst ? {} : { state: disk.state })
        const both = [desk, laptop]
        const before = desk.person.certificate.fingerprint
        const mortal = isFirst ? desk : laptop
        let isKilled = false
        disk.killAfter(writes, () => {
          isKilled = true
          mortal.kill()
        })
        const under = desk.client.succeedKey().catch(() => undefined)
        const killed = disk.killed.then(() => true)
        await inTime(
          world,
          stepMs,
          () => isKilled || Promise.race([isDone(world, both, before), killed])
        )
        // What was not written down at all was never begun: other writes may come before that.
        const isBegun = !isFirst || disk.hasWritten('succession')
        disk.killAfter(Number.POSITIVE_INFINITY, () => undefined)
        isOver = !isKilled
        if (isKilled) await mortal.revive()
        if (isBegun) await done(world, both, before)
        else assert.equal(pin(desk), pin(laptop))
        assert.equal(desk.person.certificate.fingerprint !== before, isBegun)
        if (isOver) await under
        await alice.client.lookup(bob)
        await reach(world, alice, [desk, laptop], `after ${writes}`)
        if (isBegun) begun++
        if (isOver) assert(begun > 8, `${begun}`)
      }
    }).timeout(600_000)
})
