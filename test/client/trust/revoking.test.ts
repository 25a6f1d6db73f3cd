import assert from 'node:assert/strict'
import { readCertificate } from '../../../src/keys/certificate.ts'
import { beforeRevocation, revoke } from '../../../src/keys/revoke.ts'
import { away, ClientWorld } from '../../support/client-world.ts'

const dayMs = 86_400_000
const toBob = { to: 'bob@one.test', body: 'Hello' }

describe('a key that is taken back', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('is shown by its pods, and nothing is sent to it by who asks them', async () => {
    const [alice, bob] = [await world.join('alice'), await world.join('bob')]
    await alice.client.send(toBob)
    await bob.seen('opened')
    const done = await bob.client.revokeKey({ reason: 'compromised' })
    assert.deepEqual(done.pods, [{ alias: 'bob@one.test', shown: true, problem: null }])
    assert(
      (await readCertificate(world.pod().accounts.get('bob@one.test')!.certificate.bytes)).revoked
    )

    world.clock.advance(8 * dayMs)
    const before = world.pod().submitted
    await assert.rejects(alice.client.send(toBob), { code: 'KEY_REVOKED' })
    assert.equal(world.pod().submitted, before)
    const [contact] = await alice.client.contacts()
    assert.equal(contact?.lapsed, 'revoked')
    assert.equal(contact.revocation?.reason, 'compromised')

    // Nobody takes that back: not the pod, and not a restart.
    const account = world.pod().accounts.get('bob@one.test')!
    account.certificate = await beforeRevocation(account.certificate)
    assert.equal((await alice.client.lookup('bob@one.test')).lapsed, 'revoked')
    await alice.restart()
    await assert.rejects(alice.client.send(toBob), { code: 'KEY_REVOKED' })
  })

  it('is refused at first sight', async () => {
    const [alice, bob] = [await world.join('alice'), await world.join('bob')]
    await bob.client.revokeKey({ reason: 'retired' })
    await assert.rejects(alice.client.lookup('bob@one.test'), { code: 'KEY_REVOKED' })
    assert.deepEqual(await alice.client.contacts(), [])
  })

  it('writes no more, and still opens the mailbox', async () => {
    const [alice, bob] = [await world.join('alice'), await world.join('bob')]
    await alice.client.send(toBob)
    await bob.seen('opened')
    await bob.client.revokeKey({ reason: 'superseded' })
    const answer = { to: 'alice@one.test', body: 'too late' }
    await assert.rejects(bob.client.send(answer), { code: 'KEY_REVOKED' })
    await assert.rejects(bob.client.rotateSubkey(), { code: 'KEY_REVOKED' })
    await bob.restart()
    const [letter] = await bob.client.inbox()
    assert.equal((await bob.client.read(letter!.id)).body, 'Hello')
    await assert.rejects(bob.client.send(answer), { code: 'KEY_REVOKED' })
    assert.equal((await bob.client.doctor()).find(({ name }) => name === 'keys')?.ok, false)
  })

  it('is told to a pod that was away, once that is back', async () => {
    const bob = await world.join('bob')
    world.pod().down()
    const done = await bob.client.revokeKey({ reason: 'compromised' })
    assert.equal(done.pods[0]?.problem?.code, 'POD_UNREACHABLE')
    world.pod().up()
    world.clock.advance(2 * 3_600_000)
    while (!world.pod().accounts.get('bob@one.test')!.certificate.revoked)
      await new Promise(done => setImmediate(done))
  })

  it('is taken back with paper alone: under a locked vault, and from a folder of somebody else', async () => {
    const [alice, bob, carol] = await Promise.all(
      ['alice', 'bob', 'carol'].map(name => world.join(name))
    )
    const ofBob = Buffer.from(await bob!.client.revocation())
    const ofCarol = Buffer.from(await carol!.client.revocation())
    await bob!.restart({ locked: true })
    await assert.rejects(bob!.client.revocation(), { code: 'VAULT_LOCKED' })
    await assert.rejects(bob!.client.revokeWith(ofCarol), { code: 'KEY_INVALID' })
    await bob!.client.revokeWith(ofBob)
    assert(world.pod().accounts.get('bob@one.test')!.certificate.revoked)
    await bob!.client.unlock(bob!.person)
    await assert.rejects(bob!.client.send({ to: 'alice@one.test', body: 'x' }), {
      code: 'KEY_REVOKED'
    })
    await assert.rejects(alice!.client.revokeWith(ofBob, 'carol@one.test'), { code: 'KEY_INVALID' })
    await alice!.client.revokeWith(ofCarol, 'carol@one.test')
    assert(world.pod().accounts.get('carol@one.test')!.certificate.revoked)
    assert.equal((await alice!.client.status()).pods.length, 1)
  })
})

describe('a pin that lapses', () => {
  it('says so, is asked about before anything is sent, and lives again when it is seen', async () => {
    await using world = await ClientWorld.make()
    const [alice, bob] = [await world.join('alice'), await world.join('bob')]
    await alice.client.lookup('bob@one.test')
    assert.equal((await alice.client.contacts())[0]?.lapsed, null)
    await away(world, [alice, bob], 2 * 365 * dayMs)
    await bob.revive()
    await alice.revive()
    const [old] = await alice.client.contacts()
    assert.equal(old?.lapsed, 'unseen')
    await bob.seen('listening')
    const looked = world.pod().looked
    const sent = await alice.client.send(toBob)
    assert.equal(sent.state, 'announced')
    assert(world.pod().looked > looked)
    assert.equal((await alice.client.contacts())[0]?.lapsed, null)
    await bob.seen('opened')
  })

  it('is confirmed by its pod when its owner writes after long', async () => {
    await using world = await ClientWorld.make()
    const [alice, bob] = [await world.join('alice'), await world.join('bob')]
    await bob.client.lookup('alice@one.test')
    const [before] = await bob.client.contacts()
    await away(world, [alice, bob], 200 * dayMs)
    await bob.revive()
    await alice.revive()
    await bob.seen('listening')
    await alice.client.send(toBob)
    await bob.seen('opened')
    while ((await bob.client.contacts())[0]!.seenMs <= before!.seenMs + 100 * dayMs)
      await new Promise(done => setImmediate(done))
  })

  it('learns of a revocation from a file, too', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    await bob.client.lookup('alice@one.test')
    const revoked = await revoke(alice.person, 'superseded', world.clock.now())
    const [contact] = await bob.client.importKey(revoked.bytes, 'alice@one.test')
    assert.equal(contact?.lapsed, 'revoked')
    await assert.rejects(bob.client.send({ to: 'alice@one.test', body: 'x' }), {
      code: 'KEY_REVOKED'
    })
  })
})
