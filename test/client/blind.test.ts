import assert from 'node:assert/strict'
import { equalBytes, fromHex } from '../../src/base/bytes.ts'
import type { Session } from '../../src/base/ports.ts'
import { podMethods } from '../../src/wire/pod-methods.ts'
import { personKey } from '../../src/wire/records/person.ts'
import type { BlindWorld, Somebody } from '../support/blind-world.ts'
import { blindWorld } from '../support/blind-world.ts'
import { until } from '../support/own-devices.ts'
import type { PodHost } from '../support/pod-world.ts'

describe('people who ask blindly', () => {
  let world: BlindWorld
  let [one, two, three]: PodHost[] = []
  let alice: Somebody
  let bob: Somebody
  beforeEach(async () => {
    world = await blindWorld()
    one = await world.host('one.test')
    two = await world.host('two.test')
    three = await world.host('three.test')
    alice = await world.join('alice', 'one.test')
    bob = await world.join('bob', 'two.test')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const letters = async (count: number): Promise<string[]> => {
    const ids: string[] = []
    for (let i = 0; i < count; i++) {
      const draft = { to: bob.alias, subject: `No. ${i}`, body: 'Hello' }
      ids.push((await alice.client.send(draft)).id)
    }
    return ids
  }

  it('write and read as everybody does, and neither relay nor target sees what is not its own', async () => {
    await letters(11)
    await bob.seen('opened', 11)
    await bob.seen('released', 11)
    assert.equal((await bob.client.inbox()).length, 11)
    assert.deepEqual(bob.read, { gets: 0, releases: 0 })

    const [relay, target] = [await world.viewOf(one!, 'relay'), await world.viewOf(two!)]
    const keys = [...world.dht.blobs.keys()].map(key => fromHex(key, 32)!)
    assert(keys.length >= 11)
    // Of the letters the sender's pod knows nothing: neither for whom, nor under which key.
    for (const key of keys) assert(!relay.has(key))
    assert(!relay.has(bob.alias) && !relay.has(bob.pin))
    assert(relay.has(alice.alias) && relay.has(alice.peer) && relay.has('two.test'))
    // And the reader's pod nothing of who sends: it sees by which pod.
    assert(!target.has(alice.alias) && !target.has(alice.peer) && !target.has(alice.pin))
    assert(keys.every(key => target.has(key)))
    assert(target.has('one.test') && target.has(bob.alias) && target.has(bob.peer))
    assert.deepEqual(new Set(target.asked), new Set(['lookup', 'token-keys', 'submit-token']))

    // Who reads for bob sees what he reads, and by which pod he asks.
    const views = await Promise.all([one!, three!].map(pod => world.viewOf(pod)))
    const gets = views.flatMap(({ asked }) => asked.filter(method => method === 'get'))
    assert.equal(gets.length, 11)
    for (const view of views) assert(!view.has(bob.peer) && !view.has(bob.pin))
    assert.equal(new Set(target.asked).has('get'), false)
  })

  it('are asked nothing past a relay that is away: what they write waits, and goes when it is back', async () => {
    await letters(1)
    await bob.seen('opened')
    const before = world.frames.length
    await world.pods.network.unplug(one!.keys.self)
    const sending = letters(1)
    await until(async () => (await alice.client.sent()).some(letter => letter.waiting !== null))
    const waits = (await alice.client.sent()).find(letter => letter.waiting !== null)!
    assert.deepEqual([waits.waiting?.code, waits.announced], ['RELAY_UNREACHABLE', null])
    const mine = world.frames.slice(before).filter(({ from }) => from === alice.peer)
    assert(mine.every(({ to }) => to === one!.keys.self))
    world.pods.network.plug(one!.keys.self)
    // Time passes only while the next try is waited for, so that none is late because of the real work in it.
    await until(async () => {
      const { clock } = world.pods
      const [held] = (await alice.client.sent()).flatMap(({ waiting }) => waiting ?? [])
      if (held && held.retryAtMs > clock.now()) clock.advance(held.retryAtMs - clock.now())
      return bob.events.filter(({ type }) => type === 'opened').length === 2
    })
    await sending
  })

  it('do not tell seeds to whom they write when the pod of the reader is away', async () => {
    await letters(1)
    await bob.seen('opened')
    await world.pods.network.unplug(two!.keys.self)
    const sending = letters(1)
    await until(async () => (await alice.client.sent()).some(letter => letter.waiting !== null))
    await sending
    const waits = (await alice.client.sent()).find(letter => letter.waiting !== null)!
    assert.equal(waits.waiting?.code, 'POD_UNREACHABLE')
    const key = personKey(bob.pin)
    assert(!alice.records.some(asked => equalBytes(asked, key)))
  })

  it('go on reading by another pod where one is away', async () => {
    await world.pods.network.unplug(three!.keys.self)
    await letters(4)
    await bob.seen('opened', 4)
    assert.deepEqual(bob.read, { gets: 0, releases: 0 })
  })
})

describe('people whose relay shows false papers', () => {
  let lies = true
  /** The pod shows its own papers in the place of those that are asked for. */
  const bent = (session: Session, papers: () => Promise<Uint8Array>): Session => ({
    ...session,
    serve: truth =>
      session.serve(async (method, payload, signal) =>
        lies && method === podMethods.blindPapers
          ? await papers()
          : await truth(method, payload, signal)
      )
  })

  it('have a first letter wait for it, and none refused: nobody else is asked, and it goes when the relay is honest', async () => {
    let one: PodHost | undefined
    await using world = await blindWorld((session, self) =>
      self === one?.keys.self ? bent(session, () => one!.pod.hello()) : session
    )
    one = await world.host('one.test')
    await world.host('two.test')
    const bob = await world.join('bob', 'two.test')
    const alice = await world.join('alice', 'one.test')
    const letter = await alice.client.send({ to: bob.alias, subject: 'First', body: 'Hello' })
    assert.equal(letter.waiting?.code, 'RELAY_REFUSED')
    const mine = world.frames.filter(({ from }) => from === alice.peer)
    assert(mine.every(({ to }) => to === one.keys.self))
    lies = false
    world.pods.clock.advance(letter.waiting!.retryAtMs - world.pods.clock.now())
    await bob.seen('opened')
  })
})
