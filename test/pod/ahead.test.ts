import assert from 'node:assert/strict'
import { codeOf, MuttrError } from '../../src/base/errors.ts'
import type { PodLink } from '../../src/client/pod-link.ts'
import type { Ahead } from '../../src/pod/ahead/ahead.ts'
import { openAhead } from '../../src/pod/ahead/ahead.ts'
import type { AheadLimits } from '../../src/pod/limits.ts'
import { aheadLimits } from '../../src/pod/limits.ts'
import type { Dht } from '../../src/seed/dht.ts'
import type { Spool } from '../../src/store/spool.ts'
import { memorySpool } from '../../src/store/spool.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import { quiet } from '../support/client-world.ts'
import type { FakeClock } from '../support/fake-clock.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { olga } from '../support/federation-world.ts'
import { dayMs, hourMs, personNamed, podWorld, random } from '../support/pod-world.ts'

const KiB256 = 2 ** 18
const alice = 'aa'.repeat(32)
const bob = 'bb'.repeat(32)
const task = (n: number) => new Uint8Array(16).fill(n)

function blobAt(clock: FakeClock, lifeMs = 20 * dayMs): Blob {
  const expiryMs = expiryAt(clock.now() + lifeMs)
  return makeBlob(random.bytes(1_024), { expiryMs, retract: random.bytes(32), accept: null })
}

/** A network that says what it is told to, and how often it was asked. */
class Holders implements Pick<Dht, 'get' | 'release'> {
  readonly blobs = new Map<string, Blob>()
  readonly asked: string[] = []
  fails: MuttrError | null = null
  running = 0
  most = 0
  #wakes = new Set<() => void>()

  release(): Promise<never> {
    return Promise.reject(new MuttrError('NETWORK_EMPTY', 'nobody keeps tombstones here'))
  }

  add(...blobs: Blob[]): Uint8Array[] {
    for (const blob of blobs) this.blobs.set(Buffer.from(blob.key).toString('hex'), blob)
    return blobs.map(({ key }) => key)
  }

