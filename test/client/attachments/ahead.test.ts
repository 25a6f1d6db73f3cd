import assert from 'node:assert/strict'
import { MuttrError } from '../../../src/base/errors.ts'
import type { Ahead } from '../../../src/pod/ahead/ahead.ts'
import { openAhead } from '../../../src/pod/ahead/ahead.ts'
import { aheadLimits } from '../../../src/pod/limits.ts'
import type { Spool } from '../../../src/store/spool.ts'
import { memorySpool } from '../../../src/store/spool.ts'
import { chunkContentBytes } from '../../../src/wire/attachment.ts'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld, dice, quiet } from '../../support/client-world.ts'

const name = 'summer in Lisbon.mp4'
const letter = { to: 'bob@one.test', subject: 'Files', body: 'Here they are.' }
const is = (id: string, state: string) => (event: { id: string; state: string }) =>
  event.id === id && event.state === state

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

describe('a file that a pod fetches ahead', () => {
  let world: ClientWorld
  let alice: Tester
  let bob: Tester
  let disk: Spool
  let wake: () => void
  beforeEach(async () => {
    world = await ClientWorld.make()
    ;[alice, bob] = [await world.join('alice'), await world.join('bob')]
    disk = newDisk()
    await serve()
  })
  afterEach(async () => {
    await world[Symbol.asyncDispose]()
    await world.pod().ahead?.[Symbol.asyncDispose]()
  })

  function newDisk(): Spool {
    const spool = memorySpool()
    wake = () => undefined
    return { ...spool, remove: async one => spool.remove(one).then(() => wake()) }
  }

  /** The pod's part, begun again on what lies on its disk. */
  async function serve(limits: Partial<typeof aheadLimits> = {}): Promise<Ahead> {
    await world.pod().ahead?.[Symbol.asyncDispose]()
    const ahead = await openAhead({
      ...{ spool: disk, reserveBytes: 0, clock: world.clock, log: quiet },
      limits: { ...aheadLimits, ...limits }
    })
    ahead.begin(world.dht)
    world.pod().ahead = ahead
    return ahead
  }

  async function sent(bytes: Uint8Array, to = bob): Promise<string> {
    const file = await alice.client.attach(once(bytes), { name })
    await alice.seen('transfer', is(file.id, 'stored'))
    const { id } = await alice.client.send({ ...letter, attachments: [file.id] })
    await to.seen('opened', event => event.letter === id)
    return id
  }
  const fileOf = async (id: string) => (await bob.client.read(id)).attachments[0]!
  const contentOf = async (id: string) =>
    new Uint8Array(Buffer.concat(await Array.fromAsync(await bob.client.openAttachment(id, 0))))
  /** Lets time pass, so that the pod is asked again and again, until something has happened. */
  async function passTime<T>(until: Promise<T>): Promise<T> {
    let isOver = false
    void until.then(() => (isOver = true))
    while (!isOver) {
      world.clock.advance(60_000)
      await new Promise(setImmediate)
    }
    return until
  }
  const kept = (id: string) => passTime(bob.seen('ahead', is(id, 'kept')))
  /** The pod has forgotten all. */
  async function emptied(): Promise<void> {
    while ((await disk.names()).length > 0)
      await passTime(new Promise<void>(resolve => (wake = resolve)))
    assert.equal(world.pod().ahead!.usage().files, 0)
  }

  it('comes from the pod alone when its holders are gone, and the pod forgets it then', async () => {
    for (const size of [100, 2 * chunkContentBytes, 9 * chunkContentBytes + 5]) {
      const bytes = dice.bytes(size)
      const id = await sent(bytes)
      const asked = await bob.client.fetchAhead(id, 0)
      assert.deepEqual([asked.state, asked.ahead?.pod], ['remote', 'one.test'])
      await kept(id)
      const { state, ahead, haveBytes } = await fileOf(id)
      assert.deepEqual(
        [state, ahead?.state, ahead?.haveBytes, haveBytes],
        ['remote', 'kept', size, 0]
      )
      world.dht.getFails = 'BLOB_UNKNOWN'
      await bob.client.fetchAttachment(id, 0)
      await bob.seen('transfer', is(id, 'here'))
      assert.deepEqual(await contentOf(id), bytes)
      assert.equal((await fileOf(id)).ahead, null)
      world.dht.getFails = null
      await emptied()
    }
  })

  it('is to the pod a list of keys: nothing that opens it, and not its name', async () => {
    const id = await sent(dice.bytes(9 * chunkContentBytes))
    await bob.client.fetchAhead(id, 0)
    await kept(id)
    const names = await disk.names()
    assert.equal(names.length, 2)
    for (const one of names) {
      await using file = await disk.open(one)
      const all = Buffer.from(await file.read(0, 2 ** 24))
      assert.ok(all.byteLength > 1_000 && !all.includes('Lisbon') && !all.includes('bob@'))
    }
  })

  it('comes from holders where the pod has nothing, or something else', async () => {
    const bytes = dice.bytes(3 * chunkContentBytes)
    const id = await sent(bytes)
    await bob.client.fetchAhead(id, 0)
    await kept(id)
    const honest = world.pod().ahead!
    let takes = 0
    world.pod().ahead = {
      ...honest,
      async take(account, task, chunk) {
        takes += 1
        const found = await honest.take(account, task, chunk)
        if (chunk === 0) return null
        return found && { ...found, sealed: dice.bytes(found.sealed.byteLength) }
      }
    }
    const gets = world.dht.gets
    await bob.client.fetchAttachment(id, 0)
    await bob.seen('transfer', is(id, 'here'))
    assert.deepEqual(await contentOf(id), bytes)
    assert.ok(
      takes > 0 && world.dht.gets - gets === 3,
      `${takes} takes, ${world.dht.gets - gets} gets`
    )
  })

  it('goes on after either side was killed, wherever it was', async () => {
    const bytes = dice.bytes(12 * chunkContentBytes)
    const id = await sent(bytes)
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    const honest = world.pod().ahead!
    world.pod().ahead = {
      ...honest,
      async addKeys(...of) {
        reach()
        await held
        return honest.addKeys(...of)
      }
    }
    await bob.client.fetchAhead(id, 0)
    await reached
    world.pod().ahead = honest
    await bob.revive() // before the pod knew a key
    letGo()
    const { get } = world.dht
    let gets = 0
    const { promise: half, resolve: halfway } = Promise.withResolvers<void>()
    world.dht.get = async key => {
      gets += 1
      if (gets === 6) halfway()
      if (gets > 5) return new Promise(() => undefined)
      return get(key)
    }
    await half
    world.dht.get = get
    const before = honest.usage()
    world.pod().ahead = undefined // killed: what was under way never ends
    const after = await serve()
    assert.deepEqual(after.usage(), before)
    await kept(id)
    world.dht.getFails = 'BLOB_UNKNOWN'
    await bob.client.fetchAttachment(id, 0)
    await bob.seen('transfer', is(id, 'fetching'))
    await bob.revive()
    await bob.seen('transfer', is(id, 'here'))
    assert.deepEqual(await contentOf(id), bytes)
  })

  it('is told again to a pod that lost it', async () => {
    const id = await sent(dice.bytes(2 * chunkContentBytes))
    const { get } = world.dht
    const { promise: asked, resolve } = Promise.withResolvers<void>()
    world.dht.getFails = 'BLOB_UNKNOWN'
    world.dht.get = async key => {
      resolve()
      return get(key)
    }
    await bob.client.fetchAhead(id, 0)
    await asked
    await bob.seen('ahead', is(id, 'fetching'))
    disk = newDisk()
    await serve()
    world.dht.getFails = null
    await kept(id)
    assert.equal(world.pod().ahead!.usage().files, 1)
  })

  it('is refused by a pod that fetches nothing, and fetched as ever', async () => {
    world.pod().ahead = undefined
    const bytes = dice.bytes(100)
    const id = await sent(bytes)
    await bob.client.fetchAhead(id, 0)
    await bob.seen('ahead', is(id, 'refused'))
    assert.equal((await fileOf(id)).ahead?.problem?.code, 'METHOD_UNKNOWN')
    await bob.client.fetchAttachment(id, 0)
    await bob.seen('transfer', is(id, 'here'))
    assert.deepEqual(await contentOf(id), bytes)
    assert.equal((await fileOf(id)).ahead, null)
  })

  it('waits while the pod has no room for it, and says so', async () => {
    await serve({ accountBytes: 3 * 2 ** 18 })
    const [first, second] = [
      await sent(dice.bytes(2 * chunkContentBytes)),
      await sent(dice.bytes(500_000))
    ]
    await bob.client.fetchAhead(first, 0)
    await kept(first)
    await bob.client.fetchAhead(second, 0)
    await bob.seen('transfer', event => event.id === second)
    const { ahead, problem } = await fileOf(second)
    assert.deepEqual([ahead?.state, problem?.code], ['asking', 'LIMIT_EXCEEDED'])
    assert.equal((await bob.client.pauseFetch(first, 0)).ahead, null)
    await kept(second)
    assert.equal((await bob.client.forgetAttachment(second, 0)).state, 'remote')
    await emptied()
  })

  it('is not held up by a pod that is away, nor forgotten there for good', async () => {
    const bytes = dice.bytes(3 * chunkContentBytes)
    const id = await sent(bytes)
    await bob.client.fetchAhead(id, 0)
    await kept(id)
    world.pod().down()
    await bob.client.fetchAttachment(id, 0)
    await bob.seen('transfer', is(id, 'here'))
    assert.deepEqual(await contentOf(id), bytes)
    assert.equal(world.pod().ahead!.usage().files, 1)
    world.pod().up()
    await bob.restart()
    await emptied()
  })

  it('is refused for good when it is larger than all there is room for', async () => {
    await serve({ accountBytes: 2 ** 18 })
    const id = await sent(dice.bytes(2 * chunkContentBytes))
    await bob.client.fetchAhead(id, 0)
    await bob.seen('ahead', is(id, 'refused'))
    assert.equal((await fileOf(id)).ahead?.problem?.code, 'PEER_REFUSED')
  })

  it('is forgotten by the pod also when it was given up while the pod was asked', async () => {
    const id = await sent(dice.bytes(2 * chunkContentBytes))
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    world.dht.getFails = 'BLOB_UNKNOWN'
    world.pod().beforeAhead = async method => {
      if (method !== 'ahead-status') return
      reach()
      await held
    }
    await bob.client.fetchAhead(id, 0)
    await passTime(reached)
    await bob.client.forgetAttachment(id, 0)
    letGo()
    await emptied()
  })

  it('is not one whose letter lies: that is lost here, and dropped there', async () => {
    const id = await sent(dice.bytes(9 * chunkContentBytes))
    world.dht.get = async () => {
      throw new MuttrError('BLOB_RELEASED', 'it was taken back')
    }
    await bob.client.fetchAhead(id, 0)
    await bob.seen('transfer', is(id, 'lost'))
    assert.equal((await fileOf(id)).ahead, null)
    assert.equal(world.pod().ahead!.usage().files, 0)
  })

  it('is asked for by itself when it is small and the person wants that', async () => {
    const carol = await world.join('carol', { aheadBytes: 1_000 })
    const files: string[] = []
    for (const size of [999, 1_001]) {
      const file = await alice.client.attach(once(dice.bytes(size)), { name })
      await alice.seen('transfer', is(file.id, 'stored'))
      files.push(file.id)
    }
    const aheadOf = async (who: Tester, to: string) => {
      const { id } = await alice.client.send({ ...letter, to, attachments: files })
      await who.seen('opened', event => event.letter === id)
      if (who === carol) await carol.seen('ahead', is(id, 'fetching'))
      return (await who.client.read(id)).attachments.map(({ ahead }) => ahead !== null)
    }
    assert.deepEqual(await aheadOf(carol, 'carol@one.test'), [true, false])
    assert.deepEqual(await aheadOf(bob, 'bob@one.test'), [false, false], 'not unless told')
    assert.equal(world.pod().ahead!.usage().files, 1)
  })
})
