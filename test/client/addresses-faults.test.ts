import assert from 'node:assert/strict'
import type { Tester } from '../support/client-world.ts'
import { counted, inTime, secondDevice, told, until } from '../support/own-devices.ts'
import type { Related } from '../support/related.ts'
import { aliceAt, bobAt, related } from '../support/related.ts'

const dayMs = 24 * 3_600_000
const addresses = ({ events }: Tester, what: string) =>
  events.filter(event => event.type === 'address' && event.what === what).length
const made = async ({ world }: Related, pod: string) =>
  (await world.pod(pod).addresses.made()).map(({ address }) => address)

describe('relationship addresses', () => {
  let both: Related
  beforeEach(async () => {
    both = await related()
  })
  afterEach(() => both[Symbol.asyncDispose]())

  it('do at the pod what the person says about the sender, who sees nothing of it', async () => {
    const { alice, bob, world } = both
    const policy = async () => (await world.pod('two.test').addresses.made())[0]?.policy
    const at = () => both.places(bobAt!).length
    await bob.client.choosePolicy(aliceAt!, 'ask')
    await until(async () => (await policy()) === 'ask')
    const before = at()
    const { id } = await alice.client.send({ to: bobAt!, body: 'kept' })
    assert.equal((await alice.sent(id)).state, 'announced')
    assert.equal(at(), before)
    // Who looks is shown what waits.
    const [request] = await bob.client.requests()
    assert.deepEqual([request?.alias, at()], [aliceAt, before + 1])
    await bob.client.decide(request!.id, 'always')
    await bob.seen('opened', ({ letter }) => letter === id)
    await until(async () => (await policy()) === 'pull')
    await bob.client.choosePolicy(aliceAt!, 'ignore')
    await until(async () => (await policy()) === 'ignore')
    const lost = await alice.client.send({ to: bobAt!, body: 'dropped' })
    assert.equal((await alice.sent(lost.id)).state, 'announced')
    assert.equal(at(), before + 1)
  })

  it('fall back by themselves when they lead nowhere, and are made anew', async () => {
    const { alice, bob, world } = both
    const [lost] = await made(both, 'two.test')
    await bob.client[Symbol.asyncDispose]()
    await world.pod('two.test').addresses.lose()
    const { id } = await alice.client.send({ to: bobAt!, body: 'where are you' })
    // Bob is away for as long as it takes.
    const given = () => addresses(alice, 'given')
    await inTime(world, 6 * 3_600_000, () => given() === 2)
    assert.equal(both.places(bobAt!).at(-1), 'intro')
    await bob.restart()
    await bob.seen('opened', ({ letter }) => letter === id)
    await until(() => addresses(alice, 'taken') === 2)
    await both.write(alice, bob)
    const fresh = both.places(bobAt!).at(-1)!
    assert.ok(fresh !== 'intro' && fresh !== lost)
    assert.equal((await bob.client.inbox()).length, 3)
  })

  it('end when another key is accepted for the alias', async () => {
    const { alice, bob, world } = both
    const [given] = await made(both, 'one.test')
    await bob.client[Symbol.asyncDispose]()
    world.pod('two.test').accounts.delete(bobAt!)
    await world.pod('two.test').addresses.lose()
    const other = await world.join('bob', { hostname: 'two.test', who: 'new bob' })
    await assert.rejects(alice.client.lookup(bobAt!), { code: 'KEY_CHANGED' })
    await alice.client.acceptKey(bobAt!)
    const { id } = await alice.client.send({ to: bobAt!, body: 'to whoever it is' })
    await other.seen('opened', ({ letter }) => letter === id)
    assert.deepEqual([both.places(bobAt!), (await other.client.inbox())[0]?.id], [['intro'], id])
    await until(async () => !(await made(both, 'one.test')).includes(given!))
  })

  it('stand at the pod again when it has lost them', async () => {
    const { bob, world } = both
    const before = await made(both, 'two.test')
    await world.pod('two.test').addresses.lose()
    await bob.restart()
    await until(async () => (await made(both, 'two.test')).length === 1)
    assert.deepEqual(await made(both, 'two.test'), before)
  })

  it('go on when the pod has a new key', async () => {
    const { alice, bob, world } = both
    await both.write(alice, bob)
    const place = both.places(bobAt!).at(-1)
    await world.pod('two.test').rotate()
    await both.write(alice, bob, 'first')
    await both.write(alice, bob, 'second')
    assert.equal(both.places(bobAt!).at(-1), place)
  })

  it('are shared by all devices of a person, and a letter opens on each', async () => {
    const { alice, bob, world } = both
    const laptop = await secondDevice(world, bob)
    const { id } = await alice.client.send({ to: bobAt!, body: 'to both' })
    for (const device of [bob, laptop])
      await until(async () => (await device.client.inbox()).some(one => one.id === id))
    // One that is given while the other is away is used by it, too.
    await bob.client.renewAddress(aliceAt!)
    await until(() => addresses(alice, 'taken') === 2)
    await told(world, laptop)
    await bob.client[Symbol.asyncDispose]()
    const later = await alice.client.send({ to: bobAt!, body: 'to the laptop' })
    await laptop.seen('opened', ({ letter }) => letter === later.id)
    assert.equal(
      both.places(bobAt!).at(-1),
      (await made(both, 'two.test')).find(one => one === both.places(bobAt!).at(-1))
    )
    assert.equal(counted(laptop, 'refused'), 0)
  })

  it('change when the person says that one has leaked, and the old one ends after a week', async () => {
    const { alice, bob, world } = both
    await both.write(alice, bob)
    const old = both.places(bobAt!).at(-1)!
    assert.deepEqual(await bob.client.renewAddress(aliceAt!), { contact: aliceAt, renewed: true })
    assert.equal((await bob.client.renewAddress('carol@one.test')).renewed, false)
    await until(() => addresses(alice, 'taken') === 2)
    await both.write(alice, bob)
    assert.notEqual(both.places(bobAt!).at(-1), old)
    assert.equal((await made(both, 'two.test')).length, 2)
    const ends = (await bob.client.addresses()).map(({ id, untilMs }) => [id === old, untilMs])
    const [[, lastMs] = []] = ends.filter(([isOld]) => isOld)
    assert.ok(Number(lastMs) < world.clock.now() + 8 * dayMs, 'also when nobody comes to drop it')
    await inTime(world, dayMs, async () => (await made(both, 'two.test')).length === 1)
    assert.equal((await made(both, 'two.test')).includes(old), false)
  })

  it('that an older backup does not know are dropped, and who had them is told of others', async () => {
    const { alice, bob, world } = both
    const old = new Map<string, Map<string, Uint8Array>>()
    for await (const { table, key, value } of bob.state.rows())
      old.set(table, (old.get(table) ?? new Map()).set(key, value))
    await bob.client.renewAddress(aliceAt!)
    await until(() => addresses(alice, 'taken') === 2)
    await both.write(alice, bob)
    const lost = both.places(bobAt!).at(-1)!
    await bob.client[Symbol.asyncDispose]()
    for (const { key } of await bob.state.list('relations'))
      await bob.state.write([
        { type: 'put', table: 'relations', key, value: old.get('relations')!.get(key)! }
      ])
    world.clock.advance(dayMs)
    await bob.restart()
    await until(() => addresses(alice, 'taken') === 3)
    await both.write(alice, bob)
    assert.notEqual(both.places(bobAt!).at(-1), lost)
    assert.equal((await made(both, 'two.test')).includes(lost), false)
  })
})
