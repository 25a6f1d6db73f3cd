import assert from 'node:assert/strict'
import { makeMove } from '../../src/keys/move.ts'
import type { Person } from '../../src/keys/person.ts'
import { revoke } from '../../src/keys/revoke.ts'
import { makeSuccession } from '../../src/keys/succession.ts'
import { podTimes } from '../../src/pod/limits.ts'
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

describe('a pod whose people move', () => {
  let world: PodWorld
  let host: PodHost
  let alice: Person
  beforeEach(async () => {
    world = podWorld()
    host = await world.host()
    alice = await personNamed('alice')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  let sequence = 0
  const said = (by = alice, more: { from?: string; to?: string; sequence?: number } = {}) =>
    makeMove(by, {
      ...{ from: 'alice@one.test', to: 'alice@two.test', sequence: ++sequence },
      ...{ nowMs: world.clock.now(), ...more },
      pod: { fingerprint: 'ab'.repeat(20), peer: host.keys.self, addresses: [] }
    })
  const invalid = { code: 'MOVE_INVALID' }

  async function registered() {
    const device = await world.device(alice)
    const link = await device.enter(host)
    await link.register('alice', alice.certificate)
    const stranger = await (await world.device(await personNamed('bob'))).open(host)
    return { device, link, stranger }
  }

  it('tells whoever asks where they went, and hands over what was on its way; the name is free for them alone', async () => {
    const { device, link, stranger } = await registered()
    const { intro } = await stranger.lookup('alice')
    assert.equal(await stranger.moved('alice'), null)
    const frame = await said()
    const signature = await link.move(frame)
    assert.deepEqual(await link.move(frame), signature)
    await assert.rejects(stranger.lookup('alice'), { code: 'ALIAS_MOVED' })
    const told = await stranger.moved('alice')
    assert.deepEqual([told?.certificate.pin, told?.move], [alice.certificate.pin, frame])
    assert.equal(host.pod.usage().aliases, 0)

    await host.restart()
    const again = await device.enter(host)
    const late = await (await world.device(await personNamed('carol'))).open(host)
    const box = makeBox()
    await again.listen(box.take, 0)
    await late.submit(await sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now())))
    await box.has(1)
    const bob = await personNamed('bob', ['bob', 'alice'])
    const his = await (await world.device(bob)).enter(host)
    await assert.rejects(his.register('alice', bob.certificate), { code: 'ALIAS_QUARANTINED' })

    // Back, and away again by a later word; the old one is none any more.
    await again.register('alice', alice.certificate)
    assert.equal(await late.moved('alice'), null)
    assert.equal((await late.lookup('alice')).certificate.pin, alice.certificate.pin)
    await assert.rejects(again.move(frame), invalid)
    const next = await said(alice, { to: 'alice@three.test' })
    await again.move(next)
    const other = await said(alice, { to: 'alice@four.test' })
    await again.move(other)
    await assert.rejects(again.move(next), invalid)
    assert.deepEqual((await late.moved('alice'))?.move, other)
  })

  it('says with it that the key is revoked, of now or of before, and lets nobody back with that key', async () => {
    const { device, link, stranger } = await registered()
    await link.move(await said())
    const nowMs = world.clock.now()
    const shown = async () => (await stranger.moved('alice'))?.certificate.revoked
    const revoked = await revoke(alice, 'superseded', nowMs)
    const ofBob = await revoke(await personNamed('bob'), 'compromised', nowMs)
    await assert.rejects(stranger.revoke('alice', ofBob), { code: 'ALIAS_UNKNOWN' })
    await assert.rejects(stranger.revoke('alice', alice.certificate), { code: 'KEY_INVALID' })
    assert.equal(await shown(), false)
    const next = await personNamed('alice again', ['alice'])
    const after = await device.as(next).enter(host)
    const both = { old: alice, next }
    const succession = await makeSuccession(both, { pod: 'one.test', nowMs })
    await after.succeed(next.certificate, succession)
    await stranger.revoke('alice', revoked)
    assert.equal(await shown(), true)
    const { fingerprint } = alice.certificate
    assert.equal((await stranger.successor('alice', fingerprint))?.certificate.revoked, true)
    await assert.rejects(device.enter(host), { code: 'IDENTIFY_REFUSED' })
    const ofNext = await revoke(next, 'compromised', nowMs)
    await stranger.revoke('alice', ofNext)
    await after.closed
    await host.restart()
    await assert.rejects(device.as(next).enter(host), { code: 'IDENTIFY_REFUSED' })
  })

  it('whose key was stolen are let in with it no more, and that pod says why', async () => {
    const { device, link, stranger } = await registered()
    await link.move(await said())
    await stranger.revoke('alice', await revoke(alice, 'compromised', world.clock.now()))
    await link.closed
    await host.restart()
    const asked = await (await world.device(await personNamed('carol'))).open(host)
    assert.equal((await asked.moved('alice'))?.certificate.revoked, true)
    await assert.rejects(device.enter(host), { code: 'IDENTIFY_REFUSED' })
  })

  it('say that their key is revoked by whatever way it is shown, also a key server’s', async () => {
    const { link, stranger } = await registered()
    await link.move(await said())
    const shown = async () => (await stranger.moved('alice'))?.certificate.revoked
    await assert.rejects(host.pod.directory.take(alice.certificate), { code: 'ALIAS_UNKNOWN' })
    const revoked = await revoke(alice, 'compromised', world.clock.now())
    assert.deepEqual([await host.pod.directory.take(revoked), await shown()], [1, true])
  })

  it('are found by what was written down before pods could get another name', async () => {
    const { link, stranger } = await registered()
    const frame = await said()
    await link.move(frame)
    const [kept] = await host.state.list(tables.moves)
    assert(kept)
    await host.state.write([
      { type: 'delete', table: tables.moves, key: kept.key },
      { type: 'put', table: tables.moves, key: 'alice', value: kept.value }
    ])
    assert.deepEqual((await stranger.moved('alice'))?.move, frame)
    await assert.rejects(stranger.lookup('alice'), { code: 'ALIAS_MOVED' })
    await stranger.revoke('alice', await revoke(alice, 'compromised', world.clock.now()))
    assert.equal((await stranger.moved('alice'))?.certificate.revoked, true)
  })

  it('forgets it when the quarantine ends, and not while letters may be on their way', async () => {
    const { link } = await registered()
    await link.move(await said())
    const asked = async () => (await (await world.device(alice)).open(host)).moved('alice')
    world.clock.advance(podTimes.moveTransitMs + podTimes.quarantineMs - dayMs)
    await host.pod.sweep()
    assert.ok(await asked())
    world.clock.advance(2 * dayMs)
    await host.pod.sweep()
    assert.equal(await asked(), null)
    const bob = await personNamed('bob', ['bob', 'alice'])
    const his = await (await world.device(bob)).enter(host)
    assert.ok(await his.register('alice', bob.certificate))
  })

  it('takes no word of another key, of another alias, of another pod, or from nobody', async () => {
    const { link, stranger } = await registered()
    const bob = await personNamed('bob')
    await assert.rejects(link.move(await said(bob)), invalid)
    await assert.rejects(
      link.move(await said(alice, { from: 'alice@two.test', to: 'a@b.test' })),
      invalid
    )
    await assert.rejects(link.move(await said(alice, { from: 'bob@one.test' })), {
      code: 'ALIAS_UNKNOWN'
    })
    await assert.rejects(stranger.move(await said()), { code: 'IDENTIFY_FIRST' })
    const his = await (await world.device(bob)).enter(host)
    await his.register('bob', bob.certificate)
    await assert.rejects(his.move(await said(bob)), { code: 'ALIAS_UNKNOWN' })
    assert.equal(await stranger.moved('alice'), null)
    assert.equal((await stranger.lookup('alice')).certificate.pin, alice.certificate.pin)
  })

  it('hands what waits over to a key that takes the place of theirs, and says which key that was', async () => {
    const { device, link, stranger } = await registered()
    const { intro } = await stranger.lookup('alice')
    await link.move(await said())
    const next = await personNamed('alice again', ['alice'])
    const after = await device.as(next).enter(host)
    const both = { old: alice, next }
    const succession = await makeSuccession(both, { pod: 'one.test', nowMs: world.clock.now() })
    const { aliases } = await after.succeed(next.certificate, succession)
    assert.deepEqual(aliases, [])
    const box = makeBox()
    await after.listen(box.take, 0)
    await stranger.submit(await sealNotice(host.hpkeKey, noticeFor(intro, world.clock.now())))
    await box.has(1)
    const shown = await stranger.successor('alice', alice.certificate.fingerprint)
    assert.deepEqual(shown?.succession, succession)
  })
})
