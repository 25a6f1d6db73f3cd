import assert from 'node:assert/strict'
import { createInvites } from '../../src/pod/invites.ts'
import { createAudit } from '../../src/pod/office/audit.ts'
import { tables } from '../../src/pod/rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { PodHost } from '../support/pod-world.ts'
import { dayMs, personNamed, podWorld, random } from '../support/pod-world.ts'

const olga = { kind: 'operator', name: 'olga' } as const
const account = 'ab'.repeat(32)
const nowMs = Date.UTC(2026, 0, 1)

const texts = async ({ state }: PodHost): Promise<string> => {
  const rows = await Array.fromAsync(state.rows())
  return rows.map(({ key, value }) => `${key} ${Buffer.from(value).toString('latin1')}`).join('\n')
}

describe('invites of a pod', () => {
  it('are listed with who made them, for what, and how often they were used; the code is kept nowhere', async () => {
    await using world = podWorld()
    const host = await world.host({ policy: 'invite' })
    const { office } = host.pod
    const { code, invite } = await office.invite(olga, { uses: 2, lifeMs: dayMs, note: 'choir' })
    const alice = await world.device(await personNamed('alice'))
    const link = await alice.enter(host)
    await link.register('alice', alice.person.certificate, { invite: code })
    const [listed] = await office.invites()
    assert.deepEqual(listed, {
      ...invite,
      ...{ used: 1, state: 'open', accounts: [alice.person.certificate.pin] },
      ...{ uses: 2, by: olga, note: 'choir', untilMs: world.clock.now() + dayMs }
    })
    assert.match(invite.id, /^[0-9a-f]{8}$/)
    assert.equal((await texts(host)).includes(code), false)
  })

  it('are taken back one by one, and what was done is noted', async () => {
    await using world = podWorld()
    const host = await world.host({ policy: 'invite' })
    const { office } = host.pod
    const first = await office.invite(olga, { uses: 5 })
    world.clock.advance(1_000)
    const second = await office.invite(olga, {})
    const { id } = first.invite
    assert.equal((await office.revokeInvite(olga, id.slice(0, 6))).state, 'revoked')
    await assert.rejects(office.revokeInvite(olga, id), { code: 'INVITE_UNKNOWN' })
    await assert.rejects(office.revokeInvite(olga, 'zz'), { code: 'INVITE_UNKNOWN' })
    const alice = await world.device(await personNamed('alice'))
    const link = await alice.enter(host)
    const { certificate } = alice.person
    await assert.rejects(link.register('alice', certificate, { invite: first.code }), {
      code: 'INVITE_INVALID'
    })
    await link.register('alice', certificate, { invite: second.code })
    const states = (await office.invites()).map(({ id, state }) => [id, state])
    assert.deepEqual(states, [
      [second.invite.id, 'used'],
      [id, 'revoked']
    ])
    const done = (await office.audit()).map(({ action, subject, by }) => [action, subject, by.name])
    assert.deepEqual(done, [
      ['invite.revoke', id, 'olga'],
      ['invite.make', second.invite.id, 'olga'],
      ['invite.make', id, 'olga']
    ])
    assert.equal((await office.checkAudit()).brokenAt, null)
  })

  it('are used or taken back, whichever of two processes was first', async () => {
    const state = memoryState()
    const make = () => createInvites({ state, random, invitesMax: 10 })
    const [one, two] = [make(), make()]
    const row = { uses: 2, untilMs: nowMs + dayMs, createdMs: nowMs, by: olga, note: '' }
    for (const revokeFirst of [false, true]) {
      const { code, id, changes } = await one.make(row)
      await state.write(changes)
      const use = await one.use(code, account, nowMs)
      const revoke = (await two.revoke(id, nowMs)).changes
      const [first, second] = revokeFirst ? [revoke, use] : [use, revoke]
      assert.equal((await state.write(first)).ok, true)
      assert.equal((await state.write(second)).ok, false)
      if (revokeFirst)
        await assert.rejects(one.use(code, account, nowMs), { code: 'INVITE_INVALID' })
      else {
        assert.equal((await state.write((await two.revoke(id, nowMs)).changes)).ok, true)
        const listed = (await one.list(nowMs)).find(invite => invite.id === id)
        assert.deepEqual([listed?.used, listed?.state], [1, 'revoked'])
      }
    }
    assert.equal(await one.sweep(nowMs + dayMs), 2)
    assert.deepEqual(await state.list(tables.inviteUses), [])
  })

  it('are made by accounts that have leave to, so many at a time, and end with them', async () => {
    await using world = podWorld()
    const host = await world.host({ policy: 'invite' })
    const { office } = host.pod
    const { code } = await office.invite(olga, {})
    const alice = await world.device(await personNamed('alice'))
    const link = await alice.enter(host)
    await link.register('alice', alice.person.certificate, { invite: code })
    const asked = { uses: 2, lifeMs: dayMs, note: 'friends' }
    await assert.rejects(link.invite(asked), { code: 'LIMIT_EXCEEDED' })
    await office.setQuota(olga, 'alice', { invites: 2 })
    await assert.rejects(link.invite({ ...asked, lifeMs: 0 }), { code: 'USAGE' })
    const made = await link.invite(asked)
    assert.equal(made.untilMs, world.clock.now() + dayMs)
    await assert.rejects(link.invite({ ...asked, uses: 1 }), { code: 'LIMIT_EXCEEDED' })
    const listed = (await office.invites()).find(({ note }) => note === 'friends')
    const { pin } = alice.person.certificate
    assert.deepEqual(listed?.by, { kind: 'account', name: pin })
    const [entry] = await office.audit()
    assert.deepEqual([entry?.action, entry?.by.name], ['invite.make', pin])

    const bob = await world.device(await personNamed('bob'))
    const bobs = await bob.enter(host)
    const { certificate } = bob.person
    await office.suspend(olga, 'alice', { reason: 'spam' })
    await assert.rejects(link.invite({ ...asked, uses: 1 }), { code: 'ACCOUNT_SUSPENDED' })
    const taken = () => bobs.register('bob', certificate, { invite: made.code })
    await assert.rejects(taken(), { code: 'INVITE_INVALID', message: /may not invite/ })
    await office.resume(olga, 'alice')
    await taken()
    await link.invite({ ...asked, uses: 1 })
  })

  it('refuse what is no number, too long, and one too many', async () => {
    await using world = podWorld()
    const { office } = (await world.host({ limits: { invitesMax: 1 } })).pod
    for (const wrong of [
      ...[{ uses: 0 }, { uses: 1.5 }, { uses: 1e9 }, { lifeMs: -1 }, { lifeMs: 1e15 }],
      ...[{ note: 'x'.repeat(1_001) }, { note: '\ud800' }]
    ])
      await assert.rejects(office.invite(olga, wrong), { code: 'USAGE' }, JSON.stringify(wrong))
    await office.invite(olga, {})
    await assert.rejects(office.invite(olga, {}), { code: 'LIMIT_EXCEEDED' })
    assert.equal((await office.audit()).length, 1)
    assert.deepEqual(await createAudit(memoryState()).list({ limit: 1 }), [])
  })
})
