import assert from 'node:assert/strict'
import { verifyProof } from '../../src/client/verify-proof.ts'
import { readTombstone } from '../../src/wire/tombstone.ts'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld } from '../support/client-world.ts'

const letter = { to: 'bob@one.test', subject: 'Hi', body: 'Hello' }
const dayMs = 24 * 3_600_000

/** Lets what was begun go on, where there is nothing to wait for. */
async function ticks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

describe('a letter that lies with its holders', () => {
  let world: ClientWorld
  let alice: Tester
  beforeEach(async () => {
    world = await ClientWorld.make()
    alice = await world.join('alice')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** A letter to bob, who is off; he comes back with what is returned. */
  async function waiting(draft = {}) {
    const bob = await world.join('bob')
    await bob.client[Symbol.asyncDispose]()
    const sent = await alice.client.send({ ...letter, ...draft })
    return { bob, sent }
  }

  it('is given copies where they lack, by a schedule that grows', async () => {
    const { sent } = await waiting()
    world.dht.lacking = 2
    const mended = alice.seen('mended')
    world.clock.advance(10_000)
    assert.equal((await mended).copies, 8)
    const before = world.dht.censuses
    for (let i = 0; i < 48; i++) {
      world.clock.advance(3_600_000)
      await ticks(1)
    }
    const asked = world.dht.censuses - before
    assert(asked >= 3 && asked <= 20, `asked ${asked} times in two days`)
    const now = await alice.client.sentLetter(sent.id)
    assert.deepEqual([now.state, now.asked?.answered, now.asked?.holders], ['announced', 8, 8])
  })

  it('expires with what was heard last', async () => {
    const { sent } = await waiting({ lifeMs: dayMs / 2 })
    for (let i = 0; i < 18; i++) {
      world.clock.advance(3_600_000)
      await ticks(20)
    }
    const [now] = await alice.client.sent()
    assert.deepEqual([now?.id, now?.state, now?.asked?.answered], [sent.id, 'expired', 8])
    assert(now!.expiryMs - now!.asked!.atMs < 21 * 60_000)
    assert.equal((await alice.client.retract(sent.id)).outcome, 'expired')
  })

  it('stays withdrawn when it is being announced anew meanwhile', async () => {
    const { sent } = await waiting()
    const pod = world.pod('one.test')
    const gate = Promise.withResolvers<void>()
    pod.answering = gate.promise
    world.clock.advance(dayMs)
    while (pod.submitted < 2) await ticks(1)
    assert.equal((await alice.client.retract(sent.id)).outcome, 'withdrawn')
    gate.resolve()
    await ticks(50)
    assert.equal((await alice.client.sent())[0]?.state, 'withdrawn')
  })

  it('is withdrawn before it was read: then the reader finds nothing to read', async () => {
    const { bob, sent } = await waiting()
    const { outcome, letter: now } = await alice.client.retract(sent.id)
    assert.deepEqual([outcome, now.state], ['withdrawn', 'withdrawn'])
    assert.deepEqual([now.withdrawing?.took, now.withdrawing?.asked], [8, 8])
    await bob.restart()
    assert.equal((await bob.seen('refused')).code, 'BLOB_RELEASED')
    assert.deepEqual(await bob.client.inbox(), [])
    assert.equal((await alice.client.retract(sent.id)).outcome, 'withdrawn')
  })

  it('is cancelled while it is queued, and goes nowhere', async () => {
    const bob = await world.join('bob')
    world.pod().down()
    const sent = await alice.client.send(letter)
    assert.equal(sent.state, 'queued')
    const { outcome, letter: now } = await alice.client.retract(sent.id)
    assert.deepEqual([outcome, now.state, now.waiting], ['cancelled', 'withdrawn', null])
    world.pod().up()
    world.clock.advance(10 * 60_000)
    await bob.client.send({ to: 'alice@one.test', body: 'anything?' })
    await alice.seen('opened')
    assert.equal(world.dht.puts, 1)
    await alice.restart()
    assert.equal((await alice.client.status()).outbox.waiting, 0)
    assert.deepEqual(await bob.client.inbox(), [])
  })

  it('is cancelled in the middle of being stored, and whoever took a copy drops it', async () => {
    await world.join('bob')
    await alice.client.lookup('bob@one.test')
    const storing = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    world.dht.beforePut = () => {
      storing.resolve()
      return go.promise
    }
    const sending = alice.client.send(letter)
    await storing.promise
    const [queued] = await alice.client.sent()
    const retracting = alice.client.retract(queued!.id)
    await ticks(20) // until it is stopped
    go.resolve()
    const { outcome } = await retracting
    assert.equal(outcome, 'withdrawn')
    assert.equal((await sending).announced, null)
    assert.equal(world.pod().submitted, 0)
    await assert.rejects(world.dht.get(Buffer.from(queued!.key!, 'hex')), { code: 'BLOB_RELEASED' })
  })

  it('is withdrawn at once while a pod that does not answer holds its notice up', async () => {
    await world.join('bob')
    await alice.client.lookup('bob@one.test')
    world.clock.advance(2 * 3_600_000) // so that the pod is asked for the reader's address again
    world.pod().stall()
    const stop = new AbortController()
    const sending = alice.client.send(letter, { signal: stop.signal })
    await alice.seen('stored')
    stop.abort()
    const { id } = await sending
    assert.equal((await alice.client.retract(id)).outcome, 'withdrawn')
    assert.equal(world.pod().submitted, 0)
  })

  it('is not known to be withdrawn while too few holders answer, and is once they do', async () => {
    const { sent } = await waiting()
    world.dht.releaseFails = 'NETWORK_EMPTY'
    const first = await alice.client.retract(sent.id)
    assert.deepEqual([first.outcome, first.letter.state], ['unknown', 'announced'])
    assert.equal(first.letter.withdrawing?.took, 0)
    world.dht.releaseFails = null
    world.dht.releaseTakers = 4
    assert.equal((await alice.client.retract(sent.id)).outcome, 'unknown')
    alice.kill()
    world.dht.releaseTakers = 8
    await alice.revive({ locked: true })
    const withdrawn = alice.seen('withdrawn')
    world.clock.advance(10_000)
    assert.equal((await withdrawn).took, 8)
  })

  it('is not withdrawn after it was accepted: the reader is asked to forget it, once', async () => {
    const bob = await world.join('bob')
    const sent = await alice.client.send(letter)
    await bob.seen('released')
    const { outcome, request, letter: now } = await alice.client.retract(sent.id)
    assert.deepEqual([outcome, now.state, request?.retracts], ['too-late', 'accepted', sent.id])
    await bob.seen('opened', e => e.letter === request!.id)
    const inbox = await bob.client.inbox()
    const [earlier, asking] = [sent.id, request!.id].map(id => inbox.find(one => one.id === id))
    assert.equal(earlier?.forgetAsked, request!.id)
    assert.equal(asking?.retracts, sent.id)
    assert.equal((await bob.client.read(sent.id)).body, 'Hello')
    const again = await alice.client.retract(sent.id)
    assert.equal(again.request?.id, request!.id)
    assert.equal((await alice.client.sent()).length, 2)
    assert.equal((await alice.sent(sent.id)).forgetAsked, request!.id)
  })

  it('counts as accepted when both ends released it', async () => {
    const bob = await world.join('bob')
    world.dht.releaseFails = 'NETWORK_EMPTY'
    const sent = await alice.client.send(letter)
    await bob.seen('opened')
    await bob.client[Symbol.asyncDispose]()
    world.dht.releaseFails = null
    assert.equal((await alice.client.retract(sent.id)).outcome, 'withdrawn')
    await bob.restart()
    await bob.seen('released')
    const seen = alice.seen('accepted')
    world.clock.advance(dayMs)
    await seen
    const now = await alice.client.sentLetter(sent.id)
    assert.deepEqual([now.state, now.withdrawing?.took], ['accepted', 8])
    const { retract, accept } = readTombstone(world.dht.tombstones.get(sent.key!)!)
    assert(retract && accept)
  })

  it('is corrected by a later one to the same reader', async () => {
    const bob = await world.join('bob')
    await world.join('carol')
    const sent = await alice.client.send(letter)
    const better = await alice.client.send({ ...letter, body: 'Hullo', corrects: sent.id })
    await bob.seen('opened', e => e.letter === better.id)
    const inbox = await bob.client.inbox()
    const [old, fresh] = [sent.id, better.id].map(id => inbox.find(one => one.id === id))
    assert.deepEqual([old?.corrects, old?.correctedBy], [null, better.id])
    assert.deepEqual([fresh?.corrects, fresh?.correctedBy], [sent.id, null])
    assert.equal(old?.thread, fresh?.thread)
    assert.equal((await alice.sent(sent.id)).correctedBy, better.id)
    const elsewhere = { ...letter, to: 'carol@one.test', corrects: sent.id }
    await assert.rejects(alice.client.send(elsewhere), { code: 'LETTER_INVALID' })
    await assert.rejects(alice.client.send({ ...letter, corrects: 'f'.repeat(64) }), {
      code: 'LETTER_UNKNOWN'
    })
    await assert.rejects(alice.client.retract('f'.repeat(64)), { code: 'LETTER_UNKNOWN' })
  })

  it('has a proof at every stage that holds by itself', async () => {
    const bob = await world.join('bob')
    const prove = async (id: string) => verifyProof(await alice.client.proof(id), world.clock.now())
    world.pod().down()
    const queued = await alice.client.send({ ...letter, receipt: true })
    assert.deepEqual((await prove(queued.id)).state, 'queued')
    world.pod().up()
    world.dht.releaseFails = 'NETWORK_EMPTY'
    world.clock.advance(2 * 60_000)
    await bob.seen('opened')
    const announced = await prove(queued.id)
    assert.deepEqual([announced.state, announced.stored.length], ['announced', 8])
    assert.equal(announced.announced?.fingerprint, world.pod().person.certificate.fingerprint)
    assert.deepEqual(await alice.client.proof(queued.id), await alice.client.proof(queued.id))
    world.dht.releaseFails = null
    world.clock.advance(60_000)
    await bob.seen('released')
    await alice.client.sentLetter(queued.id)
    const accepted = await prove(queued.id)
    assert.deepEqual(
      [accepted.state, accepted.receipt?.fingerprint, accepted.released?.accept],
      ['accepted', bob.person.certificate.fingerprint, true]
    )
    await bob.client[Symbol.asyncDispose]()
    const sent = await alice.client.send(letter)
    await alice.client.retract(sent.id)
    const withdrawn = await prove(sent.id)
    assert.deepEqual([withdrawn.state, withdrawn.released?.by.length], ['withdrawn', 8])
    // Whoever is shown a proof must not be able to take the letter back.
    const other = await alice.client.send(letter)
    assert.equal((await prove(other.id)).released, null)
  })
})
