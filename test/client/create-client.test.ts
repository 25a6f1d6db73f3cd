import assert from 'node:assert/strict'
import { toHex, utf8 } from '../../src/base/bytes.ts'
import { MuttrError } from '../../src/base/errors.ts'
import { createEvents } from '../../src/client/events.ts'
import { ClientWorld, dice, person } from '../support/client-world.ts'

const letter = { to: 'bob@one.test', subject: 'Hi', body: 'Hello' }

describe('a client', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('says how it is', async () => {
    const alice = await world.join('alice')
    const status = await alice.client.status()
    const { fingerprint } = alice.person.certificate
    assert.deepEqual([status.fingerprint, status.locked, status.known], [fingerprint, false, 3])
    assert.deepEqual(status.pods, [
      {
        hostname: 'one.test',
        connected: true,
        identified: true,
        aliases: ['alice@one.test'],
        waiting: [],
        escrow: false,
        problem: null,
        trust: 'file',
        found: null
      }
    ])
  })

  it('examines itself, and says what to do', async () => {
    const alice = await world.join('alice', {
      checks: [
        async () => [{ name: 'disk', ok: true, detail: '3 GiB free', hint: null }],
        async () => Promise.reject(new Error('no such folder')),
        async () => Promise.reject(new MuttrError('STATE_UNREACHABLE', 'no database'))
      ]
    })
    const checks = new Map((await alice.client.doctor()).map(check => [check.name, check]))
    const ok = (name: string) => checks.get(name)?.ok
    assert.deepEqual(
      ['disk', 'home', 'keys', 'network', 'pod one.test', 'clock', 'outbox'].map(ok),
      [true, false, true, false, true, true, true]
    )
    const { detail, hint } = checks.get('checks')!
    assert.equal(detail, 'one could not be made: no database')
    assert.match(hint!, /PostgreSQL/)
    for (const { ok: well, hint } of checks.values()) assert.equal(well, hint === null)
    await alice.restart({ locked: true })
    const keys = (await alice.client.doctor()).find(({ name }) => name === 'keys')
    assert.equal(keys?.ok, false)
    const carol = await world.join('carol', { register: false })
    const pod = (await carol.client.doctor()).find(({ name }) => name === 'pod')
    assert.match(pod?.hint ?? '', /muttr register/)
  })

  it('notices that its clock is wrong', async () => {
    const alice = await world.join('alice')
    await world.join('bob')
    const put = world.dht.put
    world.dht.put = async (...args) => {
      const result = await put(...args)
      const storedMs = world.clock.now() + 3_600_000
      const acknowledgements = result.acknowledgements.map(a => ({ ...a, storedMs }))
      return { ...result, acknowledgements }
    }
    for (let i = 0; i < 3; i++) await alice.client.send(letter)
    const clock = (await alice.client.doctor()).find(({ name }) => name === 'clock')
    assert.equal(clock?.ok, false)
  })

  it('tells its events to everybody who listens, from then on', async () => {
    const alice = await world.join('alice')
    await world.join('bob')
    const stop = new AbortController()
    const types: string[] = []
    const listening = (async () => {
      for await (const { type } of alice.client.events(stop.signal)) types.push(type)
    })()
    await alice.client.send(letter)
    await alice.seen('announced')
    stop.abort()
    await listening
    assert.deepEqual(types, ['looked-up', 'sealed', 'stored', 'announced'])
  })

  it('puts and gets blobs', async () => {
    const alice = await world.join('alice')
    const sealed = dice.bytes(1_000)
    const put = await alice.client.putBlob(sealed)
    assert.deepEqual([put.copies, put.wanted], [5, 8])
    assert.deepEqual(await alice.client.getBlob(put.key), sealed)
    await assert.rejects(alice.client.getBlob('f'.repeat(64)), { code: 'BLOB_UNKNOWN' })
    await assert.rejects(alice.client.getBlob('f'), { code: 'BLOB_UNKNOWN' })
    await assert.rejects(alice.client.putBlob(new Uint8Array(300_000)), { code: 'BLOB_TOO_LARGE' })
    await assert.rejects(alice.client.putBlob(new Uint8Array()), { code: 'BLOB_INVALID' })
  })

  it('keeps no plaintext on the disk', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const words = { subject: 'Sekret-Betreff', body: 'Sekret-Text' }
    world.dht.putFails = 'NETWORK_EMPTY'
    await alice.client.send({ ...letter, ...words })
    world.dht.putFails = null
    world.clock.advance(72_000)
    await bob.seen('opened')
    await bob.restart()
    assert.equal((await bob.client.inbox())[0]?.subject, words.subject)
    for (const { state } of [alice, bob])
      for (const table of [
        'self',
        'contacts',
        'sent',
        'sent-text',
        'sent-blob',
        'outbox',
        'inbox',
        'inbox-text',
        'inbox-ids',
        'notices'
      ])
        for (const { value } of await state.list(table))
          for (const word of Object.values(words))
            assert.equal(Buffer.from(value).includes(word), false, `${word} in ${table}`)
  })

  it('refuses another person on the same state', async () => {
    const alice = await world.join('alice')
    await alice.restart({ locked: true })
    await assert.rejects(alice.client.unlock(await person('mallory')), { code: 'HOME_DAMAGED' })
    assert.equal(alice.client.locked, true)
    await alice.client.unlock(alice.person)
    assert.equal(alice.client.locked, false)
  })

  it('forgets blobs and notices that have expired, and keeps letters', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const { id } = await alice.client.send({ ...letter, lifeMs: 3_600_000 })
    await bob.seen('opened')
    const count = async (who: typeof alice, table: string) => (await who.state.list(table)).length
    assert.equal(await count(alice, 'sent-blob'), 1)
    assert.equal(await count(bob, 'inbox-done'), 2)
    for (let i = 0; i < 3; i++) world.clock.advance(3_600_000)
    await alice.restart()
    await bob.restart()
    assert.equal(await count(alice, 'sent-blob'), 0)
    assert.equal(await count(alice, 'sent-expiry'), 0)
    assert.equal(await count(bob, 'inbox-done'), 0)
    assert.equal(await count(bob, 'inbox-expiry'), 0)
    assert.equal((await bob.client.read(id)).body, 'Hello')
    assert.equal((await alice.client.sent())[0]?.id, id)
  })
})

