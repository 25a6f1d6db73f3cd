import assert from 'node:assert/strict'
import { sha256 } from '../../src/base/bytes.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import { decodeProof } from '../../src/wire/proof.ts'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld } from '../support/client-world.ts'
import { turn, until } from '../support/own-devices.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const letter = { to: 'bob@two.test', subject: 'Hi', body: 'Hello' }

describe('a letter announced through the own pod', () => {
  let world: ClientWorld
  let alice: Tester
  let bob: Tester
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test'])
    alice = await world.join('alice')
    bob = await world.join('bob', { hostname: 'two.test' })
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const own = () => world.pod('one.test')
  const other = () => world.pod('two.test')

  /** The sender waits a moment for the receipt: that moment passes. */
  async function send(): Promise<string> {
    const sending = alice.client.send(letter)
    let isSent = false
    void sending.finally(() => {
      isSent = true
    })
    const { given } = own().queue
    await until(() => isSent || own().queue.given > given)
    for (let i = 0; i < 20; i++) await turn()
    if (!isSent) world.clock.advance(2_000)
    return (await sending).id
  }

  it('has the receipt of the reader’s pod, and its papers, as evidence', async () => {
    own().queue.mode = 'on'
    const id = await send()
    await bob.seen('opened')
    assert.equal((await alice.sent(id)).announced?.pod, 'two.test')
    assert.equal((await alice.sent(id)).handed, null)
    assert.equal(own().queue.given, 1)
    assert.equal(other().submitted, 1)
    const { announced } = decodeProof(await alice.client.proof(id))
    assert.equal(peerOfKey(announced!.peer), other().peer)
    assert.deepEqual(announced!.papers?.certificate, other().person.certificate.bytes)
    await until(() => own().queue.kept.size === 0)
  })

  it('is shown as what it is while the own pod only says that it has the notice', async () => {
    own().queue.mode = 'hold'
    const id = await send()
    const waiting = await alice.sent(id)
    assert.equal(waiting.state, 'stored')
    assert.deepEqual(waiting.handed?.pod, 'one.test')
    assert.equal(waiting.announced, null)
    assert.equal(other().submitted, 0)
    const [kept] = own().queue.kept.values()
    assert.equal(kept?.request.hostname, 'two.test')
    const { pin } = other().person.certificate
    assert.equal(Buffer.from(kept!.request.pin!).toString('hex'), pin)

    await own().queue.passOn()
    await alice.seen('announced')
    await bob.seen('opened')
    await until(async () => (await alice.sent(id)).handed === null)
    await until(() => own().queue.kept.size === 0)
  })

  it('is asked about when the client comes back, which kept what it needs to do it itself', async () => {
    own().queue.mode = 'hold'
    const id = await send()
    await alice.client[Symbol.asyncDispose]()
    await own().queue.passOn()
    await alice.restart()
    await alice.seen('announced')
    assert.equal((await alice.sent(id)).announced?.pod, 'two.test')
    assert.equal(other().submitted, 1)
  })

  it('is given again, or announced from here, when the own pod lost it', async () => {
    own().queue.mode = 'hold'
    await send()
    own().queue.kept.clear()
    world.clock.advance(30 * minuteMs)
    await until(() => own().queue.given === 2)
    await own().queue.passOn()
    await alice.seen('announced')
    assert.equal(other().submitted, 1)
  })

  it('is announced from here when the own pod dies with its queue', async () => {
    own().queue.mode = 'hold'
    const id = await send()
    own().down()
    world.clock.advance(30 * minuteMs)
    for (let i = 0; i < 50; i++) await turn()
    assert.equal((await alice.sent(id)).announced, null)
    world.clock.advance(31 * minuteMs)
    await alice.seen('announced')
    assert.equal(other().submitted, 1)
    await bob.seen('opened')
  })

  for (const [why, spoil] of [
    ['is away', () => own().down()],
    ['passes nothing on', () => undefined]
  ] as const)
    it(`is announced from here when the own pod ${why}`, async () => {
      await alice.client.lookup('bob@two.test')
      spoil()
      const { id } = await alice.client.send(letter)
      assert.equal((await alice.sent(id)).announced?.pod, 'two.test')
      assert.equal((await alice.sent(id)).handed, null)
    })

  it('is announced from here when that is what its person wants', async () => {
    own().queue.mode = 'on'
    const carol = await world.join('carol', { noticesBy: 'direct' })
    const { id } = await carol.client.send(letter)
    assert.equal((await carol.sent(id)).announced?.pod, 'two.test')
    assert.equal(own().queue.given, 0)
  })

  it('does not go through the own pod when that is the reader’s', async () => {
    own().queue.mode = 'on'
    await world.join('dave')
    const { state } = await alice.client.send({ ...letter, to: 'dave@one.test' })
    assert.equal(state, 'announced')
    assert.equal(own().queue.given, 0)
  })

  it('is announced from here when the own pod shows a receipt that is none', async () => {
    for (const lie of [
      { signature: new Uint8Array(64) },
      { peer: own().peer },
      { atMs: world.clock.now() + 1 }
    ]) {
      const before = other().submitted
      own().queue.mode = 'hold'
      const id = await send()
      await own().queue.passOn(state => ({ ...state, ...lie }) as typeof state)
      await alice.seen('announced', event => event.letter === id)
      // Once by the pod that lied, and once from here.
      await until(() => other().submitted === before + 2)
      const { announced } = decodeProof(await alice.client.proof(id))
      assert.equal(peerOfKey(announced!.peer), other().peer)
    }
  })

  it('is tried from here too when the own pod has had it for half a day', async () => {
    own().queue.mode = 'hold'
    const id = await send()
    other().down()
    for (let hours = 0; hours < 12; hours++) {
      world.clock.advance(hourMs)
      for (let i = 0; i < 50; i++) await turn()
    }
    assert.equal((await alice.sent(id)).handed?.pod, 'one.test')
    other().up()
    world.clock.advance(hourMs)
    await alice.seen('announced')
    assert.equal(other().submitted, 1)
    await until(() => own().queue.kept.size === 0)
  })

  it('that nobody accepts is announced anew the same way, about once a day', async () => {
    await alice.client.lookup('bob@two.test')
    await bob.client[Symbol.asyncDispose]()
    own().queue.mode = 'on'
    const id = await send()
    const first = (await alice.sent(id)).announced!.atMs
    await until(() => own().queue.kept.size === 0)
    while (own().queue.given === 1) {
      world.clock.advance(hourMs)
      for (let i = 0; i < 50; i++) await turn()
    }
    await until(async () => (await alice.sent(id)).announced!.atMs >= first + 20 * hourMs)
    await until(() => own().queue.kept.size === 0)
  })

  it('that is taken back is passed on no more', async () => {
    own().queue.mode = 'hold'
    const id = await send()
    assert.equal(own().queue.kept.size, 1)
    await alice.client.retract(id)
    await until(() => own().queue.kept.size === 0)
  })

  it('is sealed anew when the reader’s pod has another key', async () => {
    own().queue.mode = 'hold'
    await send()
    const [first] = own().queue.kept.values()
    await other().rotate()
    first!.state = { type: 'refused', code: 'NOTICE_INVALID' }
    for (const hear of own().queue.hearers)
      hear([{ hash: sha256(first!.request.notice), state: first!.state }])
    await until(() => own().queue.given === 2)
    await own().queue.passOn()
    await alice.seen('announced')
  })
})
