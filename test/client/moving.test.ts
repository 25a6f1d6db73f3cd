import assert from 'node:assert/strict'
import { makeMove } from '../../src/keys/move.ts'
import { makePerson } from '../../src/keys/person.ts'
import { revoke } from '../../src/keys/revoke.ts'
import { decodeSignedMove } from '../../src/wire/move.ts'
import type { Tester } from '../support/client-world.ts'
import { away, ClientWorld } from '../support/client-world.ts'
import { inTime, secondDevice, until } from '../support/own-devices.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const before = 'alice@one.test'
const after = 'alice@two.test'
const bobs = 'bob@three.test'

describe('a person who moves', () => {
  let world: ClientWorld
  let alice: Tester
  let bob: Tester
  beforeEach(async () => {
    world = await ClientWorld.make(['one.test', 'two.test', 'three.test'])
    alice = await world.join('alice')
    bob = await world.join('bob', { hostname: 'three.test' })
    await bob.client.send({ to: before, body: 'Hello' })
    await alice.seen('opened')
    await alice.client.send({ to: bobs, body: 'Hello' })
    await bob.seen('opened')
    await bob.client.verify(before)
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const contact = async () => {
    const [found, ...others] = await bob.client.contacts()
    assert(found && others.length === 0)
    return found
  }
  const arrives = (id: string) => alice.seen('opened', ({ letter }) => letter === id)
  const aliases = async ({ client }: Tester) =>
    (await client.status()).pods.flatMap(pod => pod.aliases)
  /** Bob was not here for so long that he asks before he writes. */
  const later = async (ms = 8 * dayMs) => {
    await away(world, [bob], ms)
    await bob.revive()
  }
  const one = () => world.pod('one.test')
  const moveOf = (tester: Tester, to: string, sequence: number, from = before) =>
    makeMove(tester.person, {
      ...{ from, to, sequence, nowMs: world.clock.now() },
      pod: {
        fingerprint: world.pod('two.test').person.certificate.fingerprint,
        ...{ peer: world.pod('two.test').peer, addresses: [] }
      }
    })

  it('is followed by who writes there, with the word of the pod that they left, and may come back', async () => {
    const { pin } = await contact()
    const moved = await alice.client.move(after)
    assert.deepEqual([moved.from, moved.to, moved.agreed], [before, after, true])
    assert.deepEqual(await alice.client.moves(), [moved])
    await later()
    const sent = await bob.client.send({ to: before, body: 'to the new place' })
    assert.equal(sent.to, after)
    await arrives(sent.id)
    const told = await bob.seen('moved')
    assert.deepEqual([told.alias, told.to, told.agreed], [before, after, true])
    const shown = await contact()
    assert.deepEqual([shown.alias, shown.pin, shown.verified], [after, pin, true])
    assert.deepEqual(shown.moved, { from: before, atMs: moved.atMs, agreed: true })
    assert.equal((await alice.client.inbox()).length, 2)
    const [first] = await bob.client.sent()
    const answer = await alice.client.send({ to: bobs, body: 'Here', parent: sent.id })
    assert.equal(answer.from, after)
    await bob.seen('opened', ({ from }) => from === after)
    assert.equal(first?.to, after)

    await alice.client.move(before)
    assert.deepEqual(await aliases(alice), [before])
    await later()
    const back = await bob.client.send({ to: after, body: 'again' })
    assert.equal(back.to, before)
    await arrives(back.id)
    assert.deepEqual((await contact()).moved?.from, after)
    await bob.restart()
    assert.equal((await contact()).alias, before)
    await alice.restart()
    assert.deepEqual(
      (await alice.client.moves()).map(({ from, to }) => [from, to]),
      [[after, before]]
    )
  })

  it('may take another alias at the same pod, and is there as before', async () => {
    assert.equal((await alice.client.move('alicia@one.test')).agreed, true)
    const [pod, ...others] = (await alice.client.status()).pods
    assert.deepEqual([pod?.hostname, pod?.aliases], ['one.test', ['alicia@one.test']])
    assert.deepEqual([pod?.identified, pod?.problem, others], [true, null, []])
  })

  it('gets what was on its way to where they were, and is followed by who has a letter from there', async () => {
    await alice.client.move(after)
    const inTransit = await bob.client.send({ to: before, body: 'he has not heard of it' })
    assert.equal(inTransit.to, before)
    await arrives(inTransit.id)
    await alice.client.send({ to: bobs, body: 'from the new place' })
    await bob.seen('moved')
    await bob.seen('opened', ({ from }) => from === after)
    const letter = (await bob.client.inbox()).find(({ from }) => from.alias === after)
    assert.equal(letter?.from.verified, true)
    assert.equal((await bob.client.requests()).length, 0)
    assert.equal((await contact()).alias, after)
    const sent = await bob.client.send({ to: before, body: 'and now he has' })
    assert.equal(sent.to, after)
    await arrives(sent.id)
  })

  it('whose pod is gone is followed by their own word in the network, and no letter is lost', async () => {
    alice.kill()
    const lost = await bob.client.send({ to: before, body: 'the pod signs for it, and dies' })
    assert.equal(lost.state, 'announced')
    one().down()
    one().accounts.clear()
    const queued = await bob.client.send({
      to: before,
      body: 'and for this it does not',
      lifeMs: 90 * dayMs
    })
    assert.equal(queued.waiting?.code, 'POD_UNREACHABLE')
    await away(world, [bob], 20 * dayMs)
    await alice.revive()
    const moved = await alice.client.move(after)
    assert.deepEqual([moved.agreed, moved.problem?.code], [false, 'POD_UNREACHABLE'])
    await bob.revive()
    await arrives(queued.id)
    await arrives(lost.id)
    const shown = await contact()
    assert.deepEqual([shown.alias, shown.verified], [after, true])
    assert.deepEqual(shown.moved, { from: before, atMs: moved.atMs, agreed: false })
    assert.equal((await bob.seen('moved')).agreed, false)
    await until(async () => (await bob.sent(lost.id)).announced?.pod === 'two.test')
    // Who was away for two months finds them, too.
    await bob.client.send({ to: before, body: 'x' })
    await away(world, [bob], 60 * dayMs)
    await bob.revive()
    const late = await bob.client.send({ to: before, body: 'two months later' })
    await arrives(late.id)
  })

  it('is followed when the own pod has had a notice for the dead one for an hour', async () => {
    world.pod('three.test').queue.mode = 'hold'
    one().down()
    const sent = await bob.client.send({ to: before, body: 'x' })
    assert.equal(sent.state, 'stored')
    await alice.client.move(after)
    world.pod('three.test').queue.mode = 'off'
    const isThere = () =>
      alice.events.some(event => event.type === 'opened' && event.letter === sent.id)
    await inTime(world, 20 * 60_000, isThere)
    assert.equal((await contact()).alias, after)
  })

  it('has a former pod told as soon as it is there again, and a new key goes there too', async () => {
    one().down()
    await alice.client.move(after)
    one().up()
    world.clock.advance(2 * hourMs)
    const { from, to } = await alice.seen('agreed')
    assert.deepEqual([from, to], [before, after])
    await alice.client.succeedKey()
    const { pods } = (await alice.client.succession())!
    assert.deepEqual(pods.map(({ pod, taken }) => [pod, taken]).toSorted(), [
      ['one.test', true],
      ['two.test', true]
    ])
  })

  it('takes their other devices along', async () => {
    const second = await secondDevice(world, alice)
    await alice.client.move(after)
    await inTime(world, 2_000, () => second.events.some(({ type }) => type === 'agreed'))
    assert.deepEqual(await aliases(second), [after])
    assert.deepEqual((await second.client.moves())[0]?.to, after)
    const sent = await second.client.send({ to: bobs, body: 'from the other device' })
    assert.equal(sent.from, after)
    // Without their former pod, and when none can tell another of it.
    world.pod('two.test').down()
    const there = 'alice@three.test'
    await second.client.move(there)
    await inTime(world, hourMs, () =>
      alice.events.some(one => one.type === 'left' && one.to === there)
    )
    assert.deepEqual(await aliases(alice), [there])
  })

  it('are not taken away from where they came back to by an old move, though a pod shows it', async () => {
    const second = await secondDevice(world, alice)
    const back = (tester: Tester) =>
      tester.events.some(event => event.type === 'left' && event.from === after)
    await alice.client.move(after)
    const old = one().moved.get(before)!
    await inTime(world, 2_000, () => second.events.some(({ type }) => type === 'left'))
    await alice.client.move(before)
    await inTime(world, 2_000, () => back(second))
    one().moved.set(before, old)
    await second.restart()
    const asked = one().movedAsked
    await inTime(world, 2 * hourMs, () => one().movedAsked >= asked + 4)
    for (const tester of [alice, second]) {
      assert.deepEqual(await aliases(tester), [before])
      assert.deepEqual(
        (await tester.client.moves()).map(({ from, to }) => [from, to]),
        [[after, before]]
      )
    }
  })

  it('is looked up at the former alias by who never met them', async () => {
    const carol = await world.join('carol', { hostname: 'three.test' })
    await alice.client.move(after)
    const found = await carol.client.lookup(before)
    assert.deepEqual([found.alias, found.fingerprint], [after, (await contact()).fingerprint])
    const sent = await carol.client.send({ to: before, body: 'Hello' })
    assert.equal(sent.to, after)
    await arrives(sent.id)
  })

  it('is not followed by the word of another key, by an older one, or by none', async () => {
    await alice.client.move(after)
    const signed = one().moved.get(before)!
    const refused = async (code: string) => {
      await later()
      const sent = await bob.client.send({ to: before, body: 'x' })
      assert.equal(sent.waiting?.code, code)
      assert.equal((await contact()).alias, before)
      await bob.client.retract(sent.id)
    }
    one().moved.set(before, { ...signed, move: await moveOf(bob, after, 1) })
    await refused('MOVE_INVALID')
    const another = await makePerson({ name: 'alice', nowMs: world.clock.now() })
    const mallory = { ...alice, person: another } as Tester
    one().moved.set(before, {
      certificate: another.certificate,
      move: await moveOf(mallory, after, 1)
    })
    await later()
    await assert.rejects(bob.client.lookup(before), { code: 'KEY_CHANGED' })
    // Of another alias of hers.
    one().moved.set(before, { ...signed, move: await moveOf(alice, after, 1, 'ally@one.test') })
    await refused('MOVE_INVALID')
    // A circle: each later than the one before, and the last not.
    one().moved.set(before, signed)
    const { sequence } = decodeSignedMove(signed.move).move
    const { certificate } = signed
    const round = await moveOf(alice, before, sequence + 1, after)
    world.pod('two.test').moved.set(after, { certificate, move: round })
    await refused('MOVE_INVALID')
    world.pod('two.test').moved.clear()
    await later()
    const sent = await bob.client.send({ to: before, body: 'x' })
    assert.equal(sent.to, after)
    // An old one is shown again by the pod where she is.
    const old = await moveOf(alice, before, sequence - 1, after)
    world.pod('two.test').moved.set(after, { certificate, move: old })
    await later()
    assert.equal((await bob.client.send({ to: after, body: 'x' })).waiting?.code, 'MOVE_INVALID')
    assert.equal((await contact()).alias, after)
  })

  it('is not followed to an alias of somebody else, which is shown', async () => {
    const mallory = await world.join('mallory', { hostname: 'two.test' })
    one().moved.set(before, {
      certificate: alice.person.certificate,
      move: await moveOf(alice, 'mallory@two.test', 1)
    })
    await later()
    await assert.rejects(bob.client.lookup(before), { code: 'KEY_CHANGED' })
    const { alias, code } = await bob.seen('not-moved')
    assert.deepEqual([alias, code], [before, 'KEY_CHANGED'])
    const { offered } = await contact()
    assert.deepEqual([offered?.to, offered?.code], ['mallory@two.test', 'KEY_CHANGED'])
    await assert.rejects(bob.client.acceptKey(before), { code: 'KEY_CHANGED' })
    assert.equal((await mallory.client.inbox()).length, 0)
  })

  it('and is ignored or asked about is followed by no letter from there, but by one that is accepted', async () => {
    const looked = () => one().looked + world.pod('two.test').looked
    await bob.client.choosePolicy(before, 'ignore')
    await alice.client.move(after)
    const [start, former] = [looked(), one().looked]
    await alice.client.send({ to: bobs, body: 'nobody hears of this' })
    await world
      .pod('three.test')
      .acknowledged(bobs, world.pod('three.test').accounts.get(bobs)!.notices.length)
    await bob.client.caughtUp()
    assert.deepEqual([looked(), await bob.client.requests()], [start, []])

    await bob.client.choosePolicy(before, 'ask')
    const { id: letter } = await alice.client.send({ to: bobs, body: 'and this waits' })
    const { request } = await bob.seen('requested')
    // The new pod was asked whose key it is, as for any stranger.
    assert.equal(one().looked, former)
    await bob.client.decide(request, 'once')
    await bob.seen('opened', event => event.letter === letter)
    assert.equal((await contact()).alias, after)
  })

  it('whose pod denies it is followed when the person says so', async () => {
    await alice.client.move(after)
    one().moved.clear()
    await alice.client.send({ to: bobs, body: 'I have moved, and my pod does not say so' })
    const { alias, to, code } = await bob.seen('not-moved')
    assert.deepEqual([alias, to, code], [before, after, 'MOVE_DENIED'])
    await bob.seen('opened', ({ from }) => from === after)
    const offered = (await bob.client.contacts()).find(one => one.alias === before)?.offered
    assert.equal(offered?.code, 'MOVE_DENIED')
    const accepted = await bob.client.acceptKey(before)
    assert.deepEqual([accepted.alias, accepted.moved?.agreed], [after, false])
    assert.equal((await contact()).offered, null)
    const sent = await bob.client.send({ to: before, body: 'x' })
    assert.equal(sent.to, after)
  })

  it('is followed by who knows the key before the one that moved', async () => {
    const old = (await contact()).fingerprint
    await alice.client.succeedKey()
    await alice.client.move(after)
    await later()
    const sent = await bob.client.send({ to: before, body: 'x' })
    assert.equal(sent.to, after)
    await arrives(sent.id)
    const { succession, fingerprint, verified } = await contact()
    assert.equal(fingerprint, alice.person.certificate.fingerprint)
    assert.deepEqual([succession?.from, verified], [old, false])
  })

  it('is followed no more once the key is revoked, by its owner or with paper', async () => {
    const paper = Buffer.from(await alice.client.revocation())
    await alice.client.move(after)
    const isRevoked = () => one().moved.get(before)?.certificate.revoked
    await bob.client.revokeWith(paper, before)
    assert.equal(isRevoked(), true)
    const { certificate } = alice.person
    one().moved.set(before, { ...one().moved.get(before)!, certificate })
    const { pods } = await alice.client.revokeKey({ reason: 'compromised' })
    assert.deepEqual(
      pods.map(({ alias, shown }) => [alias, shown]),
      [after, before].map(alias => [alias, true])
    )
    assert.equal(isRevoked(), true)
    await later()
    await assert.rejects(bob.client.lookup(before), { code: 'MOVE_INVALID' })
    assert.equal((await contact()).alias, before)
  })

  it('stays revoked for who knows that, whatever the pods on the way show', async () => {
    await alice.client.move(after)
    const shown = (reason: 'superseded' | 'compromised') =>
      revoke(alice.person, reason, world.clock.now())
    await bob.client.importKey((await shown('superseded')).bytes, before)
    await later()
    await assert.rejects(bob.client.send({ to: before, body: 'x' }), { code: 'KEY_REVOKED' })
    await bob.client.lookup(before)
    const { alias, lapsed } = await contact()
    assert.deepEqual([alias, lapsed], [after, 'revoked'])
  })

  it('says what is wrong before anything moves', async () => {
    const say = (to: string, code: string, from?: string) =>
      assert.rejects(alice.client.move(to, from === undefined ? {} : { from }), { code })
    await say(before, 'ALIAS_MISSING')
    await say(before, 'MOVE_INVALID', before)
    await say(after, 'ALIAS_MISSING', 'ally@one.test')
    await world.join('bert', { hostname: 'two.test' })
    await say('bert@two.test', 'ALIAS_TAKEN')
    alice.client.lock()
    await say(after, 'VAULT_LOCKED')
    assert.deepEqual(await alice.client.moves(), [])
  })
})