  async get(key: Uint8Array) {
    const name = Buffer.from(key).toString('hex')
    this.asked.push(name)
    for (const wake of this.#wakes) wake()
    this.most = Math.max(this.most, ++this.running)
    await new Promise(setImmediate)
    this.running -= 1
    if (this.fails) throw this.fails
    const blob = this.blobs.get(name)
    if (!blob) throw new MuttrError('BLOB_UNKNOWN', 'nobody has it')
    return { blob: { ...blob, stamp: new Uint8Array(14) }, from: 'holder', hops: 1 }
  }

  async askedFor(count: number): Promise<void> {
    while (this.asked.length < count)
      await new Promise<void>(resolve => {
        const wake = () => {
          this.#wakes.delete(wake)
          resolve()
        }
        this.#wakes.add(wake)
      })
  }
}

/** What a disk does is told, so that a test can wait for it. */
function toldDisk() {
  const spool = memorySpool()
  let wake: () => void = () => undefined
  const told: Spool = {
    ...spool,
    async open(name) {
      const file = await spool.open(name)
      return {
        ...file,
        async write(at, bytes) {
          await file.write(at, bytes)
          setImmediate(() => wake())
        },
        [Symbol.asyncDispose]: () => file[Symbol.asyncDispose]()
      }
    }
  }
  const until = async (fits: () => boolean) => {
    while (!fits()) await new Promise<void>(resolve => (wake = resolve))
  }
  return { spool: told, until }
}

describe('fetching ahead at a pod', () => {
  let clock: FakeClock
  let holders: Holders
  let disk: ReturnType<typeof toldDisk>
  let ahead: Ahead
  beforeEach(async () => {
    clock = fakeClock()
    holders = new Holders()
    disk = toldDisk()
    ahead = await open()
  })
  afterEach(() => ahead[Symbol.asyncDispose]())

  async function open(limits: Partial<AheadLimits> = {}, reserveBytes = 0): Promise<Ahead> {
    const opened = await openAhead({
      ...{ spool: disk.spool, reserveBytes, clock, log: quiet },
      limits: { ...aheadLimits, ...limits }
    })
    opened.begin(holders)
    return opened
  }
  const reopen = async (limits?: Partial<AheadLimits>) => {
    await ahead[Symbol.asyncDispose]()
    ahead = await open(limits)
  }
  const expiryMs = () => expiryAt(clock.now() + 10 * dayMs)
  async function ask(account: string, n: number, keys: Uint8Array[]): Promise<void> {
    await ahead.ask(account, { task: task(n), chunks: keys.length, expiryMs: expiryMs() })
    await ahead.addKeys(account, { task: task(n), from: 0, keys })
  }
  const here = (account: string, n: number, count: number) =>
    disk.until(() => ahead.status(account, task(n)).here === count)

  it('keeps what it fetched, over a restart, and gives it to nobody else', async () => {
    const blobs = Array.from({ length: 5 }, () => blobAt(clock))
    await ask(alice, 1, holders.add(...blobs))
    await here(alice, 1, 5)
    await reopen()
    assert.deepEqual(ahead.status(alice, task(1)), { keys: 5, here: 5, lost: 0 })
    for (const [i, { headerBytes, sealed }] of blobs.entries())
      assert.deepEqual(await ahead.take(alice, task(1), i), { headerBytes, sealed })
    assert.throws(() => ahead.status(bob, task(1)), { code: 'ATTACHMENT_UNKNOWN' })
    await assert.rejects(ahead.take(bob, task(1), 0), { code: 'ATTACHMENT_UNKNOWN' })
    await ahead.drop(bob, task(1))
    assert.equal(holders.asked.length, 5)
    await ahead.drop(alice, task(1))
    assert.deepEqual([await disk.spool.names(), ahead.usage().bytes], [[], 0])
  })

  it('takes keys in order, in pages, and each once', async () => {
    const keys = holders.add(...Array.from({ length: 6 }, () => blobAt(clock)))
    const about = { task: task(1), chunks: 6, expiryMs: expiryMs() }
    await ahead.ask(alice, about)
    const add = async (from: number, some: Uint8Array[]) =>
      (await ahead.addKeys(alice, { task: task(1), from, keys: some })).keys
    assert.equal(await add(2, keys.slice(2, 4)), 0, 'nothing before them is known')
    assert.equal(await add(0, keys.slice(0, 2)), 2)
    assert.equal(await add(0, keys), 2, 'told twice')
    await reopen()
    assert.equal((await ahead.ask(alice, about)).keys, 2, 'asked again, after a restart')
    const both = await Promise.all([add(2, keys.slice(2)), add(2, keys.slice(2))])
    assert.deepEqual(both, [6, 6])
    assert.equal(await add(6, [random.bytes(32)]), 6, 'more than there are')
    await here(alice, 1, 6)
    await assert.rejects(ahead.ask(alice, { ...about, chunks: 7 }), { code: 'LIMIT_EXCEEDED' })
  })

  it('has bounds: of one account, of all, of files; two requests at once do not pass them', async () => {
    await reopen({ accountBytes: 4 * KiB256, bytes: 6 * KiB256, filesPerAccountMax: 2 })
    const wants = (account: string, n: number, chunks: number) =>
      ahead.ask(account, { task: task(n), chunks, expiryMs: expiryMs() }).then(
        () => 'taken',
        err => codeOf(err)
      )
    assert.equal(await wants(alice, 1, 5), 'PEER_REFUSED', 'however long it waits')
    const both = await Promise.all([wants(alice, 1, 3), wants(alice, 2, 3)])
    assert.deepEqual(both, ['taken', 'LIMIT_EXCEEDED'])
    assert.equal(await wants(alice, 3, 1), 'taken')
    await ahead.drop(alice, task(1))
    assert.equal(await wants(alice, 4, 1), 'taken')
    assert.equal(await wants(alice, 5, 1), 'LIMIT_EXCEEDED', 'a third file')
    assert.equal(await wants(bob, 1, 4), 'taken')
    assert.equal(await wants('cc'.repeat(32), 1, 1), 'LIMIT_EXCEEDED', 'all together')
    assert.equal(ahead.usage().bytes, 6 * KiB256)
  })

  it('fetches no more for an account than its rate, however often it asks anew', async () => {
    await reopen({ accountBytes: 8 * KiB256, fetchEveryMs: hourMs })
    const blobs = Array.from({ length: 8 }, () => blobAt(clock))
    const keys = holders.add(...blobs)
    await ask(alice, 1, keys)
    await here(alice, 1, 8)
    await ahead.drop(alice, task(1))
    await ask(alice, 2, keys)
    await ask(bob, 1, keys)
    await here(bob, 1, 8)
    assert.deepEqual([holders.asked.length, ahead.status(alice, task(2)).here], [16, 0])
    clock.advance(2 * hourMs)
    await here(alice, 2, 2)
    assert.equal(holders.asked.length, 18)
  })

  it('gives no more than a few times what it fetched at once', async () => {
    await reopen({ accountBytes: 2 * KiB256 })
    await ask(alice, 1, holders.add(blobAt(clock)))
    await here(alice, 1, 1)
    let given = 0
    await assert.rejects(
      async () => {
        for (; given < 1_000; given++) await ahead.take(alice, task(1), 0)
      },
      { code: 'LIMIT_EXCEEDED' }
    )
    assert.equal(given, 8)
  })

  it('serves each account in its turn, a few chunks at a time', async () => {
    const many = holders.add(...Array.from({ length: 100 }, () => blobAt(clock)))
    const few = holders.add(blobAt(clock), blobAt(clock))
    await ask(alice, 1, many)
    await ask(bob, 1, few)
    await here(bob, 1, 2)
    assert.ok(ahead.status(alice, task(1)).here < 50)
    await here(alice, 1, 100)
    assert.ok(holders.most > 1 && holders.most <= 8, `${holders.most} at a time`)
  })

  it('asks less and less often for what nobody has, and no more for what was taken back', async () => {
    await ask(alice, 1, [random.bytes(32)])
    await holders.askedFor(1)
    for (const days of [1, 1, 1, 1]) {
      for (let i = 0; i < 24 * days; i++) {
        clock.advance(hourMs)
        for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate)
      }
    }
    assert.ok(holders.asked.length <= 12, `asked ${holders.asked.length} times`)
    assert.equal(ahead.status(alice, task(1)).lost, 1)
    holders.fails = new MuttrError('BLOB_RELEASED', 'taken back')
    const before = holders.asked.length
    await ask(alice, 2, [random.bytes(32)])
    await disk.until(() => ahead.status(alice, task(2)).lost === 1)
    clock.advance(dayMs)
    assert.equal(holders.asked.length, before + 1)
    await reopen()
    assert.equal(ahead.status(alice, task(2)).lost, 1)
  })

  it('waits when the network is away, and loses nothing by it', async () => {
    const keys = holders.add(...Array.from({ length: 20 }, () => blobAt(clock)))
    holders.fails = new MuttrError('NETWORK_EMPTY', 'nobody there')
    await ask(alice, 1, keys)
    await holders.askedFor(4)
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    const asked = holders.asked.length
    assert.ok(asked <= 8, `asked ${asked} times meanwhile`)
    holders.fails = null
    clock.advance(60_000)
    await here(alice, 1, 20)
    assert.equal(ahead.status(alice, task(1)).lost, 0)
  })

  it('fetches nothing onto a disk that is full', async () => {
    await ahead[Symbol.asyncDispose]()
    ahead = await open({}, 2 ** 40)
    await ask(alice, 1, holders.add(blobAt(clock)))
    for (let i = 0; i < 20; i++) {
      clock.advance(hourMs)
      await new Promise(setImmediate)
    }
    assert.equal(holders.asked.length, 0)
    await reopen()
    await here(alice, 1, 1)
  })

  it('says nothing of its disk to others', async () => {
    const full: Spool = {
      ...memorySpool(),
      open: async () => {
        throw new MuttrError('DISK_FULL', 'the folder /home/pod has no room')
      }
    }
    await using on = await openAhead({
      ...{ spool: full, reserveBytes: 0, clock, log: quiet, limits: aheadLimits }
    })
    const asked = on.ask(alice, { task: task(1), chunks: 1, expiryMs: expiryMs() })
    await assert.rejects(asked, (err: MuttrError) => {
      return err.code === 'LIMIT_EXCEEDED' && !err.message.includes('/home')
    })
    assert.equal(on.usage().files, 0)
  })

  it('fetches again what its disk has spoiled', async () => {
    const blob = blobAt(clock)
    await ask(alice, 1, holders.add(blob))
    await here(alice, 1, 1)
    const chunks = (await disk.spool.names()).find(name => name.endsWith('.chunks'))!
    {
      await using file = await disk.spool.open(chunks)
      await file.write(100, Uint8Array.of(1, 2, 3))
    }
    assert.equal(await ahead.take(alice, task(1), 0), null)
    await here(alice, 1, 1)
    assert.deepEqual((await ahead.take(alice, task(1), 0))?.sealed, blob.sealed)
  })

  it('leaves out what it cannot read when it starts, and what is not its own', async () => {
    await ask(alice, 1, holders.add(blobAt(clock)))
    await here(alice, 1, 1)
    await ask(bob, 2, holders.add(blobAt(clock)))
    await here(bob, 2, 1)
    const [rows] = (await disk.spool.names()).filter(
      name => name === `${alice}-${'01'.repeat(16)}.rows`
    )
    {
      await using file = await disk.spool.open(rows!)
      await file.write(0, random.bytes(64))
      await using other = await disk.spool.open('left-over')
      await other.write(0, random.bytes(10))
    }
    await reopen()
    assert.throws(() => ahead.status(alice, task(1)), { code: 'ATTACHMENT_UNKNOWN' })
    assert.equal(ahead.status(bob, task(2)).here, 1)
    assert.equal((await disk.spool.names()).length, 2)
  })

  it('forgets what has expired, and whose account is gone', async () => {
    const [key] = holders.add(blobAt(clock))
    const soonMs = expiryAt(clock.now() + hourMs)
    await ahead.ask(alice, { task: task(1), chunks: 1, expiryMs: soonMs })
    await ask(alice, 2, [key!])
    await ask(bob, 3, [key!])
    const late = { task: task(9), chunks: 1, expiryMs: expiryAt(clock.now() + 200 * dayMs) }
    await assert.rejects(ahead.ask(alice, late), { code: 'BLOB_EXPIRED' })
    clock.advance(2 * hourMs)
    await assert.rejects(ahead.ask(alice, { ...late, expiryMs: soonMs }), { code: 'BLOB_EXPIRED' })
    assert.throws(() => ahead.status(alice, task(1)), { code: 'ATTACHMENT_UNKNOWN' })
    await ahead.sweep(clock.now(), async account => account === alice)
    assert.equal(ahead.usage().files, 1)
    assert.equal(ahead.status(alice, task(2)).keys, 1)
  })

  it('is for people of the pod, over their own channel, and for nobody else', async () => {
    await using world = podWorld()
    const host = await world.host({ ahead: { spool: memorySpool(), reserveBytes: 0 } })
    host.pod.fetchAhead(holders)
    const [a, b] = [await personNamed('alice'), await personNamed('bob')]
    const device = await world.device(a)
    const request = { task: task(1), chunks: 1, expiryMs: expiryAt(world.clock.now() + dayMs) }
    const stranger = await device.open(host)
    await assert.rejects(stranger.ahead.ask(request), { code: 'IDENTIFY_FIRST' })
    const link = await device.enter(host)
    await assert.rejects(link.ahead.ask(request), { code: 'ALIAS_UNKNOWN' })
    await link.register('alice', a.certificate)
    assert.deepEqual(await link.ahead.ask(request), { keys: 0, here: 0, lost: 0 })
    const other: PodLink = await (await world.device(b)).enter(host)
    await other.register('bob', b.certificate)
    await assert.rejects(other.ahead.status(task(1)), { code: 'ATTACHMENT_UNKNOWN' })
    await link.ahead.drop(task(1))
    await assert.rejects(link.ahead.status(task(1)), { code: 'ATTACHMENT_UNKNOWN' })
    const off = await world.host({ hostname: 'two.test' })
    const there = await (await world.device(a)).enter(off)
    await assert.rejects(there.ahead.ask(request), { code: 'METHOD_UNKNOWN' })
  })

  it('stops for an account that is suspended, and drops what one had that is removed, at every process', async () => {
    await using world = podWorld()
    const disk = () => ({ spool: memorySpool(), reserveBytes: 0 })
    const host = await world.host({ ahead: disk() })
    const beside = await world.host({ ahead: disk(), beside: host, state: host.state })
    const { office } = host.pod
    const person = await personNamed('alice')
    const device = await world.device(person)
    const request = { task: task(1), chunks: 1, expiryMs: expiryAt(world.clock.now() + dayMs) }
    const link = await device.enter(host)
    await link.register('alice', person.certificate)
    await link.ahead.ask(request)
    await (await device.enter(beside)).ahead.ask(request)
    await office.suspend(olga, 'alice', { reason: 'spam' })
    const keys = { task: task(1), from: 0, keys: [random.bytes(32)] }
    await assert.rejects(link.ahead.addKeys(keys), { code: 'ACCOUNT_SUSPENDED' })
    await office.resume(olga, 'alice')
    assert.equal((await link.ahead.addKeys(keys)).keys, 1)

    assert.equal((await office.remove(olga, 'alice', { reason: 'fraud' })).ahead.files, 0)
    await beside.pod.sweep()
    const { pin } = person.certificate
    assert.equal((await beside.pod.office.account(pin)).ahead.files, 0)
  })
})
