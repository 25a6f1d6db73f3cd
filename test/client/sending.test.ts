import assert from 'node:assert/strict'
import { limits } from '../../src/base/limits.ts'
import { ClientWorld } from '../support/client-world.ts'
import { fillingState } from '../support/filling-state.ts'

const hourMs = 3_600_000
const letter = { to: 'bob@one.test', subject: 'Hi', body: 'Hello' }

describe('sending', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('asks the pod once for as long as its answer is good, and shows the certificate until it is known', async () => {
    // Where they agree on addresses of their own it is asked less.
    world.pod().addresses.mode = 'off'
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const first = await alice.client.send(letter)
    const second = await alice.client.send(letter)
    assert.equal(world.pod().looked, 1)
    assert.deepEqual([first.sizeBytes, second.sizeBytes], [4_096, 4_096])
    await bob.seen('opened', ({ letter: id }) => id === second.id)
    await bob.client.send({ to: 'alice@one.test', body: 'Hello yourself', parent: first.id })
    await alice.seen('opened')
    await alice.client[Symbol.asyncDispose]() // what it learns of bob is written now
    await alice.restart()
    const third = await alice.client.send(letter)
    assert.equal(third.sizeBytes, 1_024)
    world.clock.advance(2 * hourMs)
    await alice.client.send(letter)
    assert.equal(world.pod().looked, 3) // twice by alice, once by bob
  })

  it('keeps letters of one conversation together', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const first = await alice.client.send(letter)
    await bob.seen('opened')
    const answer = await bob.client.send({ to: 'alice@one.test', body: 'Yes', parent: first.id })
    await alice.seen('opened')
    const own = await alice.client.send({ ...letter, parent: first.id })
    await bob.seen('opened', ({ letter: id }) => id === own.id)
    const [got] = await alice.client.inbox()
    assert.deepEqual([got?.parent, got?.thread], [first.id, first.id])
    assert.equal((await bob.client.read(own.id)).thread, first.id)
    assert.equal((await bob.client.read(first.id)).thread, first.id)
    await assert.rejects(alice.client.send({ ...letter, parent: 'f'.repeat(64) }), {
      code: 'LETTER_UNKNOWN'
    })
    assert.ok(answer.id)
  })

  it('says at once what cannot be, and keeps nothing of it', async () => {
    const alice = await world.join('alice')
    const refused = async (draft: object, code: string) =>
      assert.rejects(alice.client.send({ ...letter, ...draft }), { code }, code)
    await refused({ to: 'bob' }, 'ALIAS_INVALID')
    await refused({ to: 'nobody@one.test' }, 'ALIAS_UNKNOWN')
    await refused({ to: 'bob@nowhere.test' }, 'POD_UNKNOWN')
    await refused({ body: 'x'.repeat(limits.letterBodyBytesMax + 1) }, 'LETTER_TOO_LARGE')
    await refused({ subject: 'two\nlines' }, 'LETTER_INVALID')
    await refused({ body: '\udc00' }, 'LETTER_INVALID')
    await refused({ mimeType: 'text' }, 'LETTER_INVALID')
    await refused({ lifeMs: limits.blobLifeMsMax + 1 }, 'LETTER_INVALID')
    await refused({ lifeMs: 0 }, 'LETTER_INVALID')
    await refused({ lifeMs: Number.NaN }, 'LETTER_INVALID')
    await refused({ parent: 'x' }, 'LETTER_UNKNOWN')
    assert.deepEqual(await alice.client.sent(), [])
    assert.equal(world.dht.puts, 0)
    await alice.restart()
    assert.equal((await alice.client.status()).outbox.waiting, 0)
  })

  it('refuses a letter when the disk is full, and goes on, however long signing takes', async () => {
    const { state, disk } = fillingState()
    const alice = await world.join('alice', { state })
    await world.join('bob')
    await alice.client.send(letter) // to a reader who is known the slip is signed while the disk works
    disk.isFull = true
    const unheard: unknown[] = [] // one of these ends a node
    const hear = (err: unknown) => unheard.push(err)
    process.on('unhandledRejection', hear)
    await assert.rejects(alice.client.send(letter), { code: 'DISK_FULL' })
    process.off('unhandledRejection', hear)
    assert.deepEqual(unheard, [])
    disk.isFull = false
    const after = await alice.client.send(letter)
    assert.deepEqual([after.state, (await alice.client.sent()).length], ['announced', 2])
  })

  it('needs an alias and an open vault', async () => {
    const carol = await world.join('carol', { register: false })
    await assert.rejects(carol.client.send(letter), { code: 'ALIAS_MISSING' })
    await carol.restart({ locked: true })
    for (const refused of [
      carol.client.send(letter),
      carol.client.register('carol@one.test'),
      carol.client.inbox(),
      carol.client.sent(),
      carol.client.read('abcd')
    ])
      await assert.rejects(refused, { code: 'VAULT_LOCKED' })
  })

  it('takes the largest letter', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const body = 'ä'.repeat(limits.letterBodyBytesMax / 2)
    const { id, sizeBytes } = await alice.client.send({ ...letter, body })
    assert.equal(sizeBytes, 64 * 1_024)
    await bob.seen('opened')
    assert.equal((await bob.client.read(id)).body, body)
  })

  it('gives an expiry of whole hours', async () => {
    const alice = await world.join('alice')
    await world.join('bob')
    world.clock.advance(1_234)
    const { expiryMs } = await alice.client.send({ ...letter, lifeMs: hourMs })
    assert.equal(expiryMs % hourMs, 0)
    assert.ok(expiryMs > world.clock.now() + hourMs && expiryMs <= world.clock.now() + 2 * hourMs)
  })

  describe('without a network', () => {
    it('lets the letter wait, says so, and sends it when the network is back', async () => {
      const alice = await world.join('alice')
      const bob = await world.join('bob')
      await alice.client.lookup('bob@one.test')
      alice.peer('disconnected')
      world.dht.putFails = 'NETWORK_EMPTY'
      const sent = await alice.client.send(letter)
      assert.equal(sent.state, 'queued')
      assert.equal(sent.waiting?.code, 'NETWORK_EMPTY')
      assert.ok(sent.waiting.hint)
      assert.equal((await alice.client.status()).outbox.waiting, 1)
      world.dht.putFails = null
      world.clock.advance(2_000)
      alice.peer('connected')
      await bob.seen('opened', ({ letter: id }) => id === sent.id)
      assert.equal((await alice.client.status()).outbox.waiting, 0)
      assert.equal((await alice.client.sent())[0]?.state, 'announced')
    })

    it('waits unsealed for a key that could not be looked up, and is sealed once it is known', async () => {
      const alice = await world.join('alice')
      const bob = await world.join('bob')
      world.pod().down()
      const sent = await alice.client.send(letter)
      assert.deepEqual(
        [sent.state, sent.key, sent.waiting?.code],
        ['queued', null, 'POD_UNREACHABLE']
      )
      world.pod().up()
      world.clock.advance(60_000 * 1.2)
      await bob.seen('opened', ({ letter: id }) => id === sent.id)
    })

    it('does not call a copy on our own seed stored', async () => {
      const alice = await world.join('alice')
      await world.join('bob')
      world.dht.onlyHolder = 'x'
      const sent = await alice.client.send(letter)
      assert.deepEqual([sent.state, sent.waiting?.code], ['queued', 'NETWORK_EMPTY'])
      world.dht.onlyHolder = 'holder-1'
      world.clock.advance(2 * 60_000)
      const stored = await alice.seen('stored')
      assert.equal(stored.copies, 1)
    })

    it('is tried at every start, which makes no wait longer', async () => {
      const alice = await world.join('alice')
      await world.join('bob')
      world.dht.putFails = 'QUORUM_MISSED'
      const { waiting } = await alice.client.send(letter)
      for (let i = 0; i < 5; i++) {
        await alice.restart()
        await alice.seen('waiting')
      }
      const [sent] = await alice.client.sent()
      assert.equal(sent?.waiting?.retryAtMs, waiting?.retryAtMs)
    })

    it('tries again after 60 s, then twice as long, until it expires', async () => {
      const alice = await world.join('alice')
      await world.join('bob')
      await alice.client.lookup('bob@one.test')
      world.dht.putFails = 'QUORUM_MISSED'
      const sent = await alice.client.send({ ...letter, lifeMs: hourMs })
      let atMs = sent.sentMs
      for (let failures = 1; ; failures++) {
        const retries = alice.events.filter(event => event.type === 'waiting')
        const retry = retries.at(-1)!
        assert.equal(retries.length, failures)
        const waitMs = retry.retryAtMs - atMs
        assert.ok(waitMs >= 48_000 * 2 ** (failures - 1) && waitMs <= 72_000 * 2 ** (failures - 1))
        atMs = retry.retryAtMs
        if (atMs >= sent.expiryMs) break
        const next = alice.seen('waiting', ({ retryAtMs }) => retryAtMs > atMs)
        world.clock.advance(atMs - world.clock.now())
        await next
      }
      world.clock.advance(hourMs)
      await alice.restart()
      const [expired] = await alice.client.sent()
      assert.deepEqual([expired?.state, expired?.waiting], ['expired', null])
      assert.equal((await alice.client.status()).outbox.waiting, 0)
    })
  })

  describe('with a pod that is down', () => {
    it('stores the letter, and only the notice waits', async () => {
      const alice = await world.join('alice')
      const bob = await world.join('bob')
      await alice.client.lookup('bob@one.test')
      world.pod().down()
      const sent = await alice.client.send(letter)
      assert.deepEqual([sent.state, sent.waiting?.code], ['stored', 'POD_UNREACHABLE'])
      assert.equal(world.dht.blobs.size, 1)
      world.pod().up()
      world.clock.advance(10_000) // the lines to the own pod come up, which wakes the outbox before its time
      await bob.seen('opened', ({ letter: id }) => id === sent.id)
      assert.equal(world.dht.puts, 1)
    })

    it('asks again when the pod has a new key for notices', async () => {
      const alice = await world.join('alice')
      const bob = await world.join('bob')
      await alice.client.lookup('bob@one.test')
      await world.pod().rotate()
      const sent = await alice.client.send(letter)
      assert.equal(sent.state, 'announced')
      await bob.seen('opened')
    })
  })

  describe('after a kill', () => {
    const stages = {
      'before the key was known': () => world.pod().down(),
      'before it was stored': () => {
        world.dht.putFails = 'NETWORK_EMPTY'
      },
      'before it was announced': () => world.pod().down()
    }
    for (const [stage, spoil] of Object.entries(stages))
      it(`goes on where it was: ${stage}`, async () => {
        const alice = await world.join('alice')
        const bob = await world.join('bob')
        if (!stage.includes('key')) await alice.client.lookup('bob@one.test')
        spoil()
        const sent = await alice.client.send(letter)
        assert.notEqual(sent.state, 'announced')
        alice.kill()
        world.pod().up()
        world.dht.putFails = null
        await alice.revive()
        world.clock.advance(10_000)
        await bob.seen('opened', ({ letter: id }) => id === sent.id)
        await alice.seen('announced')
        assert.equal(world.dht.blobs.size, 1)
        assert.equal((await alice.client.sent()).length, 1)
      })

    it('stores the same blob when it was killed while storing', async () => {
      const alice = await world.join('alice')
      const bob = await world.join('bob')
      await alice.client.lookup('bob@one.test')
      const storing = Promise.withResolvers<void>()
      world.dht.beforePut = async () => {
        alice.kill()
        storing.resolve()
      }
      void alice.client.send(letter).catch(() => undefined)
      await storing.promise
      world.dht.beforePut = async () => undefined
      await alice.revive()
      await bob.seen('opened')
      assert.equal(world.dht.puts, 2)
      assert.equal(world.dht.blobs.size, 1)
    })

    it('announces again when it was killed before it wrote that down, and bob sees one letter', async () => {
      const alice = await world.join('alice')
      const bob = await world.join('bob')
      await alice.client.lookup('bob@one.test')
      const announced = Promise.withResolvers<void>()
      alice.at = ({ type }) => {
        if (type !== 'announced') return
        alice.kill()
        announced.resolve()
      }
      void alice.client.send(letter).catch(() => undefined)
      await announced.promise
      alice.at = () => undefined
      await alice.revive()
      await alice.seen('announced')
      await world.pod().acknowledged('bob@one.test', 2)
      await bob.seen('opened')
      assert.equal((await bob.client.inbox()).length, 1)
    })

    it('announces with a locked vault what was sealed before', async () => {
      const alice = await world.join('alice')
      const bob = await world.join('bob')
      await alice.client.lookup('bob@one.test')
      world.pod().down()
      const sent = await alice.client.send(letter)
      alice.kill()
      world.pod().up()
      await alice.revive({ locked: true })
      world.clock.advance(10_000)
      await bob.seen('opened', ({ letter: id }) => id === sent.id)
    })

    it('waits for the vault with what was not sealed yet', async () => {
      const alice = await world.join('alice')
      const bob = await world.join('bob')
      world.pod().down()
      const sent = await alice.client.send(letter)
      alice.kill()
      world.pod().up()
      await alice.revive({ locked: true })
      assert.equal((await alice.seen('waiting')).code, 'VAULT_LOCKED')
      world.clock.advance(2_000)
      await alice.client.unlock(alice.person)
      await bob.seen('opened', ({ letter: id }) => id === sent.id)
    })
  })

  it('stops waiting when told to, and sends the letter all the same', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    await alice.client.lookup('bob@one.test')
    const stored = Promise.withResolvers<void>()
    const stop = new AbortController()
    world.dht.beforePut = () => {
      stop.abort()
      return stored.promise
    }
    const sent = await alice.client.send(letter, { signal: stop.signal })
    assert.equal(sent.state, 'queued')
    stored.resolve()
    await bob.seen('opened', ({ letter: id }) => id === sent.id)
    await assert.rejects(alice.client.send(letter, { signal: AbortSignal.abort() }), {
      code: 'CANCELLED'
    })
    assert.equal((await alice.client.sent()).length, 1)
  })

  it('takes many letters at once', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const sent = await Promise.all(
      Array.from({ length: 100 }, (_, i) => alice.client.send({ ...letter, subject: `${i}` }))
    )
    assert.ok(sent.every(({ state }) => state === 'announced'))
    for (const { id } of sent) await bob.seen('opened', ({ letter: opened }) => opened === id)
    assert.equal((await bob.client.inbox({ limit: 1_000 })).length, 100)
    assert.equal((await alice.client.sent({ limit: 1_000 })).length, 100)
    assert.equal((await bob.client.inbox({ limit: 7 })).length, 7)
  })
})
