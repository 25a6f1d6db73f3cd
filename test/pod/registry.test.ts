import assert from 'node:assert/strict'
import { checkCertification } from '../../src/keys/certify.ts'
import { openPgp } from '../../src/keys/crypto.ts'
import type { Person } from '../../src/keys/person.ts'
import { createInvites } from '../../src/pod/invites.ts'
import type { PodLimits } from '../../src/pod/limits.ts'
import { podLimits } from '../../src/pod/limits.ts'
import { Registry } from '../../src/pod/registry.ts'
import { tables } from '../../src/pod/rows.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import type { Policy } from '../../src/wire/pod.ts'
import { dayMs, personNamed, random } from '../support/pod-world.ts'

const hostname = 'one.test'
const nowMs = Date.UTC(2026, 0, 1)
const yearMs = 365 * dayMs

interface Options {
  state?: State
  policy?: Policy
  limits?: Partial<PodLimits>
}

async function open({ state = memoryState(), policy = 'open', limits = {} }: Options = {}) {
  const person = await personNamed(hostname, [])
  const invites = createInvites({ state, random, invitesMax: 100 })
  const shared = { state, crypto: openPgp, person, hostname, policy, invites }
  const registry = await Registry.open({ ...shared, limits: { ...podLimits, ...limits } })
  const register = (alias: string, who: Person, o: { atMs?: number; invite?: string } = {}) =>
    registry.register({
      alias,
      pin: who.certificate.pin,
      certificate: who.certificate,
      invite: o.invite ?? null,
      nowMs: o.atMs ?? nowMs
    })
  /** @returns the code */
  const invite = async (uses: number): Promise<string> => {
    const by = { kind: 'operator', name: 'olga' } as const
    const row = { uses, untilMs: nowMs + dayMs, createdMs: nowMs, by, note: '' }
    const { code, changes } = await invites.make(row)
    await state.write(changes)
    return code
  }
  return { registry, invites, invite, register, state, person }
}

