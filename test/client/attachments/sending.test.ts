import assert from 'node:assert/strict'
import { toHex } from '../../../src/base/bytes.ts'
import type { MuttrEvent } from '../../../src/base/events.ts'
import type { AttachOptions } from '../../../src/client/client.ts'
import { memorySpool } from '../../../src/store/spool.ts'
import { chunkContentBytes } from '../../../src/wire/attachment.ts'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld, dice } from '../../support/client-world.ts'

const letter = { to: 'bob@one.test', subject: 'Files', body: 'Here they are.' }
const hourMs = 3_600_000

async function* pieces(bytes: Uint8Array, size = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size)
}

const attach = (who: Tester, bytes: Uint8Array, options: Partial<AttachOptions> = {}) =>
  who.client.attach(pieces(bytes), { name: 'film.mp4', type: 'video/mp4', ...options })

const is = (id: string, state: string) => (event: Extract<MuttrEvent, { type: 'transfer' }>) =>
  event.id === id && event.state === state

describe('a file that goes out', () => {
  let world: ClientWorld
  let alice: Tester
  let bob: Tester
  beforeEach(async () => {
    world = await ClientWorld.make()
    ;[alice, bob] = [await world.join('alice'), await world.join('bob')]
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('is stored in chunks, and the letter with it says what it is and where', async () => {
    const bytes = dice.bytes(3 * chunkContentBytes + 5)
    const file = await attach(alice, bytes, { name: '/home/alice/film.mp4' })
    await alice.seen('transfer', is(file.id, 'stored'))
    assert.deepEqual(
      [...world.dht.blobs.values()].map(({ sealed }) => sealed.byteLength).sort(),
      [1_024, 262_144, 262_144, 262_144]
    )
    for (const { header } of world.dht.blobs.values()) assert.equal(header.accept, null)
    const sent = await alice.client.send({ ...letter, attachments: [file.id] })
    await bob.seen('opened')
    const [got] = (await bob.client.read(sent.id)).attachments
    assert.deepEqual(
      [got?.name, got?.type, got?.sizeBytes, got?.state, got?.expiryMs],
      ['film.mp4', 'video/mp4', bytes.byteLength, 'remote', file.expiryMs]
    )
    const shown = { id: file.id, name: 'film.mp4', type: 'video/mp4', expiryMs: file.expiryMs }
    const expected = [{ ...shown, sizeBytes: bytes.byteLength }]
    assert.deepEqual(sent.attachments, expected)
    assert.deepEqual((await alice.client.sent())[0]?.attachments, expected)
    const { letters, conversation } = await alice.client.conversation(sent.id)
    assert.deepEqual([conversation.thread, letters[0]?.attachments], [sent.id, expected])
    assert.deepEqual(
      (await alice.client.attachments()).map(({ name, state }) => [name, state]),
      [['film.mp4', 'stored']]
    )
  })

  it('of nothing, and of more than eight chunks, goes too', async () => {
    const empty = await attach(alice, new Uint8Array())
    const large = await attach(alice, new Uint8Array(9 * chunkContentBytes))
    await alice.seen('transfer', is(large.id, 'stored'))
    await alice.seen('transfer', is(empty.id, 'stored'))
    assert.equal(world.dht.blobs.size, 10) // nine, and one with their keys
    const sent = await alice.client.send({ ...letter, attachments: [empty.id, large.id] })
    await bob.seen('opened')
    const got = (await bob.client.read(sent.id)).attachments
    assert.deepEqual(
      got.map(({ sizeBytes, problem }) => [sizeBytes, problem]),
      [
        [0, null],
        [9 * chunkContentBytes, null]
      ]
    )
  })

  it('keeps its letter back until it is stored, and says so', async () => {
    world.dht.putFails = 'QUORUM_MISSED'
    const file = await attach(alice, dice.bytes(1_000))
    const sent = await alice.client.send({ ...letter, attachments: [file.id] })
    assert.deepEqual([sent.state, sent.waiting?.code], ['queued', 'ATTACHMENT_WAITING'])
    assert.equal((await alice.client.attachment(file.id)).problem?.code, 'QUORUM_MISSED')
    assert.equal(bob.events.filter(({ type }) => type === 'notified').length, 0)
    world.dht.putFails = null
    alice.peer('connected')
    await alice.seen('transfer', is(file.id, 'stored'))
    world.clock.advance(2_000)
    await alice.seen('announced', event => event.letter === sent.id)
    await bob.seen('opened')
  })

  it('goes on where a killed process left it, and stores nothing twice that was stored', async () => {
    const file = await attach(alice, new Uint8Array(6 * chunkContentBytes))
    await alice.seen('transfer', is(file.id, 'stored'))
    const all = world.dht.puts
    const [held, reached] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let puts = 0
    world.dht.beforePut = async () => {
      puts += 1
      if (puts <= 3) return
      reached.resolve()
      await held.promise
    }
    const second = await attach(alice, new Uint8Array(6 * chunkContentBytes))
    const sent = await alice.client.send({ ...letter, attachments: [second.id] })
    await reached.promise
    world.dht.beforePut = async () => undefined
    world.dht.puts = 0
    await alice.revive()
    await alice.seen('transfer', is(second.id, 'stored'))
    assert.ok(world.dht.puts < all, `${world.dht.puts} puts`)
    world.clock.advance(2_000)
    await alice.seen('announced', event => event.letter === sent.id)
    held.resolve()
  })

  it('that was being sealed when its process was killed is gone, with what lay on the disk', async () => {
    const spool = memorySpool()
    const carol = await world.join('carol', { spool })
    const { promise, resolve } = Promise.withResolvers<void>()
    async function* stuck() {
      yield new Uint8Array(2 * chunkContentBytes)
      resolve()
      await new Promise(() => undefined)
    }
    carol.client.attach(stuck(), { name: 'half' }).catch(() => undefined)
    await promise
    await carol.revive()
    assert.deepEqual(await carol.client.attachments(), [])
    assert.deepEqual(await spool.names(), [])
  })

  it('waits while it is paused, and goes on', async () => {
    const held = Promise.withResolvers<void>()
    world.dht.beforePut = () => held.promise
    const file = await attach(alice, new Uint8Array(3 * chunkContentBytes))
    const pausing = alice.client.pauseAttachment(file.id)
    held.resolve()
    assert.equal((await pausing).state, 'paused')
    await alice.restart()
    assert.equal((await alice.client.attachment(file.id)).state, 'paused')
    await alice.client.resumeAttachment(file.id)
    await alice.seen('transfer', is(file.id, 'stored'))
  })

  it('is taken back with its letter, chunk by chunk, but not when another letter has it', async () => {
    const file = await attach(alice, dice.bytes(2 * chunkContentBytes))
    await alice.seen('transfer', is(file.id, 'stored'))
    const keys = [...world.dht.blobs.keys()]
    bob.kill() // else it is accepted at once
    const first = await alice.client.send({ ...letter, attachments: [file.id] })
    const second = await alice.client.send({ ...letter, attachments: [file.id] })
    await assert.rejects(alice.client.send({ ...letter, attachments: ['0'.repeat(32)] }), {
      code: 'ATTACHMENT_UNKNOWN'
    })
    await alice.client.retract(first.id)
    assert.equal((await alice.client.attachments()).length, 1)
    await alice.client.retract(second.id)
    assert.deepEqual(await alice.client.attachments(), [])
    await alice.restart()
    await alice.client[Symbol.asyncDispose]()
    for (const key of keys) assert.ok(world.dht.tombstones.has(key), key)
  })

  it('that ends too early, or cannot be, is refused, and nothing of it is kept', async () => {
    const refused = (options: Partial<AttachOptions>, code = 'ATTACHMENT_INVALID') =>
      assert.rejects(attach(alice, new Uint8Array(10), options), { code })
    await refused({ sizeBytes: 11 })
    await refused({ type: 'film' })
    await refused({ lifeMs: 0 })
    await refused({ lifeMs: 101 * 24 * hourMs })
    await refused({ signal: AbortSignal.abort() }, 'CANCELLED')
    await alice.restart({ locked: true })
    await refused({}, 'VAULT_LOCKED')
    assert.equal(world.dht.puts, 0)
  })

  it('finds room where older ones are stored, and says when there is none', async () => {
    const room = 4.5 * 2 ** 20
    const spool = memorySpool({ capBytes: room })
    const carol = await world.join('carol', {
      spool,
      spoolCaps: { outBytes: room, inBytes: 0, reserveBytes: 0 }
    })
    const first = await attach(carol, new Uint8Array(3 * chunkContentBytes))
    await carol.seen('transfer', is(first.id, 'stored'))
    const second = await attach(carol, new Uint8Array(3 * chunkContentBytes))
    await carol.seen('transfer', is(second.id, 'stored'))
    assert.ok(!(await spool.names()).includes(`${first.id}.chunks`))
    await assert.rejects(attach(carol, new Uint8Array(2 * room)), { code: 'DISK_FULL' })
    assert.equal((await carol.client.attachments()).length, 2)
  })

  it('is looked after by samples of its chunks, and its holders get what they lack', async () => {
    const file = await attach(alice, dice.bytes(1_000))
    await alice.seen('transfer', is(file.id, 'stored'))
    const [key] = [...world.dht.blobs.keys()]
    world.dht.blobs.clear()
    world.dht.lacking = 3
    const asked = new Promise<void>(resolve => {
      const { census } = world.dht
      world.dht.census = async (...given) => {
        if (toHex(given[0]) === key) resolve()
        return census(...given)
      }
    })
    world.clock.advance(hourMs)
    await asked
    assert.deepEqual([...world.dht.blobs.keys()], [key])
  })

  it('is forgotten when it has expired', async () => {
    const spool = memorySpool()
    const carol = await world.join('carol', { spool })
    const file = await attach(carol, dice.bytes(1_000), { lifeMs: hourMs })
    await carol.seen('transfer', is(file.id, 'stored'))
    world.clock.advance(3 * hourMs)
    await carol.restart()
    assert.deepEqual(await carol.client.attachments(), [])
    assert.deepEqual(await spool.names(), [])
  })
})
