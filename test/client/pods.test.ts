import assert from 'node:assert/strict'
import { ClientWorld, person } from '../support/client-world.ts'

const letter = { to: 'bob@one.test', body: 'Hello' }
const minuteMs = 60_000

describe('lines to pods', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('are made once, used by all, and closed when nobody needs them', async () => {
    const alice = await world.join('alice')
    // He is off: of a sender he meets by several letters at once he may ask alice's pod.
    await (await world.join('bob', { hostname: 'two.test' })).client[Symbol.asyncDispose]()
    const before = world.pod('two.test').opened
    await Promise.all(
      Array.from({ length: 5 }, () => alice.client.send({ ...letter, to: 'bob@two.test' }))
    )
    assert.equal(world.pod('two.test').opened, before + 1)
    world.clock.advance(4 * minuteMs)
    await alice.client.lookup('bob@two.test')
    assert.equal(world.pod('two.test').opened, before + 1)
    world.clock.advance(6 * minuteMs)
    await alice.client.lookup('bob@two.test')
    assert.equal(world.pod('two.test').opened, before + 2)
    assert.equal(world.pod('one.test').opened, 1, 'the line to the own pod stays')
  })

  it('come up again when the own pod does, and play back what came meanwhile', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob', { hostname: 'two.test' })
    await alice.client.send({ ...letter, to: 'bob@two.test' })
    await bob.client[Symbol.asyncDispose]()
    await alice.client.send({ ...letter, to: 'bob@two.test' })
    world.pod('two.test').down()
    await bob.restart()
    await bob.client.caughtUp()
    const problem = async () => (await bob.client.status()).pods[0]?.problem?.code
    for (let i = 0; i < 8; i++) world.clock.advance(30_000)
    await bob.client.lookup('alice@one.test')
    assert.equal(await problem(), 'POD_UNREACHABLE')
    world.pod('two.test').up()
    world.clock.advance(6 * minuteMs)
    await bob.seen('listening')
    assert.equal(await problem(), undefined)
    const { how } = await bob.seen('notified')
    assert.equal(how, 'playback')
    await bob.seen('opened')
  })

  it('have brought all that waited when a client says that it has caught up', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob', { hostname: 'two.test' })
    await bob.client[Symbol.asyncDispose]()
    for (let i = 0; i < 5; i++) await alice.client.send({ ...letter, to: 'bob@two.test' })
    await bob.restart()
    await bob.client.caughtUp()
    assert.equal((await bob.client.inbox()).length, 5)
    world.pod('two.test').down()
    await bob.restart()
    await bob.client.caughtUp()
    await alice.restart({ locked: true })
    await alice.client.caughtUp()
    await world.join('carol', { register: false }).then(({ client }) => client.caughtUp())
  })

  it('are refused when a pod shows another key than before, or than the network file says', async () => {
    const alice = await world.join('alice')
    world.pod().down()
    world.pod().person = await person('impostor.test')
    world.pod().up()
    await alice.restart()
    await assert.rejects(alice.client.lookup('bob@one.test'), { code: 'POD_CHANGED' })
    const check = (await alice.client.doctor()).find(({ name }) => name === 'pod one.test')
    assert.equal(check?.ok, false)
    assert.ok(check.detail.startsWith('POD_CHANGED'))
  })

  it('identify a locked client with the statement that was kept', async () => {
    const alice = await world.join('alice')
    await alice.restart({ locked: true })
    await alice.seen('identified')
    await alice.seen('listening')
    const status = await alice.client.status()
    assert.deepEqual(
      [status.locked, status.pods[0]?.identified, status.pods[0]?.aliases],
      [true, true, ['alice@one.test']]
    )
  })

  it('make a new statement before the old one ends', async () => {
    const alice = await world.join('alice')
    const rows = async () => (await alice.state.list('statements')).map(({ value }) => value)
    const [first] = await rows()
    world.clock.advance(30 * 24 * 3_600_000)
    await alice.restart()
    await alice.seen('listening')
    assert.deepEqual(await rows(), [first])
    world.clock.advance(40 * 24 * 3_600_000)
    await alice.restart()
    await alice.seen('listening')
    assert.notDeepEqual(await rows(), [first])
  })
})

describe('an alias', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
  })
  afterEach(() => world[Symbol.asyncDispose]())

  it('is registered, certified, kept and shown in the exported key', async () => {
    const alice = await world.join('alice', { register: false })
    const done = await alice.client.register('Alice@One.Test')
    assert.deepEqual([done.alias, done.pod], ['alice@one.test', 'one.test'])
    assert.ok(done.certifiedUntilMs > world.clock.now())
    await alice.seen('listening')
    const order = alice.events.map(({ type }) => type)
    assert.deepEqual(order.slice(0, 3), ['identified', 'registered', 'listening'])
    const exported = await alice.client.exportKey()
    await alice.restart()
    await alice.seen('listening')
    assert.equal(await alice.client.exportKey(), exported)
    assert.deepEqual((await alice.client.status()).pods[0]?.aliases, ['alice@one.test'])
  })

  it('that another has, or of a pod nobody knows, is refused with nothing kept', async () => {
    const alice = await world.join('alice', { register: false })
    await world.join('bob')
    const exported = await alice.client.exportKey()
    await assert.rejects(alice.client.register('bob@one.test'), { code: 'ALIAS_TAKEN' })
    await assert.rejects(alice.client.register('alice@three.test'), { code: 'POD_UNKNOWN' })
    await assert.rejects(alice.client.register('alice'), { code: 'ALIAS_INVALID' })
    world.pod().down()
    await assert.rejects(alice.client.register('alice@one.test'), { code: 'POD_UNREACHABLE' })
    assert.deepEqual((await alice.client.status()).pods, [])
    assert.equal(await alice.client.exportKey(), exported)
    await assert.rejects(alice.client.send(letter), { code: 'ALIAS_MISSING' })
  })

  it('at two pods is one person, who writes under the first', async () => {
    const bob = await world.join('bob')
    const alice = await world.join('alice')
    await alice.client.register('alice@two.test')
    await alice.client.send(letter)
    assert.equal((await bob.seen('opened')).from, 'alice@one.test')
    const one = await bob.client.lookup('alice@one.test')
    const two = await bob.client.lookup('alice@two.test')
    assert.equal(one.pin, two.pin)
  })

  it('is renewed before its certification ends', async () => {
    const alice = await world.join('alice')
    const before = world.pod().accounts.get('alice@one.test')!.certificate
    world.clock.advance(61 * 24 * 3_600_000)
    await alice.restart()
    await alice.seen('registered')
    assert.notEqual(world.pod().accounts.get('alice@one.test')!.certificate, before)
  })
})
