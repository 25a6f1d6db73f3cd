import assert from 'node:assert/strict'
import { certify } from '../../../src/keys/certify.ts'
import type { Person } from '../../../src/keys/person.ts'
import { addAlias, makePerson } from '../../../src/keys/person.ts'
import { revoke } from '../../../src/keys/revoke.ts'
import { makeSuccession } from '../../../src/keys/succession.ts'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld, person } from '../../support/client-world.ts'

const dayMs = 86_400_000
const alias = 'alice@one.test'
const toAlice = { to: alias, body: 'Hello' }
const print = ({ person }: Tester) => person.certificate.fingerprint
const turn = () => new Promise(done => setImmediate(done))

describe('correspondents of a key that was left', () => {
  let world: ClientWorld
  let alice: Tester
  let bob: Tester
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
    alice = await world.join('alice')
    bob = await world.join('bob')
    await bob.client.lookup(alias)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const contact = async (of = alias) => {
    const found = (await bob.client.contacts()).find(one => one.alias === of)
    assert(found)
    return found
  }
  /** Another's certificate under an alias, as its pod certifies it. */
  const certified = async (of: Person, name = alias) => {
    const nowMs = world.clock.now()
    const pod = world.pod(name.slice(name.indexOf('@') + 1))
    const { certificate } = await addAlias(of, name, nowMs)
    return certify(pod.person, { certificate, alias: name, nowMs, lifeMs: 90 * dayMs })
  }
  /** The pod gives the alias to a key, and shows this word for it. */
  const show = async (of: Person, old: Person, succession?: Uint8Array, name = alias) => {
    const account = world.pod(name.slice(name.indexOf('@') + 1)).accounts.get(name)!
    account.certificate = await certified(of, name)
    const { certificate } = old
    if (succession) account.former.set(certificate.fingerprint, { certificate, succession })
  }
  const said = (old: Person, next: Person, pod = 'one.test') =>
    makeSuccession({ old, next }, { pod, nowMs: world.clock.now() })

  it('follow a chain after long absence, and never back', async () => {
    const first = alice.person
    for (let i = 0; i < 3; i++) {
      world.clock.advance(40 * dayMs)
      await alice.client.succeedKey()
    }
    const { fingerprint } = await bob.client.lookup(alias)
    assert.equal(fingerprint, print(alice))
    await show(first, alice.person, await said(alice.person, first))
    await assert.rejects(bob.client.lookup(alias), { code: 'KEY_CHANGED' })
    assert.equal((await contact()).changedTo, first.certificate.fingerprint)
  })

  it('follow no chain without end', async () => {
    const account = world.pod().accounts.get(alias)!
    let old = alice.person
    for (let i = 0; i < 9; i++) {
      const next = await makePerson({ name: `alice ${i}`, nowMs: world.clock.now() })
      const { certificate } = old
      const succession = await said(old, next)
      account.former.set(certificate.fingerprint, { certificate, succession })
      old = next
    }
    account.certificate = await certified(old)
    await assert.rejects(bob.client.lookup(alias), { code: 'KEY_CHANGED' })
  })

  it('are asked about a key that the old one did not name, or may not name any more', async () => {
    const [mallory, eve] = [await person('mallory'), await person('eve')]
    const old = alice.person
    const compromised = await revoke(old, 'compromised', world.clock.now())
    const cases: [what: string, succession: Uint8Array | undefined][] = [
      ['nothing', undefined],
      ['of another', await said(eve, mallory)],
      ['the other way round', await said(mallory, old)],
      ['for another key', await said(old, eve)],
      ['for another pod', await said(old, mallory, 'two.test')],
      ['junk', new Uint8Array(5_000)]
    ]
    for (const [what, succession] of cases) {
      await show(mallory, old, succession)
      await assert.rejects(bob.client.lookup(alias), { code: 'KEY_CHANGED' }, what)
      assert.equal((await contact()).fingerprint, old.certificate.fingerprint)
      assert.equal((await contact()).changedTo, mallory.certificate.fingerprint)
      await assert.rejects(bob.client.send(toAlice), { code: 'KEY_CHANGED' })
    }
    // Rightly signed, by a key that its owner called compromised.
    await show(mallory, { ...old, certificate: compromised }, await said(old, mallory))
    await assert.rejects(bob.client.lookup(alias), { code: 'KEY_CHANGED' })
    assert(!bob.events.some(({ type }) => type === 'followed'))
    // As the person says so.
    const accepted = await bob.client.acceptKey(alias)
    assert.equal(accepted.fingerprint, mallory.certificate.fingerprint)
    assert.equal(accepted.succession, null)
  })

  it('hear when the old key named two others', async () => {
    const old = alice.person
    await alice.client.succeedKey()
    assert.equal((await bob.client.lookup(alias)).fingerprint, print(alice))
    const mallory = await person('mallory')
    await show(mallory, old, await said(old, mallory))
    await assert.rejects(bob.client.lookup(alias), { code: 'KEY_CHANGED' })
    const { disputed, fingerprint } = await contact()
    assert.deepEqual([disputed, fingerprint], [mallory.certificate.fingerprint, print(alice)])
    const told = await bob.seen('disputed')
    assert.deepEqual([told.pinned, told.shown], [print(alice), mallory.certificate.fingerprint])
    await assert.rejects(bob.client.send(toAlice), { code: 'KEY_CHANGED' })
  })

  it('hear when the old key turns out to have been stolen when it named the new one', async () => {
    const old = alice.person
    const thief = await person('mallory')
    await show(thief, old, await said(old, thief))
    assert.equal((await bob.client.lookup(alias)).fingerprint, thief.certificate.fingerprint)
    // Its owner, whom the pod lets in no more, takes it back.
    const { pods } = await alice.client.revokeKey({ reason: 'compromised' })
    assert.equal(pods[0]?.shown, true)
    await bob.client.lookup(alias)
    const { disputed, fingerprint } = await contact()
    assert.deepEqual(
      [disputed, fingerprint],
      [old.certificate.fingerprint, thief.certificate.fingerprint]
    )
    await bob.seen('disputed')
    await assert.rejects(bob.client.send(toAlice), { code: 'KEY_CHANGED' })
    const carol = await world.join('carol')
    const found = await carol.client.lookup(alias)
    assert.equal(found.fingerprint, thief.certificate.fingerprint, 'who never saw the old key')
  })

  it('hear it too when one pod shows the one and another pod the other', async () => {
    const other = 'alice@two.test'
    await alice.client.register(other)
    await bob.client.lookup(other)
    const old = alice.person
    await alice.client.succeedKey()
    await bob.client.lookup(alias)
    const mallory = await person('mallory')
    await show(mallory, old, await said(old, mallory, 'two.test'), other)
    await assert.rejects(bob.client.lookup(other), { code: 'KEY_CHANGED' })
    assert.equal((await contact()).disputed, mallory.certificate.fingerprint)
    assert.equal((await contact(other)).disputed, print(alice))
    await assert.rejects(bob.client.send(toAlice), { code: 'KEY_CHANGED' })
    assert.equal((await bob.client.acceptKey(alias)).disputed, null)
    const sent = await bob.client.send(toAlice)
    assert.equal(sent.fingerprint, print(alice))
  })

  it('are followed from a card that names the old key', async () => {
    const { fingerprint } = alice.person.certificate
    await alice.client.succeedKey()
    const carol = await world.join('carol', { vouched: { [alias]: fingerprint } })
    assert.equal((await carol.client.lookup(alias)).fingerprint, print(alice))
    const wrong = (await person('eve')).certificate.fingerprint
    const dave = await world.join('dave', { vouched: { [alias]: wrong } })
    await assert.rejects(dave.client.lookup(alias), { code: 'KEY_CHANGED' })
  })

  it('are asked about a stranger who took another key after writing, and not about a thief', async () => {
    const carol = await world.join('carol', { hostname: 'two.test', requests: 'ask' })
    await carol.client[Symbol.asyncDispose]()
    const sent = await alice.client.send({ to: 'carol@two.test', body: 'Hello' })
    await alice.client.succeedKey()
    await carol.revive()
    const { request } = await carol.seen('requested', ({ certifiedByPod }) => certifiedByPod)
    await carol.client.decide(request, 'once')
    await carol.seen('opened', ({ letter }) => letter === sent.id)
    assert.equal((await carol.client.lookup(alias)).fingerprint, print(alice))
  })

  it('wait for the vault: with a locked one nobody is followed', async () => {
    await alice.client.succeedKey()
    await bob.restart({ locked: true })
    await assert.rejects(bob.client.lookup(alias), { code: 'VAULT_LOCKED' })
    await bob.client.unlock(bob.person)
    assert.equal((await bob.client.lookup(alias)).fingerprint, print(alice))
  })
})

describe('the canary and a new key', () => {
  it('rings for a successor that we did not name, and not for ours', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice', { canaryEveryMs: dayMs })
    const old = alice.person
    await alice.client.succeedKey()
    const asked = async () => {
      const { looked } = world.pod()
      while (world.pod().looked === looked) {
        world.clock.advance(3_600_000)
        for (let turns = 0; turns < 50; turns++) await turn()
      }
      for (let turns = 0; turns < 200; turns++) await turn()
    }
    await asked()
    assert.deepEqual(await alice.client.alarms(), [])

    const thief = await person('mallory')
    const account = world.pod().accounts.get(alias)!
    const succession = await makeSuccession(
      { old: alice.person, next: thief },
      { pod: 'one.test', nowMs: world.clock.now() }
    )
    const { certificate } = alice.person
    account.former.set(certificate.fingerprint, { certificate, succession })
    await asked()
    const rung = await alice.seen('alarm')
    assert.deepEqual([rung.what, rung.shown], ['successor', thief.certificate.fingerprint])
    // To show the key that we left is a lie as any other.
    world.pod().lies.set(alias, old.certificate)
    account.former.delete(certificate.fingerprint)
    await asked()
    await alice.seen('alarm', ({ what }) => what === 'key')
  })
})