describe('the registry', () => {
  const names = ['alice', 'a1ice', 'bob', 'carol', 'a.lice']
  let alice: Person
  let bob: Person
  before(async () => {
    alice = await personNamed('alice', names)
    bob = await personNamed('bob', names)
  })

  it('certifies an alias for a year, in the way of OpenPGP', async () => {
    const { register, registry, person } = await open()
    const { certificate, untilMs, name } = await register('Alice', alice)
    assert.equal(name, 'alice')
    assert.equal(untilMs, nowMs + yearMs)
    const by = person.certificate
    const checked = await checkCertification(certificate, { alias: 'alice@one.test', by, nowMs })
    assert.equal(checked.untilMs, untilMs)
    assert.deepEqual(await registry.aliases(alice.certificate.pin), ['alice'])
    assert.deepEqual(registry.usage(), { accounts: 1, aliases: 1 })
  })

  it('refuses what is malformed, reserved, taken, or looks like another', async () => {
    const { register } = await open()
    await register('alice', alice)
    await assert.rejects(register('al ice', bob), { code: 'ALIAS_INVALID' })
    await assert.rejects(register('postmaster', bob), { code: 'ALIAS_RESERVED' })
    await assert.rejects(register('adm1n', bob), { code: 'ALIAS_CONFUSABLE' })
    await assert.rejects(register('ALICE', bob), { code: 'ALIAS_TAKEN' })
    await assert.rejects(register('a1ice', bob), {
      code: 'ALIAS_CONFUSABLE',
      message: 'a1ice looks like alice'
    })
    await assert.rejects(register('a.lice', bob), { code: 'ALIAS_CONFUSABLE' })
  })

  it("refuses another's certificate, and one that does not name the alias", async () => {
    const { registry, register } = await open()
    const { certificate } = alice
    const { pin } = bob.certificate
    const o = { alias: 'alice', pin, certificate, invite: null, nowMs }
    await assert.rejects(registry.register(o), { code: 'KEY_INVALID' })
    await assert.rejects(register('dave', alice), { code: 'KEY_INVALID' })
    assert.deepEqual(registry.usage(), { accounts: 0, aliases: 0 })
  })

  it('renews for who has it, whatever the policy', async () => {
    const state = memoryState()
    await (await open({ state })).register('alice', alice)
    const { register, registry } = await open({ state, policy: 'closed' })
    const { untilMs } = await register('alice', alice, { atMs: nowMs + 100 * dayMs })
    assert.equal(untilMs, nowMs + 465 * dayMs)
    assert.deepEqual(registry.usage(), { accounts: 1, aliases: 1 })
    await assert.rejects(register('bob', alice), { code: 'REGISTRATION_CLOSED' })
  })

  it('renews by itself what runs out when the owner comes by', async () => {
    const { register, registry } = await open()
    await register('alice', alice)
    const { pin } = alice.certificate
    assert.deepEqual(await registry.greet(pin, nowMs + 100 * dayMs), [])
    assert.deepEqual(await registry.greet(pin, nowMs + 340 * dayMs), ['alice'])
    const row = await registry.find('alice', nowMs + 400 * dayMs)
    assert.equal(row?.untilMs, nowMs + 340 * dayMs + yearMs)
  })

  it('keeps a released alias from others for a year', async () => {
    const { register, registry } = await open()
    await register('alice', alice)
    const { pin } = alice.certificate
    await assert.rejects(registry.release('alice', bob.certificate.pin, nowMs), {
      code: 'ALIAS_UNKNOWN'
    })
    await registry.release('alice', pin, nowMs)
    await assert.rejects(registry.release('alice', pin, nowMs), { code: 'ALIAS_UNKNOWN' })
    assert.equal(await registry.find('alice', nowMs), undefined)
    const late = nowMs + yearMs - 1
    await assert.rejects(register('alice', bob, { atMs: late }), { code: 'ALIAS_QUARANTINED' })
    await assert.rejects(register('a1ice', bob, { atMs: late }), { code: 'ALIAS_CONFUSABLE' })
    await register('a1ice', bob, { atMs: nowMs + yearMs })
  })

  it('lets the former owner take an alias back', async () => {
    const { register, registry } = await open()
    await register('alice', alice)
    await registry.release('alice', alice.certificate.pin, nowMs)
    await register('alice', alice, { atMs: nowMs + dayMs })
    assert.deepEqual(registry.usage(), { accounts: 1, aliases: 1 })
  })

  it('ends quarantines, and quarantines what nobody renewed', async () => {
    const { register, registry, state } = await open()
    await register('alice', alice)
    assert.equal(await registry.sweep(nowMs + yearMs - 1), 0)
    assert.equal(await registry.sweep(nowMs + yearMs), 1)
    assert.deepEqual(registry.usage(), { accounts: 1, aliases: 0 })
    await assert.rejects(register('alice', bob, { atMs: nowMs + yearMs }), {
      code: 'ALIAS_QUARANTINED'
    })
    assert.equal(await registry.sweep(nowMs + 2 * yearMs), 1)
    assert.equal(await state.get(tables.aliases, 'alice'), undefined)
    assert.deepEqual(await state.list(tables.revisions), [])
    await register('alice', bob, { atMs: nowMs + 2 * yearMs })
    await register('alice', bob, { atMs: nowMs + 2 * yearMs })
    assert.equal(await registry.forget(alice.certificate.pin, nowMs + 2 * yearMs), true)
    assert.equal(await registry.forget(bob.certificate.pin, nowMs + 4 * yearMs), false)
    assert.deepEqual(registry.usage(), { accounts: 1, aliases: 1 })
  })

  it('gives an alias, or a look, to one of two processes that ask at once', async () => {
    for (const [first, second] of [
      ['alice', 'alice'],
      ['alice', 'a1ice'],
      ['a.lice', 'a1ice']
    ] as const) {
      const state = memoryState()
      const [one, two] = [await open({ state }), await open({ state })]
      const results = await Promise.allSettled([
        one.register(first, alice),
        two.register(second, bob)
      ])
      assert.equal(results.filter(r => r.status === 'fulfilled').length, 1, `${first} ${second}`)
      const refused = results.find(r => r.status === 'rejected')?.reason as { code: string }
      assert.ok(['ALIAS_TAKEN', 'ALIAS_CONFUSABLE'].includes(refused.code), refused.code)
      assert.equal((await state.list(tables.aliases)).length, 1)
      assert.equal((await state.list(tables.claims)).length, 1)
    }
  })

  it('does not let a renewal undo a release in another process', async () => {
    const state = memoryState()
    const [one, two] = [await open({ state }), await open({ state })]
    await one.register('alice', alice)
    const { pin } = alice.certificate
    const atMs = nowMs + 340 * dayMs
    await Promise.allSettled([
      one.registry.release('alice', pin, atMs),
      two.registry.greet(pin, atMs)
    ])
    const row = await one.registry.find('alice', atMs)
    assert.equal((await one.registry.aliases(pin)).length, row ? 1 : 0)
    assert.equal((await state.list(tables.released)).length, row ? 0 : 1)
  })

  it('holds its limits, and counts what was released', async () => {
    const few = await open({ limits: { aliasesPerAccountMax: 2 } })
    await few.register('alice', alice)
    await few.register('bob', alice)
    await assert.rejects(few.register('carol', alice), { code: 'LIMIT_EXCEEDED' })
    await few.registry.release('bob', alice.certificate.pin, nowMs)
    await assert.rejects(few.register('carol', alice), { code: 'LIMIT_EXCEEDED' })
    await few.register('bob', alice)

    const one = await open({ limits: { accountsMax: 1 } })
    await one.register('alice', alice)
    await assert.rejects(one.register('bob', bob), { code: 'LIMIT_EXCEEDED' })

    const small = await open({ limits: { aliasesMax: 1 } })
    await small.register('alice', alice)
    await assert.rejects(small.register('bob', bob), { code: 'LIMIT_EXCEEDED' })
    const again = await open({ state: small.state, limits: { aliasesMax: 1 } })
    await assert.rejects(again.register('bob', bob), { code: 'LIMIT_EXCEEDED' })
  })

  it('takes an invite as often as it says, until it ends', async () => {
    const { register, invite: make } = await open({ policy: 'invite' })
    await assert.rejects(register('alice', alice), { code: 'INVITE_INVALID' })
    await assert.rejects(register('alice', alice, { invite: 'x' }), { code: 'INVITE_INVALID' })
    const invite = await make(1)
    assert.match(invite, /^[a-z2-9]{26}$/)
    await assert.rejects(register('a b', alice, { invite }), { code: 'ALIAS_INVALID' })
    await register('alice', alice, { invite: ` ${invite.toUpperCase()} ` })
    await assert.rejects(register('bob', bob, { invite }), { code: 'INVITE_INVALID' })
    await register('alice', alice) // a renewal needs none

    const late = await make(9)
    await assert.rejects(register('bob', bob, { invite: late, atMs: nowMs + dayMs }), {
      code: 'INVITE_INVALID'
    })
  })

  it('lets one of two have the last use of an invite', async () => {
    const state = memoryState()
    const policy = 'invite'
    const [one, two] = [await open({ state, policy }), await open({ state, policy })]
    const invite = await one.invite(1)
    const results = await Promise.allSettled([
      one.register('alice', alice, { invite }),
      two.register('bob', bob, { invite })
    ])
    assert.equal(results.filter(r => r.status === 'fulfilled').length, 1)
    assert.equal((await state.list(tables.inviteUses)).length, 1)
    assert.equal(await one.invites.sweep(nowMs + dayMs), 1)
    assert.deepEqual(await state.list(tables.inviteUses), [])
    assert.deepEqual(await state.list(tables.invites), [])
  })
})
