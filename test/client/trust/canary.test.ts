import assert from 'node:assert/strict'
import { certify } from '../../../src/keys/certify.ts'
import { addAlias } from '../../../src/keys/person.ts'
import { addSubkey } from '../../../src/keys/subkeys.ts'
import { decode } from '../../../src/wire/cbor-bytes.ts'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld, person } from '../../support/client-world.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const alias = 'alice@one.test'

describe('the canary', () => {
  let world: ClientWorld
  let alice: Tester
  beforeEach(async () => {
    world = await ClientWorld.make()
    alice = await world.join('alice', { canaryEveryMs: dayMs })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** Somebody's certificate under the alias, as this pod certifies it. */
  async function certified(of: Awaited<ReturnType<typeof person>>) {
    const pod = world.pod()
    const nowMs = world.clock.now()
    const { certificate } = await addAlias(of, alias, nowMs)
    return certify(pod.person, { certificate, alias, nowMs, lifeMs: 90 * dayMs })
  }

  /** Lets hours pass, one by one, until the pod was asked once more, what that led to is done, and a probe is back. */
  async function nextLook(): Promise<void> {
    const row = async (): Promise<[number, unknown]> => {
      const found = await alice.state.get('canary', alias)
      return found
        ? ((decode(found) as [number, number, unknown]).slice(1) as [number, unknown])
        : [0, null]
    }
    const [beforeMs] = await row()
    while (world.clock.now() < beforeMs) await hours(1)
    await hours(1)
    for (;;) {
      const [nextMs, probe] = await row()
      if (nextMs > beforeMs && (probe === null || world.pod().isFull)) break
      await new Promise(done => setImmediate(done))
    }
    await hours(0)
  }

  async function hours(count: number): Promise<void> {
    world.clock.advance(count * hourMs)
    for (let turns = 0; turns < 50; turns++) await new Promise(done => setImmediate(done))
  }

  const alarms = () => alice.client.alarms()

  it('asks about daily as somebody who is not known, and says nothing when all is well', async () => {
    await nextLook()
    const first = world.pod().looked
    assert(first > 0)
    await hours(12)
    assert.equal(world.pod().looked, first)
    await nextLook()
    await hours(2)
    assert.deepEqual(await alarms(), [])
    assert(!alice.events.some(({ type }) => type === 'alarm'))
    assert.deepEqual(await alice.client.inbox(), [])
    assert.deepEqual(await alice.client.requests(), [])
  })

  it('rings when strangers are shown another key, until that is answered', async () => {
    await nextLook()
    const eve = await certified(await person('eve'))
    world.pod().lies.set(alias, eve)
    await nextLook()
    const rung = await alice.seen('alarm')
    assert.deepEqual(rung, { type: 'alarm', alias, what: 'key', shown: eve.fingerprint })
    const [alarm, ...more] = await alarms()
    assert.equal(more.length, 0)
    assert(alarm?.standing && alarm.detail.includes(eve.fingerprint))
    assert.deepEqual((await alice.client.status()).alarms, [alarm])
    const check = (await alice.client.doctor()).find(({ name }) => name.startsWith('alarm'))
    assert.equal(check?.ok, false)

    await alice.restart()
    assert.equal((await alarms()).length, 1)
    world.pod().lies.clear()
    await nextLook()
    assert.equal((await alarms())[0]?.standing, false)
    assert.equal((await alice.client.answerAlarms(alias)).length, 1)
    assert.deepEqual(await alarms(), [])
  })

  it('rings again for another lie, and not for one that was answered', async () => {
    await nextLook()
    world.pod().lies.set(alias, await certified(await person('eve')))
    await nextLook()
    await alice.client.answerAlarms(alias)
    await nextLook()
    assert.deepEqual(await alarms(), [])
    world.pod().lies.set(alias, await certified(await person('mallory')))
    await nextLook()
    assert.equal((await alarms())[0]?.what, 'key')
  })

  it('rings when the alias is denied, and when the answer is of another pod key', async () => {
    await nextLook()
    world.pod().lies.set(alias, null)
    await nextLook()
    assert.deepEqual(
      (await alarms()).map(({ what }) => what),
      ['alias-gone']
    )
    world.pod().person = await person('other pod')
    await nextLook()
    assert((await alarms()).some(({ what }) => what === 'pod-key'))
  })

  it('rings when an old certificate is shown, and when a subkey that we did not make', async () => {
    const old = world.pod().accounts.get(alias)!.certificate
    const stolen = alice.person
    await nextLook()
    await alice.client.rotateSubkey()
    world.pod().lies.set(alias, old)
    await nextLook()
    assert.equal((await alarms())[0]?.what, 'old-subkey')
    await alice.client.answerAlarms(alias)

    const theirs = await addSubkey(stolen, world.clock.now())
    world.pod().lies.set(alias, await certified(theirs))
    await nextLook()
    const [alarm] = await alarms()
    assert.equal(alarm?.what, 'foreign-subkey')
    assert.equal(alarm.shown, theirs.certificate.subkeys[0]?.fingerprint)
  })

  it('rings when notices to the address that it gives out do not arrive', async () => {
    world.pod().isFull = true
    await nextLook()
    assert(world.pod().submitted > 0)
    await hours(2)
    assert.deepEqual(
      (await alarms()).map(({ what, standing }) => [what, standing]),
      [['mailbox', true]]
    )
    world.pod().isFull = false
    await nextLook()
    assert.deepEqual(
      (await alarms()).map(({ what, standing }) => [what, standing]),
      [['mailbox', false]]
    )
  })

  it('knows its own probe again when the pod hands it over twice, and after a restart', async () => {
    await nextLook()
    await alice.restart()
    await alice.seen('listening')
    await world.pod().replay(alias)
    while ((await alice.client.status()).inbox.waiting > 0)
      await new Promise(done => setImmediate(done))
    await hours(2)
    assert.deepEqual(await alarms(), [])
    assert.deepEqual(await alice.client.requests(), [])
  })

  it('does not ring while the pod is away, nor for our own new subkey', async () => {
    await nextLook()
    world.pod().down()
    await hours(72)
    assert.deepEqual(await alarms(), [])
    await alice.client.rotateSubkey()
    await hours(2)
    world.pod().up()
    await nextLook()
    await hours(3)
    assert.deepEqual(await alarms(), [])
    await alice.client.rotateSubkey()
    await nextLook()
    await hours(3)
    assert.deepEqual(await alarms(), [])
  })

  it('goes on looking while the vault is locked', async () => {
    await alice.restart({ locked: true })
    world.pod().lies.set(alias, await certified(await person('eve')))
    await nextLook()
    assert.equal((await alarms())[0]?.what, 'key')
  })
})
