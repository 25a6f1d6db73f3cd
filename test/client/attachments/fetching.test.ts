import assert from 'node:assert/strict'
import type { MuttrEvent } from '../../../src/base/events.ts'
import { memorySpool } from '../../../src/store/spool.ts'
import { chunkContentBytes } from '../../../src/wire/attachment.ts'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld, dice } from '../../support/client-world.ts'

const letter = { to: 'bob@one.test', subject: 'Files', body: 'Here they are.' }
const dayMs = 24 * 3_600_000
type Transfer = Extract<MuttrEvent, { type: 'transfer' }>
const is = (id: string, state: string) => (event: Transfer) =>
  event.id === id && event.state === state

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

describe('a file that came with a letter', () => {
  let world: ClientWorld
  let alice: Tester
  let bob: Tester
  beforeEach(async () => {
    world = await ClientWorld.make()
    ;[alice, bob] = [await world.join('alice'), await world.join('bob')]
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** @returns the letter's id; bob has it and has fetched nothing of its file. */
  async function sent(bytes: Uint8Array, lifeMs = 30 * dayMs): Promise<string> {
    const file = await alice.client.attach(once(bytes), { name: 'film.mp4', lifeMs })
    await alice.seen('transfer', is(file.id, 'stored'))
    const { id } = await alice.client.send({ ...letter, attachments: [file.id] })
    await bob.seen('opened', event => event.letter === id)
    return id
  }

  async function contentOf(who: Tester, id: string): Promise<Uint8Array> {
    const pieces = await Array.fromAsync(await who.client.openAttachment(id, 0))
    return new Uint8Array(Buffer.concat(pieces))
  }
  const stateOf = async (id: string) => (await bob.client.read(id)).attachments[0]?.state

  it('is fetched when the reader asks, and is what was sent', async () => {
    for (const size of [0, 10, 2 * chunkContentBytes + 7, 9 * chunkContentBytes]) {
      const bytes = dice.bytes(size)
      const id = await sent(bytes)
      const gets = world.dht.gets
      assert.equal(await stateOf(id), 'remote')
      await assert.rejects(contentOf(bob, id), { code: 'ATTACHMENT_WAITING' })
      assert.equal(world.dht.gets, gets, 'nothing is fetched unasked')
      await bob.client.fetchAttachment(id.slice(0, 12), 0)
      await bob.seen('transfer', is(id, 'here'))
      assert.deepEqual(await contentOf(bob, id), bytes)
      const [here] = (await bob.client.read(id)).attachments
      assert.deepEqual([here?.state, here?.haveBytes], ['here', size])
    }
    const listed = (await bob.client.attachments()).map(({ direction, state }) => [
      direction,
      state
    ])
    assert.deepEqual(listed, Array(4).fill(['in', 'here']))
    await assert.rejects(bob.client.fetchAttachment('ffff', 0), { code: 'LETTER_UNKNOWN' })
  })

  it('goes on where a killed process left it', async () => {
    const bytes = dice.bytes(6 * chunkContentBytes)
    const id = await sent(bytes)
    const [held, reached] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const { get } = world.dht
    let gets = 0
    world.dht.get = async key => {
      gets += 1
      if (gets > 3) reached.resolve()
      if (gets > 3) await held.promise
      return get(key)
    }
    await bob.client.fetchAttachment(id, 0)
    await reached.promise
    gets = 0
    world.dht.get = async key => {
      gets += 1
      return get(key)
    }
    await bob.revive()
    await bob.seen('transfer', is(id, 'here'))
    assert.ok(gets < 6, `${gets} gets`)
    assert.deepEqual(await contentOf(bob, id), bytes)
    held.resolve()
  })

  it('waits while it is paused or its holders are away, and is forgotten when the reader says so', async () => {
    const spool = memorySpool()
    const carol = await world.join('carol', { spool })
    const file = await alice.client.attach(once(dice.bytes(100)), { name: 'x' })
    await alice.seen('transfer', is(file.id, 'stored'))
    const draft = { ...letter, to: 'carol@one.test', attachments: [file.id] }
    const { id } = await alice.client.send(draft)
    await carol.seen('opened')
    world.dht.getFails = 'PEER_TIMEOUT'
    await carol.client.fetchAttachment(id, 0)
    await carol.seen('transfer', is(id, 'fetching'))
    const [waiting] = (await carol.client.read(id)).attachments
    assert.deepEqual([waiting?.state, waiting?.problem?.code], ['fetching', 'PEER_TIMEOUT'])
    assert.equal((await carol.client.pauseFetch(id, 0)).state, 'paused')
    world.dht.getFails = null
    await carol.restart()
    assert.equal((await carol.client.read(id)).attachments[0]?.state, 'paused')
    await carol.client.fetchAttachment(id, 0)
    await carol.seen('transfer', is(id, 'here'))
    assert.equal((await spool.names()).length, 2)
    assert.equal((await carol.client.forgetAttachment(id, 0)).state, 'remote')
    assert.deepEqual(await spool.names(), [])
  })

  it('is lost when its sender took it back, and says so', async () => {
    const id = await sent(dice.bytes(100))
    await alice.client.retract(id)
    await alice.client[Symbol.asyncDispose]()
    await bob.client.fetchAttachment(id, 0)
    await bob.seen('transfer', is(id, 'lost'))
    const [lost] = (await bob.client.read(id)).attachments
    assert.deepEqual([lost?.state, lost?.problem?.code], ['lost', 'BLOB_RELEASED'])
    await alice.restart()
  })

  it('has an expiry of its own; what is here stays', async () => {
    const [kept, late] = [await sent(dice.bytes(100), dayMs), await sent(dice.bytes(100), dayMs)]
    await bob.client.fetchAttachment(kept, 0)
    await bob.seen('transfer', is(kept, 'here'))
    world.clock.advance(2 * dayMs)
    assert.deepEqual([await stateOf(kept), await stateOf(late)], ['here', 'expired'])
    await assert.rejects(bob.client.fetchAttachment(late, 0), { code: 'BLOB_EXPIRED' })
    assert.equal((await contentOf(bob, kept)).byteLength, 100)
  })

  it('that does not fit is refused, and nothing else suffers', async () => {
    const caps = { outBytes: 2 ** 26, inBytes: 300_000, reserveBytes: 0 }
    const carol = await world.join('carol', { spoolCaps: caps })
    const files = []
    for (const size of [2 * chunkContentBytes, 100])
      files.push(await alice.client.attach(once(new Uint8Array(size)), { name: `${size}` }))
    for (const { id } of files) await alice.seen('transfer', is(id, 'stored'))
    const draft = { ...letter, to: 'carol@one.test', attachments: files.map(({ id }) => id) }
    const { id } = await alice.client.send(draft)
    await carol.seen('opened')
    await assert.rejects(carol.client.fetchAttachment(id, 0), { code: 'DISK_FULL' })
    await carol.client.fetchAttachment(id, 1)
    await carol.seen('transfer', is(id, 'here'))
  })
})