describe('a client on a damaged disk', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const tables = [
    'contacts',
    'sent',
    'sent-text',
    'sent-blob',
    'outbox',
    'inbox',
    'inbox-text',
    'inbox-ids',
    'notices',
    'statements',
    'pods',
    'registrations'
  ]
  for (const table of tables)
    it(`starts, and says what is lost, when the rows of ${table} are spoiled`, async () => {
      const alice = await world.join('alice')
      const bob = await world.join('bob')
      await alice.client.send(letter)
      await bob.client.send({ ...letter, to: 'alice@one.test' })
      await alice.seen('opened')
      world.dht.putFails = 'QUORUM_MISSED'
      await alice.client.send(letter)
      world.dht.getFails = 'PEER_TIMEOUT'
      await alice.restart()
      for (const { key } of await alice.state.list(table)) {
        const value = table === 'pods' ? utf8('spoiled') : dice.bytes(40)
        await alice.state.write([{ type: 'put', table, key, value }])
      }
      world.dht.putFails = null
      world.dht.getFails = null
      await alice.restart()
      await alice.client.inbox()
      await alice.client.sent()
      await alice.client.contacts()
      await alice.client.status()
      await alice.client.doctor()
      const ids = await alice.client.inbox()
      for (const { id } of ids)
        await alice.client.read(id).catch(err => {
          assert.ok(['HOME_DAMAGED', 'LETTER_UNKNOWN'].includes(err.code), `${err}`)
        })
    })

  it('does not start with the key to its letters spoiled', async () => {
    const alice = await world.join('alice')
    const value = dice.bytes(1_024)
    await alice.state.write([{ type: 'put', table: 'self', key: 'closet', value }])
    await assert.rejects(alice.restart(), { code: 'HOME_DAMAGED' })
  })

  it('goes on with the certificate of the home folder when its own is spoiled', async () => {
    const alice = await world.join('alice')
    const value = utf8('spoiled')
    await alice.state.write([{ type: 'put', table: 'self', key: 'certificate', value }])
    await alice.restart()
    const { fingerprint } = await alice.client.status()
    assert.equal(fingerprint, alice.person.certificate.fingerprint)
  })
})

describe('events', () => {
  it('reach a slow listener up to a limit, the newest', async () => {
    const events = createEvents()
    const stop = new AbortController()
    const stream = events.stream(stop.signal)
    for (let i = 0; i < 1_500; i++) events.emit({ type: 'listening', pod: `${i}` })
    const first = await stream.next()
    assert.deepEqual(first.value, { type: 'listening', pod: '500' })
    stop.abort()
    assert.equal((await stream.next()).done, true)
    assert.equal((await events.stream(AbortSignal.abort()).next()).done, true)
  })

  it('wake a listener that waits', async () => {
    const events = createEvents()
    const stop = new AbortController()
    const next = events.stream(stop.signal).next()
    events.emit({ type: 'listening', pod: toHex(dice.bytes(2)) })
    assert.equal((await next).done, false)
    const last = events.stream(stop.signal).next()
    stop.abort()
    assert.equal((await last).done, true)
  })
})
