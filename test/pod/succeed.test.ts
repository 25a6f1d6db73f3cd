import assert from 'node:assert/strict'
import { makeDismissal } from '../../src/keys/device.ts'
import type { Person } from '../../src/keys/person.ts'
import { revocationOf, revoke } from '../../src/keys/revoke.ts'
import { makeSuccession, verifySuccession } from '../../src/keys/succession.ts'
import { tables } from '../../src/pod/rows.ts'
import type { PodHost, PodWorld } from '../support/pod-world.ts'
import {
  dayMs,
  makeBox,
  noticeFor,
  personNamed,
  podWorld,
  sealNotice
} from '../support/pod-world.ts'

const aliases = ['alice', 'ally']

describe('a pod where a key succeeds another', () => {
  let world: PodWorld
  let host: PodHost
  let old: Person
  let next: Person
  beforeEach(async () => {
    world = podWorld()
    host = await world.host()
    old = await personNamed('alice', aliases)
    next = await personNamed('alice again', aliases)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const said = (from: Person, to: Person, pod = 'one.test') =>
    makeSuccession({ old: from, next: to }, { pod, nowMs: world.clock.now() })

  async function registered() {
    const device = await world.device(old)
    const link = await device.enter(host)
    for (const alias of aliases) await link.register(alias, old.certificate)
    return { device, link }
  }

  it('gives it the whole account: aliases, letters that wait, cursor and intro addresses', async () => {
    const { device, link } = await registered()
    const box = makeBox()
    await link.listen(box.take, 0)
    const stranger = await (await world.device(await personNamed('bob'))).open(host)
    const { intro } = await stranger.lookup('alice')
    const send = async () => {
      const notice = noticeFor(intro, world.clock.now())
      await stranger.submit(await sealNotice(host.hpkeKey, notice))
    }
    await send()
    await box.has(1)
    const taken = host.pod.usage()

    const after = device.as(next)
    const again = await after.enter(host)
    const done = await again.succeed(next.certificate, await said(old, next))
    assert.deepEqual(done.aliases.sort(), ['alice@one.test', 'ally@one.test'])
    await link.closed
    assert.deepEqual(
      { ...host.pod.usage(), sessions: 0, notices: 0, bytes: 0 },
      { ...taken, sessions: 0, notices: 0, bytes: 0 }
    )
    await send()
    const second = makeBox()
    await again.listen(second.take, 0)
    await second.has(1)
    assert(!second.keys().some(key => box.keys().includes(key)))
    const shown = await stranger.lookup('ally')
    assert.equal(shown.certificate.pin, next.certificate.pin)
    await host.restart()
    const late = await after.enter(host)
    await assert.rejects(device.enter(host), { code: 'IDENTIFY_REFUSED' })
    assert.deepEqual(
      (await late.register('alice', next.certificate)).certificate.pin,
      next.certificate.pin
    )
  })

  it('gives it what the old key has let go, too, which nobody else gets', async () => {
    const { device, link } = await registered()
    await link.unregister('ally')
    const again = await device.as(next).enter(host)
    await again.succeed(next.certificate, await said(old, next))
    const bob = await personNamed('bob', ['bob', 'ally'])
    const his = await (await world.device(bob)).enter(host)
    await assert.rejects(his.register('ally', bob.certificate), { code: 'ALIAS_QUARANTINED' })
    const { certificate } = await again.register('ally', next.certificate)
    assert.equal(certificate.pin, next.certificate.pin)
  })

  it('shows what both keys signed to whoever knows the old one', async () => {
    const { device } = await registered()
    const link = await device.as(next).enter(host)
    const frame = await said(old, next)
    await link.succeed(next.certificate, frame)
    const stranger = await (await world.device(await personNamed('bob'))).open(host)
    const { fingerprint } = old.certificate
    const found = await stranger.successor('alice', fingerprint)
    assert.equal(found?.certificate.pin, old.certificate.pin)
    assert.deepEqual(Buffer.from(found.succession), Buffer.from(frame))
    const nowMs = world.clock.now()
    const shown = { old: found.certificate, next: next.certificate, pod: 'one.test', nowMs }
    assert.equal((await verifySuccession(found.succession, shown)).next.pin, next.certificate.pin)
    assert.equal(await stranger.successor('alice', next.certificate.fingerprint), null)
    await assert.rejects(stranger.successor('carol', fingerprint), { code: 'ALIAS_UNKNOWN' })

    // Revoked afterwards: shown with it, and the new key is as it was.
    await stranger.revoke('alice', await revoke(old, 'superseded', nowMs))
    await stranger.revoke('alice', await revoke(old, 'superseded', nowMs))
    const later = await stranger.successor('alice', fingerprint)
    assert(later?.certificate.revoked)
    assert.equal((await revocationOf(later.certificate))?.reason, 'superseded')
    await stranger.revoke('alice', await revoke(old, 'compromised', nowMs))
    const last = await stranger.successor('alice', fingerprint)
    assert.equal((await revocationOf(last!.certificate))?.reason, 'compromised')
    assert.equal((await stranger.lookup('alice')).certificate.revoked, false)
    await device.as(next).enter(host)
  })

  it('says the same again when the answer was lost, and takes no other successor of the same key', async () => {
    const { device } = await registered()
    const frame = await said(old, next)
    const link = await device.as(next).enter(host)
    await link.succeed(next.certificate, frame)
    await host.restart()
    const again = await device.as(next).enter(host)
    const { aliases: names } = await again.succeed(next.certificate, frame)
    assert.equal(names.length, 2)
    const thief = await personNamed('mallory', aliases)
    const his = await (await world.device(thief)).enter(host)
    await assert.rejects(his.succeed(thief.certificate, await said(old, thief)), {
      code: 'SUCCESSION_INVALID'
    })
    assert.equal((await again.lookup('alice')).certificate.pin, next.certificate.pin)
  })

  it('lets devices listen under the old key that the new one named, and nothing else', async () => {
    const { device, link } = await registered()
    const [laptop, thief] = [await world.device(old), await world.device(old)]
    const before = await laptop.enter(host)
    const next1 = await device.as(next).enter(host)
    const named = [laptop.device.publicKey]
    await next1.succeed(next.certificate, await said(old, next), named)
    await Promise.all([link.closed, before.closed])
    await assert.rejects(thief.enter(host), { code: 'IDENTIFY_REFUSED' })
    await assert.rejects(device.enter(host), { code: 'IDENTIFY_REFUSED' })
    const behind = await laptop.enter(host)
    const box = makeBox()
    await behind.listen(box.take, 0)
    const { intro } = await next1.lookup('alice')
    await next1.submit(await sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now())))
    await box.has(1)
    const refused = { code: 'IDENTIFY_REFUSED' }
    await assert.rejects(behind.register('alice', old.certificate), refused)
    await assert.rejects(behind.unregister('alice'), refused)
    await assert.rejects(behind.dismiss(Uint8Array.of(1)), refused)
    await assert.rejects(behind.succeed(old.certificate, await said(next, old)), refused)

    // Taken off the list, it does not listen either; and in time nobody does.
    const nowMs = world.clock.now()
    const { publicKey: deviceKey } = laptop.device
    await next1.dismiss(await makeDismissal(next, { deviceKey, pod: 'one.test', nowMs }))
    await behind.closed
    await assert.rejects(laptop.enter(host), { code: 'DEVICE_REVOKED' })
    await next1.succeed(next.certificate, await said(old, next), [thief.device.publicKey])
    await thief.enter(host)
    world.clock.advance(101 * dayMs)
    await assert.rejects((await world.device(old)).enter(host), refused)
    await host.pod.sweep()
    assert.deepEqual(await host.state.list(tables.behind), [])
  })

  it('lets no old statement bring the old key back', async () => {
    const { device } = await registered()
    await (await device.as(next).enter(host)).succeed(next.certificate, await said(old, next))
    const third = await personNamed('alice for good', aliases)
    const link = await device.as(third).enter(host)
    await link.succeed(third.certificate, await said(next, third))
    await assert.rejects(device.as(next).enter(host), { code: 'IDENTIFY_REFUSED' })
    await assert.rejects(device.enter(host), { code: 'IDENTIFY_REFUSED' })
    await assert.rejects(link.succeed(third.certificate, await said(old, third)), {
      code: 'SUCCESSION_INVALID'
    })
    // Not even when its owner says so: a key that was left stays left.
    const back = await (await world.device(await personNamed('bob', aliases))).enter(host)
    await assert.rejects(back.succeed(old.certificate, await said(third, old)), {
      code: 'KEY_INVALID'
    })
    assert.equal((await link.lookup('alice')).certificate.pin, third.certificate.pin)
  })

  it('refuses what is forged, swapped, for another pod, of another account, or huge', async () => {
    await registered()
    const mallory = await personNamed('mallory', aliases)
    const his = await (await world.device(mallory)).enter(host)
    const nowMs = world.clock.now()
    const refused = (frame: Uint8Array, code = 'SUCCESSION_INVALID', of = mallory) =>
      assert.rejects(his.succeed(of.certificate, frame), { code })
    // Signed by another than the key that it names.
    const forged = await said(await personNamed('eve', aliases), mallory)
    await refused(forged)
    const swapped = await said(mallory, old)
    await refused(swapped)
    await refused(await said(old, mallory, 'two.test'))
    await refused(await said(old, next))
    await refused(await said(old, next), 'KEY_INVALID', next)
    const flipped = await said(old, mallory)
    flipped[40]! ^= 1
    await refused(flipped)
    await refused(new Uint8Array(0), 'WIRE_MALFORMED')
    await refused(new Uint8Array(6 * 1024), 'WIRE_MALFORMED')
    await refused(new Uint8Array(80 * 1024), 'WIRE_TOO_LARGE')
    await refused(Buffer.concat([flipped, new Uint8Array(1)]))
    const ofTomorrow = await makeSuccession(
      { old, next: mallory },
      { pod: 'one.test', nowMs: nowMs + dayMs }
    )
    await refused(ofTomorrow, 'CLOCK_WRONG')
    const nameless = await personNamed('mallory', [])
    const without = await (await world.device(nameless)).enter(host)
    await assert.rejects(without.succeed(nameless.certificate, await said(old, nameless)), {
      code: 'KEY_INVALID'
    })
    const stranger = await (await world.device(mallory)).open(host)
    await assert.rejects(stranger.succeed(mallory.certificate, await said(old, mallory)), {
      code: 'IDENTIFY_FIRST'
    })
    assert.equal((await his.lookup('alice')).certificate.pin, old.certificate.pin)
    assert.deepEqual(await host.state.list(tables.holders), [])
  })

  it('gives nothing of a revoked key away, nor to a key that has an account of its own', async () => {
    await registered()
    const bob = await personNamed('bob', [...aliases, 'bob'])
    const his = await (await world.device(bob)).enter(host)
    await his.register('bob', bob.certificate)
    await assert.rejects(his.succeed(bob.certificate, await said(old, bob)), {
      code: 'SUCCESSION_INVALID'
    })
    const link = await (await world.device(next)).enter(host)
    await link.revoke('alice', await revoke(old, 'compromised', world.clock.now()))
    await assert.rejects(link.succeed(next.certificate, await said(old, next)), {
      code: 'SUCCESSION_INVALID'
    })
  })

  it('gives one account to one of two that two processes are asked for at once', async () => {
    await registered()
    const other = await personNamed('alice elsewhere', aliases)
    const twin = await world.host({ state: host.state })
    const [one, two] = [
      await (await world.device(next)).enter(host),
      await (await world.device(other)).enter(twin)
    ]
    const asked = await Promise.allSettled([
      one.succeed(next.certificate, await said(old, next)),
      two.succeed(other.certificate, await said(old, other))
    ])
    assert.equal(asked.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.equal((await host.state.list(tables.successions)).length, 1)
  })

  it('forgets old keys with the account', async () => {
    const { device } = await registered()
    const link = await device.as(next).enter(host)
    await link.succeed(next.certificate, await said(old, next))
    for (const alias of aliases) await link.unregister(alias)
    world.clock.advance(400 * dayMs)
    await host.pod.sweep()
    for (const table of [tables.holders, tables.successions, tables.accounts])
      assert.deepEqual(await host.state.list(table), [], table)
  })
})
