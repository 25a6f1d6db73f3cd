import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import type { LetterRequest } from '../../src/client/requests/request.ts'
import { expiryAt } from '../../src/wire/blob.ts'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld, person } from '../support/client-world.ts'
import { bytesOf, craft, hourMs, post } from '../support/crafted.ts'

describe('requests', () => {
  let world: ClientWorld
  let bob: Tester
  let alice: Tester
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
    bob = await world.join('bob', { requests: 'ask' })
    alice = await world.join('alice')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const write = (body = 'Hello') => alice.client.send({ to: 'bob@one.test', body })
  const requested = (letters = 1) => bob.seen('requested', event => event.letters === letters)
  const opened = ({ id }: { id: string }) => bob.seen('opened', ({ letter }) => letter === id)
  /** What Bob's node did in the network for letters. */
  const traffic = () => ({ gets: world.dht.gets, releases: world.dht.releases })
  const none = { gets: 0, releases: 0 }

  async function only(): Promise<LetterRequest> {
    const [request, ...more] = await bob.client.requests()
    assert(request)
    assert.deepEqual(more, [])
    return request
  }

  /** Waits until Bob has dealt with all that was announced to him. */
  async function done(count: number): Promise<void> {
    await world.pod().acknowledged('bob@one.test', count)
    await bob.client.caughtUp()
  }

  it('are what becomes of a first letter: the pod says whose it is, and nothing is fetched', async () => {
    const letter = await write()
    const event = await requested()
    const { id, ...request } = await only()
    assert.equal(event.request, id)
    assert.deepEqual(request, {
      alias: 'alice@one.test',
      fingerprint: alice.person.certificate.fingerprint,
      contact: false,
      certifiedByPod: true,
      looksLike: null,
      invited: null,
      pod: 'one.test',
      letters: 1,
      sizeBytes: letter.sizeBytes,
      atMs: world.clock.now(),
      expiryMs: letter.expiryMs
    })
    assert.deepEqual(traffic(), none)
    assert.deepEqual(await bob.client.inbox(), [])
    assert.deepEqual(await bob.client.contacts(), [], 'to ask is not to know')
    assert.deepEqual((await bob.client.status()).inbox, { waiting: 0, relays: [], requests: 1 })
  })

  it('let in once are read, and the next letter asks again', async () => {
    const [first, second] = [await write('one'), await write('two')]
    await requested(2)
    const { id, letters } = await only()
    assert.equal(letters, 2)
    await bob.client.decide(id, 'once')
    await opened(first)
    await opened(second)
    assert.deepEqual(await bob.client.requests(), [])
    const gets = world.dht.gets
    await write('three')
    await requested(1)
    await done(3)
    const { contact, certifiedByPod } = await only()
    assert.deepEqual([contact, certifiedByPod], [true, true], 'she is known by now')
    assert.equal(world.dht.gets, gets)
    assert.equal((await bob.client.contacts())[0]?.policy, 'ask')
  })

  it('let in for good are asked no more', async () => {
    const first = await write('one')
    await requested()
    await bob.client.decide((await only()).id, 'always')
    await opened(first)
    await opened(await write('two'))
    await bob.restart()
    await opened(await write('three'))
  })

  it('put away are gone for good, and ask nobody again', async () => {
    await write()
    await requested()
    const { id } = await only()
    await bob.client.decide(id, 'ignore')
    await world.pod().replay('bob@one.test')
    await bob.restart()
    await world.pod().replay('bob@one.test')
    await bob.client.caughtUp()
    assert.deepEqual(await bob.client.requests(), [])
    await write('two')
    await requested()
    assert.deepEqual(traffic(), none)
    await assert.rejects(bob.client.decide('00'.repeat(32), 'once'), { code: 'REQUEST_UNKNOWN' })
  })

  it('of a blocked sender are none, also after a restart with a locked vault', async () => {
    const letter = await write()
    await requested()
    const looked = world.pod().looked
    await bob.client.decide((await only()).id, 'block')
    await bob.restart({ locked: true })
    await bob.seen('listening')
    await write('two')
    await done(2)
    await bob.seen('fetched')
    await assert.rejects(bob.client.requests(), { code: 'VAULT_LOCKED' })
    await assert.rejects(bob.client.policies(), { code: 'VAULT_LOCKED' })
    await assert.rejects(bob.client.choosePolicy('alice@one.test', 'pull'), {
      code: 'VAULT_LOCKED'
    })
    assert.equal((await bob.client.status()).inbox.requests, null)
    await bob.client.unlock(bob.person)
    await bob.client.caughtUp()
    assert.deepEqual(await bob.client.requests(), [])
    assert.deepEqual(
      (await bob.client.policies()).map(({ alias, policy }) => [alias, policy]),
      [['alice@one.test', 'ignore']]
    )
    assert.equal(world.pod().looked, looked, 'nobody is asked about her')
    // Locked, a client takes all that is announced, and cannot tell from whom.
    assert.deepEqual(traffic(), { ...none, gets: 1 })
    assert.equal((await alice.sent(letter.id)).state, 'announced')
    await bob.client.choosePolicy('alice@one.test', 'ask')
    await write('three')
    await bob.seen('requested')
  })

  it('look the same from outside, answered or not', async () => {
    await write()
    await requested()
    /** What everybody but Bob can see of a second letter, and of a third after a restart. */
    const seenOf = async () => {
      const before = { ...traffic(), looked: world.pod().looked, opened: world.pod().opened }
      const letter = await write('again')
      await done(world.pod().accounts.get('bob@one.test')!.notices.length)
      await bob.restart()
      await bob.seen('listening')
      await write('and again')
      await done(world.pod().accounts.get('bob@one.test')!.notices.length)
      const { gets, releases } = traffic()
      return [
        (await alice.sent(letter.id)).state,
        gets - before.gets,
        releases - before.releases,
        world.pod().looked - before.looked,
        world.pod().opened - before.opened
      ]
    }
    const unread = await seenOf()
    await bob.client.decide((await only()).id, 'block')
    assert.deepEqual(await seenOf(), unread)
    assert.deepEqual(unread.slice(0, 4), ['announced', 0, 0, 0])
  })

  it('in the name of another are dropped when the pod says so', async () => {
    const { fingerprint } = (await person('mallory')).certificate
    const sender = { fingerprint: bytesOf(fingerprint), alias: 'alice@one.test' }
    const { blob, slip } = await craft(world, {
      by: await person('mallory'),
      to: bob.person.certificate,
      letter: { sender }
    })
    const looked = world.pod().looked
    await post(world, blob, slip)
    await done(1)
    assert.equal(world.pod().looked, looked + 1)
    assert.deepEqual(await bob.client.requests(), [])
    assert.equal(bob.events.filter(({ type }) => type === 'requested').length, 0)
    assert.deepEqual(traffic(), none)
  })

  it('signed by another than their sender are dropped, now and once the pod has spoken', async () => {
    await write()
    await requested()
    for (let i = 0; i < 2; i++) {
      const { certificate } = alice.person
      const { blob, slip } = await craft(world, {
        by: alice.person,
        to: bob.person.certificate,
        letter: {
          sender: { fingerprint: bytesOf(certificate.fingerprint), alias: 'alice@one.test' }
        },
        slipBy: await person('mallory')
      })
      await post(world, blob, slip)
      await done(2 + i)
      assert.equal((await only()).letters, 1)
    }
  })

  it('of a sender whose pod nobody knows say so', async () => {
    const { blob, slip } = await craft(world, {
      by: await person('mallory'),
      to: bob.person.certificate
    })
    await post(world, blob, slip)
    assert.equal((await requested()).certifiedByPod, false)
    assert.equal((await only()).certifiedByPod, false)
    await bob.client.decide((await only()).id, 'always')
    await bob.seen('opened')
    assert.equal((await bob.client.inbox())[0]?.from.certifiedByPod, false)
  })

  it('are told of while the pod is away, and checked when it is back', async () => {
    const by = await person('carol')
    await world.join('carol', { hostname: 'two.test' })
    const { fingerprint } = by.certificate
    world.pod('two.test').down()
    const letter = { sender: { fingerprint: bytesOf(fingerprint), alias: 'carol@two.test' } }
    const { blob, slip } = await craft(world, { by, to: bob.person.certificate, letter })
    await post(world, blob, slip)
    assert.equal((await requested()).certifiedByPod, false)
    assert.equal((await only()).certifiedByPod, false)
    world.pod('two.test').up()
    bob.peer('connected')
    await bob.seen('requested', event => event.certifiedByPod)
    assert.equal((await only()).certifiedByPod, true)
  })

  it('let in are not asked about again after a kill', async () => {
    const letter = await write()
    await requested()
    world.dht.getFails = 'PEER_TIMEOUT'
    await bob.client.decide((await only()).id, 'once')
    bob.kill()
    world.dht.getFails = null
    await bob.revive()
    await opened(letter)
    assert.deepEqual(await bob.client.requests(), [])
  })

  it('survive a restart, and end with their letters', async () => {
    const { blob, slip } = await craft(world, {
      by: await person('mallory'),
      to: bob.person.certificate
    })
    const expiryMs = expiryAt(world.clock.now() + hourMs)
    await post(world, blob, slip, { expiryMs })
    await requested()
    await bob.restart()
    assert.equal((await only()).expiryMs, expiryMs)
    world.clock.advance(3 * hourMs)
    assert.deepEqual(await bob.client.requests(), [])
    await bob.restart()
    assert.equal((await bob.client.status()).inbox.requests, 0)
  })

  it('of one sender are at most twenty at a time, and the next is taken when it is announced again', async () => {
    const by = await person('mallory')
    for (let i = 0; i < 21; i++) {
      const { blob, slip } = await craft(world, { by, to: bob.person.certificate })
      await post(world, blob, slip)
    }
    await done(21)
    const { letters, id } = await only()
    assert.equal(letters, 20)
    await bob.client.decide(id, 'ignore')
    await world.pod().replay('bob@one.test')
    await requested(1)
  })

  it('warn of an alias that looks like a known one', async () => {
    await bob.client.lookup('alice@one.test')
    const names = { 'a1ice@one.test': 'alice@one.test', 'b0b@one.test': 'bob@one.test' }
    for (const [alias, looksLike] of Object.entries(names)) {
      const by = await person('mallory')
      const fingerprint = bytesOf(by.certificate.fingerprint)
      const letter = { sender: { fingerprint, alias } }
      const { blob, slip } = await craft(world, { by, to: bob.person.certificate, letter })
      await post(world, blob, slip)
      await bob.seen('requested', ({ from }) => from === alias)
      const found = (await bob.client.requests()).find(request => request.alias === alias)
      assert.equal(found?.looksLike, looksLike)
    }
  })

  it('are none of contacts, unless the person wants to be asked', async () => {
    await bob.client.lookup('alice@one.test')
    await opened(await write('one'))
    await bob.client.choosePolicy('Alice@one.test', 'ask')
    const { gets } = traffic()
    await write('two')
    assert.equal((await requested()).certifiedByPod, true)
    assert.equal((await only()).contact, true)
    await bob.client.choosePolicy('alice@one.test', 'ignore')
    assert.deepEqual(await bob.client.requests(), [])
    await write('three')
    await done(3)
    assert.equal(traffic().gets, gets)
    assert.deepEqual(
      (await bob.client.contacts()).map(({ alias, policy }) => [alias, policy]),
      [['alice@one.test', 'ignore']]
    )
    await bob.client.choosePolicy('alice@one.test', 'pull')
    await opened(await write('four'))
  })

  it('in the name of a contact, by another key, wait twenty at most and keep nobody else waiting', async () => {
    await bob.client.lookup('alice@one.test')
    const by = await person('mallory')
    const sender = { fingerprint: bytesOf(by.certificate.fingerprint), alias: 'alice@one.test' }
    for (let i = 0; i < 22; i++) {
      const crafted = { by, to: bob.person.certificate, letter: { sender } }
      const { blob, slip } = await craft(world, crafted)
      await post(world, blob, slip)
    }
    await done(22)
    assert.equal((await bob.client.status()).inbox.waiting, 20)
    await opened(await write())
    assert.deepEqual(await bob.client.requests(), [])
  })

  it('are let in unasked from an alias that was let in before it wrote, once its pod vouches', async () => {
    await bob.client.choosePolicy('alice@one.test', 'pull')
    const { blob, slip } = await craft(world, {
      by: await person('mallory'),
      to: bob.person.certificate,
      letter: {
        sender: {
          fingerprint: bytesOf((await person('mallory')).certificate.fingerprint),
          alias: 'alice@one.test'
        }
      }
    })
    await post(world, blob, slip)
    await done(1)
    assert.deepEqual(traffic(), none, 'an alias alone opens no door')
    await opened(await write())
  })

  it('are as many as letters of strangers, where the person wants none or all', async () => {
    const carol = await world.join('carol', { requests: 'ignore' })
    await alice.client.send({ to: 'carol@one.test', body: 'x' })
    await world.pod().acknowledged('carol@one.test', 1)
    await carol.client.caughtUp()
    assert.deepEqual(await carol.client.requests(), [])
    assert.deepEqual(traffic(), none)
    const dave = await world.join('dave', { requests: 'pull' })
    const letter = await alice.client.send({ to: 'dave@one.test', body: 'x' })
    await dave.seen('opened', event => event.letter === letter.id)
    assert.ok(world.dht.blobs.has(toHex(bytesOf(letter.key!))))
  })
})
