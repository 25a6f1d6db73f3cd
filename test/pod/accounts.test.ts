import assert from 'node:assert/strict'
import { withdrawalOf } from '../../src/keys/withdraw.ts'
import type { AccountView } from '../../src/pod/office/accounts.ts'
import { tables } from '../../src/pod/rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { PodStanding } from '../../src/wire/pod-standing.ts'
import { dyingState } from '../support/dying-state.ts'
import type { PodHost, PodWorld, TestDevice } from '../support/pod-world.ts'
import {
  dayMs,
  makeBox,
  noticeFor,
  personNamed,
  podWorld,
  sealNotice
} from '../support/pod-world.ts'

const olga = { kind: 'operator', name: 'olga' } as const

async function registered(
  world: PodWorld,
  host: PodHost,
  name: string,
  aliases = [name]
): Promise<TestDevice> {
  const device = await world.device(await personNamed(name, aliases))
  await using link = await device.enter(host)
  for (const alias of aliases) await link.register(alias, device.person.certificate)
  return device
}

async function submitTo(world: PodWorld, host: PodHost, alias: string, by: TestDevice) {
  await using link = await by.open(host)
  const { intro } = await link.lookup(alias)
  const notice = noticeFor(intro, world.clock.now())
  await link.submit(await sealNotice(host.hpkeKey, notice))
  return notice
}

const names = ({ aliases }: AccountView) => aliases.map(({ name, state }) => `${name} ${state}`)

