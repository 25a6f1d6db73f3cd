import assert from 'node:assert/strict'
import { utf8 } from '../../src/base/bytes.ts'
import { armorCertificate } from '../../src/keys/certificate.ts'
import { certify } from '../../src/keys/certify.ts'
import { addAlias } from '../../src/keys/person.ts'
import { ClientWorld, person } from '../support/client-world.ts'
import { until } from '../support/own-devices.ts'

const letter = { to: 'bob@one.test', body: 'Hello' }

describe('contacts', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** Bob's alias now belongs to another key, as the pod says. */
  async function takeOver(alias: string, by: string): Promise<string> {
    const pod = world.pod(alias.split('@')[1])
    const nowMs = world.clock.now()
    const named = await addAlias(await person(by), alias, nowMs)
    const account = pod.accounts.get(alias)!
    account.certificate = await certify(pod.person, {
      certificate: named.certificate,
      alias,
      nowMs,
      lifeMs: 86_400_000
    })
    return named.certificate.fingerprint
  }

  it('are compared by words that are the same for both, and others for another key', async () => {
    await using world = await ClientWorld.make()
    const [alice, bob] = [await world.join('alice'), await world.join('bob')]
    await alice.client.lookup('bob@one.test')
    await bob.client.lookup('alice@one.test')
    const { words, fingerprint } = await alice.client.verification('bob@one.test')
    assert.equal(fingerprint, bob.person.certificate.fingerprint)
    assert.deepEqual((await bob.client.verification('alice@one.test')).words, words)
    const eve = await world.join('eve')
    await eve.client.lookup('bob@one.test')
    const others = (await eve.client.verification('bob@one.test')).words.join(' ')
    await assert.rejects(alice.client.verify('bob@one.test', others), { code: 'KEY_CHANGED' })
    const typed = words.with(0, 'muttr').join(' ')
    await assert.rejects(alice.client.verify('bob@one.test', typed), { code: 'USAGE' })
    assert.equal((await alice.client.contacts())[0]?.verified, false)
    assert.equal((await alice.client.verify('bob@one.test', words.join(' '))).verified, true)
    const card = await alice.client.card()
    assert.equal(card.alias, 'alice@one.test')
    await assert.rejects(alice.client.card('bob@one.test'), { code: 'ALIAS_MISSING' })
  })

  it('are pinned at first sight, with the word of the pod', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const found = await alice.client.lookup('BOB@one.test')
    const { fingerprint, pin } = bob.person.certificate
    assert.deepEqual(
      { ...found, pinnedMs: 0 },
      {
        alias: 'bob@one.test',
        fingerprint,
        pin,
        pinnedMs: 0,
        verified: false,
        certifiedByPod: true,
        withdrawn: null,
        escrow: false,
        podTrust: 'file',
        seenMs: world.clock.now(),
        lapsed: null,
        revocation: null,
        succession: null,
        disputed: null,
        moved: null,
        offered: null,
        invited: false,
        changedTo: null,
        policy: 'pull'
      }
    )
    assert.equal((await alice.seen('looked-up')).pin, 'new')
    await alice.client.lookup('bob@one.test')
    await alice.seen('looked-up', ({ pin: known }) => known === 'known')
    await alice.restart()
    assert.deepEqual(await alice.client.contacts(), [found])
  })

  it('of other pods are certified by those', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob', { hostname: 'two.test' })
    const sent = await alice.client.send({ to: 'bob@two.test', body: 'Hello' })
    assert.equal(sent.announced?.pod, 'two.test')
    await bob.seen('opened')
    // Bob has never spoken with alice's pod: it is asked after the letter was opened.
    await bob.seen('looked-up', ({ alias }) => alias === 'alice@one.test')
    await bob.restart()
    const [received] = await bob.client.inbox()
    assert.deepEqual([received?.from.certifiedByPod, received?.from.verified], [true, false])
  })

  it('with another key are refused until the person accepts it', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const before = await alice.client.lookup('bob@one.test')
    await alice.client.verify('bob@one.test')
    const shown = await takeOver('bob@one.test', 'mallory')
    world.clock.advance(2 * 3_600_000)
    await assert.rejects(alice.client.lookup('bob@one.test'), { code: 'KEY_CHANGED' })
    await assert.rejects(alice.client.send(letter), { code: 'KEY_CHANGED' })
    await alice.restart()
    await assert.rejects(alice.client.send(letter), { code: 'KEY_CHANGED' })
    const [contact] = await alice.client.contacts()
    assert.deepEqual(
      [contact?.fingerprint, contact?.changedTo, contact?.verified],
      [before.fingerprint, shown, true]
    )
    const accepted = await alice.client.acceptKey('bob@one.test')
    assert.deepEqual(
      [accepted.fingerprint, accepted.changedTo, accepted.verified, accepted.certifiedByPod],
      [shown, null, false, true]
    )
    const sent = await alice.client.send(letter)
    assert.equal(sent.fingerprint, shown)
    assert.ok(bob)
  })

  it('whose pod shows the pinned key again need not be accepted', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    await alice.client.lookup('bob@one.test')
    const account = world.pod().accounts.get('bob@one.test')!
    const { certificate } = account
    await takeOver('bob@one.test', 'mallory')
    await assert.rejects(alice.client.lookup('bob@one.test'), { code: 'KEY_CHANGED' })
    account.certificate = certificate
    assert.equal((await alice.client.lookup('bob@one.test')).changedTo, null)
    await alice.client.send(letter)
    await bob.seen('opened')
  })

  it('who change their key while a letter waits get it sealed to the accepted key', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    await alice.client.lookup('bob@one.test')
    world.dht.putFails = 'QUORUM_MISSED'
    const sent = await alice.client.send(letter)
    assert.equal(sent.fingerprint, bob.person.certificate.fingerprint)
    const shown = await takeOver('bob@one.test', 'carol')
    await assert.rejects(alice.client.lookup('bob@one.test'), { code: 'KEY_CHANGED' })
    world.dht.putFails = null
    world.clock.advance(72_000)
    await alice.seen('waiting', ({ code }) => code === 'KEY_CHANGED')
    assert.equal(world.dht.blobs.size, 0)
    world.clock.advance(2_000)
    await alice.client.acceptKey('bob@one.test')
    await alice.seen('announced')
    await alice.restart()
    const [again] = await alice.client.sent()
    assert.deepEqual([again?.state, again?.fingerprint], ['announced', shown])
    assert.notEqual(again?.key, sent.key)
  })

  it('who write with a changed key are heard once it is accepted', async () => {
    const bob = await world.join('bob')
    const alice = await world.join('alice')
    await bob.client.lookup('alice@one.test')
    await alice.client[Symbol.asyncDispose]()
    world.pod().accounts.delete('alice@one.test')
    const other = await world.join('alice', { who: 'new alice' })
    const sent = await other.client.send(letter)
    assert.equal((await bob.seen('refused')).code, 'KEY_CHANGED')
    assert.equal(world.dht.gets, 0)
    await world.pod().acknowledged('bob@one.test', 1)
    const { fingerprint } = other.person.certificate
    const changedTo = async () => (await bob.client.contacts())[0]?.changedTo
    // The pod is asked who wrote while the letter waits.
    await until(async () => (await changedTo()) === fingerprint)
    await bob.restart()
    assert.equal(await changedTo(), fingerprint)
    world.clock.advance(2_000)
    await bob.client.acceptKey('alice@one.test')
    await bob.seen('opened', ({ letter: id }) => id === sent.id)
  })

  it('are verified by comparing fingerprints, as people write them', async () => {
    const alice = await world.join('alice')
    await world.join('bob')
    await assert.rejects(alice.client.verify('bob@one.test'), { code: 'CONTACT_UNKNOWN' })
    await assert.rejects(alice.client.acceptKey('bob@one.test'), { code: 'CONTACT_UNKNOWN' })
    const { fingerprint } = await alice.client.lookup('bob@one.test')
    const written = fingerprint.toUpperCase().replaceAll(/(.{4})/g, '$1 ')
    await assert.rejects(alice.client.verify('bob@one.test', `0${written.slice(1)}f`), {
      code: 'KEY_CHANGED'
    })
    assert.equal((await alice.client.contacts())[0]?.verified, false)
    assert.equal((await alice.client.verify('bob@one.test', written)).verified, true)
    await alice.client.lookup('bob@one.test')
    await alice.restart()
    assert.equal((await alice.client.contacts())[0]?.verified, true)
  })

  it('are imported from a file, and the pod must then show the same key', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const exported = await bob.client.exportKey()
    const [imported] = await alice.client.importKey(utf8(exported))
    assert.deepEqual([imported?.alias, imported?.certifiedByPod], ['bob@one.test', false])
    assert.equal((await alice.client.send(letter)).state, 'announced')
    const mallory = utf8(armorCertificate((await person('mallory')).certificate))
    await assert.rejects(alice.client.importKey(mallory), { code: 'ALIAS_INVALID' })
    await assert.rejects(alice.client.importKey(mallory, 'bob@one.test'), { code: 'KEY_CHANGED' })
    await assert.rejects(alice.client.importKey(utf8('no key')), { code: 'KEY_INVALID' })
    const [given] = await alice.client.importKey(mallory, 'Mallory@two.test')
    assert.equal(given?.alias, 'mallory@two.test')
  })

  it('that a join link vouched for must show that key at first sight', async () => {
    const bob = await world.join('bob')
    const { fingerprint } = bob.person.certificate
    const good = await world.join('alice', { vouched: { 'bob@one.test': fingerprint } })
    assert.equal((await good.client.lookup('bob@one.test')).fingerprint, fingerprint)
    const bad = await world.join('carol', { vouched: { 'bob@one.test': '0'.repeat(40) } })
    await assert.rejects(bad.client.lookup('bob@one.test'), { code: 'KEY_CHANGED' })
    await assert.rejects(bad.client.send(letter), { code: 'KEY_CHANGED' })
    assert.deepEqual(await bad.client.contacts(), [])
    await bad.client.importKey(utf8(await bob.client.exportKey()))
    assert.equal((await bad.client.send(letter)).state, 'announced')
  })

  it('are asked for once when many letters need them at once', async () => {
    const alice = await world.join('alice')
    await world.join('bob')
    await Promise.all(Array.from({ length: 10 }, () => alice.client.send(letter)))
    assert.equal(world.pod().looked, 1)
  })

  it('are not pinned by what a pod says of another alias', async () => {
    const alice = await world.join('alice')
    await assert.rejects(alice.client.lookup('nobody@one.test'), { code: 'ALIAS_UNKNOWN' })
    await assert.rejects(alice.client.lookup('nobody@three.test'), { code: 'POD_UNKNOWN' })
    await assert.rejects(alice.client.lookup('nobody'), { code: 'ALIAS_INVALID' })
    assert.deepEqual(await alice.client.contacts(), [])
  })
})