describe('accounts of a pod', () => {
  it('are listed a page at a time, and found by alias, key and state', async () => {
    await using world = podWorld()
    const host = await world.host()
    const { office } = host.pod
    const people = [
      await registered(world, host, 'alice', ['alice', 'al']),
      await registered(world, host, 'bob'),
      await registered(world, host, 'carol')
    ]
    const pins = people.map(({ person }) => person.certificate.pin).sort()
    const first = await office.accounts({ limit: 2 })
    assert.deepEqual(
      first.accounts.map(({ account }) => account),
      pins.slice(0, 2)
    )
    const second = await office.accounts({ limit: 2, after: first.next! })
    assert.deepEqual(
      second.accounts.map(({ account }) => account),
      pins.slice(2)
    )
    assert.equal(second.next, null)
    const found = async (filter: object) =>
      (await office.accounts(filter)).accounts.map(account => names(account)[0])
    assert.deepEqual(await found({ text: 'CAR' }), ['carol active'])
    const { pin, fingerprint } = people[1]!.person.certificate
    assert.deepEqual(await found({ text: fingerprint.slice(0, 12) }), ['bob active'])
    for (const who of ['bob', 'Bob@one.test', pin, pin.slice(0, 9), fingerprint])
      assert.equal((await office.account(who)).account, pin, who)
    for (const who of ['nobody', 'bob@two.test', 'ffff', '', 'ab'.repeat(32)])
      await assert.rejects(office.account(who), { code: 'ACCOUNT_UNKNOWN' }, who)
    await office.suspend(olga, 'bob', { reason: 'spam' })
    assert.deepEqual(await found({ state: 'suspended' }), ['bob active'])
    assert.equal((await found({ state: 'active' })).length, 2)
  })

  it('are suspended: told at once, they neither register nor submit, and go on receiving', async () => {
    await using world = podWorld()
    const host = await world.host()
    const { office } = host.pod
    const mallory = await registered(world, host, 'mallory', ['mallory', 'm2', 'm3'])
    const bob = await registered(world, host, 'bob')
    const link = await mallory.enter(host)
    const told = Promise.withResolvers<PodStanding>()
    const box = makeBox()
    await link.listen(box.take, 0, undefined, told.resolve)
    await link.unregister('m2')
    const untilMs = world.clock.now() + 3 * dayMs
    const shown = await office.suspend(olga, 'mallory', { reason: 'spam', lifeMs: 3 * dayMs })
    assert.deepEqual([shown.state, shown.standing?.reason], ['suspended', 'spam'])
    assert.deepEqual((await told.promise).suspended, { reason: 'spam', untilMs })

    const { certificate } = mallory.person
    const suspended = { code: 'ACCOUNT_SUSPENDED', message: /until 2026-01-04: spam/ }
    await assert.rejects(link.register('m2', certificate), suspended)
    const notice = await sealNotice(host.hpkeKey, noticeFor(new Uint8Array(32), world.clock.now()))
    await assert.rejects(link.submit(notice), suspended)
    // What it has is renewed: nobody shall seal to subkeys that are no more.
    await link.register('mallory', certificate)
    await submitTo(world, host, 'mallory', bob)
    await box.has(1)

    const again = await mallory.open(host)
    const statement = await mallory.statement(host.hostname)
    const { device } = mallory
    const asked = { device, statement, certificate, nowMs: world.clock.now() }
    assert.deepEqual((await again.identify(asked)).standing.suspended, { reason: 'spam', untilMs })
    assert.equal(await host.pod.userOf(mallory.keys.self), undefined)

    await world.clock.advance(3 * dayMs)
    await host.pod.sweep()
    await link.register('m2', certificate)
    assert.deepEqual(await host.state.list(tables.standings), [])
    await assert.rejects(office.resume(olga, 'mallory'), { code: 'ACCOUNT_UNKNOWN' })
  })

  it('are resumed by an operator, and both is noted', async () => {
    await using world = podWorld()
    const host = await world.host()
    const { office } = host.pod
    const mallory = await registered(world, host, 'mallory')
    await office.suspend(olga, 'mallory', { reason: '' })
    const link = await mallory.enter(host)
    const told = Promise.withResolvers<PodStanding>()
    await link.listen(async () => undefined, 0, undefined, told.resolve)
    assert.equal((await office.resume(olga, 'mallory')).state, 'active')
    assert.deepEqual(await told.promise, { suspended: null, application: null })
    const done = (await office.audit()).map(({ action, subject }) => [action, subject])
    const { pin } = mallory.person.certificate
    assert.deepEqual(done, [
      ['account.resume', pin],
      ['account.suspend', pin]
    ])
  })

  it('are removed: nothing of theirs is left but what keeps the name from others', async () => {
    await using world = podWorld()
    const host = await world.host()
    const { office } = host.pod
    const mallory = await registered(world, host, 'mallory', ['mallory', 'm2'])
    const bob = await registered(world, host, 'bob', ['bob', 'mallory', 'm2'].slice(0, 1))
    const stranger = await world.device(await personNamed('stranger', ['mallory']))
    const { intro } = await (await bob.open(host)).lookup('mallory')
    for (let i = 0; i < 3; i++) await submitTo(world, host, 'mallory', bob)
    const link = await mallory.enter(host)
    const { pin, certificate } = { ...mallory.person.certificate, ...mallory.person }

    const removed = await office.remove(olga, 'mallory', { reason: 'fraud' })
    assert.deepEqual([removed.state, removed.notices, removed.devices], ['removed', 0, []])
    assert.deepEqual(names(removed), ['m2 quarantined', 'mallory quarantined'])
    await link.closed
    await assert.rejects(mallory.enter(host), { code: 'ACCOUNT_REMOVED', message: /fraud/ })
    await assert.rejects((await bob.open(host)).lookup('mallory'), { code: 'ALIAS_UNKNOWN' })
    const { accounts, aliases, notices, bytes } = host.pod.usage()
    assert.deepEqual([accounts, aliases, notices, bytes], [2, 1, 0, 0])
    // The address leads nowhere, and says so to nobody.
    const notice = noticeFor(intro, world.clock.now())
    await (await bob.open(host)).submit(await sealNotice(host.hpkeKey, notice))
    assert.equal(host.pod.usage().notices, 0)
    for (const table of [tables.seen, tables.devices])
      assert.deepEqual(
        (await host.state.list(table)).filter(({ key }) => key.startsWith(pin)),
        []
      )
    const other = await stranger.enter(host)
    await assert.rejects(other.register('mallory', stranger.person.certificate), {
      code: 'ALIAS_QUARANTINED'
    })
    await assert.rejects(office.remove(olga, pin, { reason: '' }), { code: 'ACCOUNT_REMOVED' })
    await assert.rejects(office.suspend(olga, pin, { reason: '' }), { code: 'ACCOUNT_REMOVED' })

    // An operator may take it back; the names were theirs.
    await office.resume(olga, pin)
    await (await mallory.enter(host)).register('mallory', certificate)
    assert.equal(host.pod.usage().aliases, 2)
  })

  it('have quotas of their own over what all may have', async () => {
    await using world = podWorld()
    const limits = { aliasesPerAccountMax: 1, noticesPerAccountMax: 1 }
    const host = await world.host({ limits })
    const { office } = host.pod
    await registered(world, host, 'alice')
    const bob = await registered(world, host, 'bob')
    for (let i = 0; i < 3; i++) await submitTo(world, host, 'alice', bob)
    assert.equal(host.pod.usage().notices, 1)
    const shown = await office.setQuota(olga, 'alice', { notices: 3, aliases: 2 })
    assert.deepEqual([shown.bounds.notices, shown.bounds.aliases], [3, 2])
    for (let i = 0; i < 3; i++) await submitTo(world, host, 'alice', bob)
    assert.equal(host.pod.usage().notices, 3)
    assert.equal((await office.setQuota(olga, 'alice', { notices: null })).quota.aliases, 2)
    await office.setQuota(olga, 'alice', { aliases: null })
    assert.deepEqual(await host.state.list(tables.quotas), [])
    await assert.rejects(office.setQuota(olga, 'alice', { notices: -1 }), { code: 'USAGE' })
  })

  it('lose an alias by the word of the pod, which everybody who asks is shown', async () => {
    await using world = podWorld()
    const host = await world.host()
    const { office } = host.pod
    const mallory = await registered(world, host, 'mallory', ['mallory', 'm2'])
    const bob = await registered(world, host, 'bob')
    const link = await bob.open(host)
    await link.lookup('mallory')
    world.clock.advance(2_000)
    const revoked = await office.revokeAlias(olga, 'Mallory', { reason: 'not who they say' })
    assert.equal(revoked.alias, 'mallory@one.test')
    const refusal = await link.lookup('mallory').catch(err => err)
    assert.equal(refusal.code, 'ALIAS_REVOKED')
    assert.match(refusal.message, /not who they say/)
    const about = { alias: 'mallory@one.test', by: host.person.certificate }
    assert.deepEqual(await withdrawalOf(refusal.certificate, about), {
      atMs: world.clock.now(),
      reason: 'not who they say'
    })
    await link.lookup('m2')
    const own = await mallory.enter(host)
    const { certificate } = mallory.person
    const taken = { code: 'ALIAS_QUARANTINED' }
    await assert.rejects(own.register('mallory', certificate), taken)
    await assert.rejects(office.revokeAlias(olga, 'mallory', { reason: '' }), {
      code: 'ALIAS_UNKNOWN'
    })
    assert.deepEqual(names(await office.account('m2')), ['m2 active', 'mallory revoked'])

    await assert.rejects(office.freeAlias(olga, 'm2'), { code: 'ALIAS_UNKNOWN' })
    await office.freeAlias(olga, 'mallory@one.test')
    await assert.rejects(link.lookup('mallory'), { code: 'ALIAS_UNKNOWN' })
    world.clock.advance(2_000)
    await own.register('mallory', certificate)
    await link.lookup('mallory')
    assert.equal(host.pod.usage().aliases, 3)
  })

  it('cannot take a name while they are being removed by another process', async () => {
    await using world = podWorld()
    const state = memoryState()
    const one = await world.host({ state })
    const two = await world.host({ state })
    const { certificate } = await personNamed('mallory', ['mallory', 'm2'])
    const mallory = await registered(world, one, 'mallory', ['mallory', 'm2'])
    await (await mallory.enter(one)).unregister('m2')
    const link = await mallory.enter(one)
    const results = await Promise.allSettled([
      link.register('m2', certificate),
      two.pod.office.remove(olga, 'mallory', { reason: '' })
    ])
    assert.equal(results[1]?.status, 'fulfilled')
    assert.deepEqual(await state.list(tables.owned), [])
    assert.equal((await two.pod.office.checkAudit()).brokenAt, null)
    // The session was at the other process.
    await link.closed
  })

  it('are gone for good when their standing has ended and nothing holds them', async () => {
    await using world = podWorld()
    const host = await world.host()
    const mallory = await registered(world, host, 'mallory')
    await host.pod.office.remove(olga, 'mallory', { reason: '' })
    await world.clock.advance(366 * dayMs)
    await host.pod.sweep()
    await host.pod.sweep()
    const { pin } = mallory.person.certificate
    for (const table of Object.values(tables).filter(name => name !== tables.audit))
      for (const { key } of await host.state.list(table))
        assert.equal(key.includes(pin), false, `${table} ${key}`)
  })
})

describe('a pod that is killed while its operator acts', () => {
  it('has done all of it or nothing, whichever write was the last', async () => {
    for (let writes = 0; ; writes++) {
      await using world = podWorld()
      const disk = dyingState()
      const host = await world.host({ state: disk.state })
      const mallory = await registered(world, host, 'mallory', ['mallory', 'm2'])
      const bob = await registered(world, host, 'bob')
      for (let i = 0; i < 3; i++) await submitTo(world, host, 'mallory', bob)
      let isKilled = false
      disk.killAfter(writes, () => {
        isKilled = true
      })
      const removal = host.pod.office.remove(olga, 'mallory', { reason: 'fraud' })
      await Promise.race([removal, disk.killed])
      disk.killAfter(Number.POSITIVE_INFINITY, () => undefined)

      // Another process goes on with what is on the disk.
      const next = await world.host({ state: disk.state })
      await next.pod.sweep()
      const { state, aliases, notices, devices } = await next.pod.office.account('mallory')
      const [entry] = await next.pod.office.audit()
      const isRemoved = state === 'removed'
      assert.equal(entry?.action === 'account.remove', isRemoved)
      assert.deepEqual(
        aliases.map(alias => alias.state),
        isRemoved ? ['quarantined', 'quarantined'] : ['active', 'active']
      )
      assert.deepEqual([notices, devices.length], isRemoved ? [0, 0] : [3, 1])
      const { pin } = mallory.person.certificate
      const seen = (await disk.state.list(tables.seen)).filter(({ key }) => key.startsWith(pin))
      assert.equal(seen.length, notices)
      assert.equal(isRemoved, writes > 0)
      if (!isKilled) return assert.ok(writes > 2, `only ${writes} writes`)
    }
  })
})
