import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { closetOf } from '../../src/client/closet.ts'
import type { LetterRow } from '../../src/client/inbox-rows.ts'
import { createInboxStore } from '../../src/client/inbox-store.ts'
import { verifyProof } from '../../src/client/verify-proof.ts'
import { memoryState } from '../../src/store/memory.ts'
import { encodeTombstone, readTombstone } from '../../src/wire/tombstone.ts'
import type { Tester } from '../support/client-world.ts'
import { ClientWorld, dice, quiet } from '../support/client-world.ts'

const letter = { to: 'bob@one.test', subject: 'Hi', body: 'Hello' }
const dayMs = 24 * 3_600_000

/** Lets what was begun go on, where there is nothing to wait for. */
async function ticks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

const sentBy = async (who: Tester, id: string) => {
  const found = (await who.client.sent()).find(one => one.id === id)
  assert(found)
  return found
}

describe('a letter that was opened', () => {
  let world: ClientWorld
  let alice: Tester
  beforeEach(async () => {
    world = await ClientWorld.make()
    alice = await world.join('alice')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** Lets time pass in which alice asks the holders. */
  const accepted = async (id: string) => {
    const seen = alice.seen('accepted', e => e.letter === id)
    world.clock.advance(10_000)
    return await seen
  }

  it('is accepted by itself, and the sender sees that with a signed receipt', async () => {
    const bob = await world.join('bob')
    const sent = await alice.client.send({ ...letter, receipt: true })
    const released = await bob.seen('released')
    assert.deepEqual([released.key, released.receipt, released.took], [sent.key, true, 8])
    assert.equal((await accepted(sent.id)).receipt, true)
    const now = await sentBy(alice, sent.id)
    assert.deepEqual(
      [now.state, now.receiptRequested, now.accepted?.receipt?.fingerprint],
      ['accepted', true, bob.person.certificate.fingerprint]
    )
    assert.equal(now.accepted?.receipt?.atMs, (await bob.client.inbox())[0]?.receivedMs)
    assert.equal((await bob.client.inbox())[0]?.receiptRequested, true)
  })

  it('is accepted without a receipt when none was asked for, or the reader gives none', async () => {
    const bob = await world.join('bob')
    const carol = await world.join('carol', { receipts: 'nobody' })
    const dave = await world.join('dave', { receipts: 'verified' })
    for (const [to, receipt] of [
      [bob, false],
      [carol, true],
      [dave, true]
    ] as const) {
      const at = to === bob ? 'bob' : to === carol ? 'carol' : 'dave'
      const sent = await alice.client.send({ ...letter, to: `${at}@one.test`, receipt })
      assert.equal((await to.seen('released')).receipt, false)
      assert.equal((await accepted(sent.id)).receipt, false)
      assert.deepEqual((await sentBy(alice, sent.id)).accepted, { receipt: null })
    }
    await dave.client.verify('alice@one.test')
    const sent = await alice.client.send({ ...letter, to: 'dave@one.test', receipt: true })
    assert.equal((await dave.seen('released', e => e.key === sent.key)).receipt, true)
  })

  it('is released after a kill, and after the network was away, until enough holders took it', async () => {
    const bob = await world.join('bob')
    world.dht.releaseFails = 'NETWORK_EMPTY'
    const sent = await alice.client.send(letter)
    await bob.seen('opened')
    bob.kill()
    world.dht.releaseFails = null
    world.dht.releaseTakers = 3
    await bob.revive()
    assert.equal((await bob.seen('released')).took, 3)
    world.dht.releaseTakers = 8
    world.clock.advance(60_000)
    await bob.seen('released', ({ took }) => took === 8)
    const { releases } = world.dht
    world.clock.advance(dayMs)
    await bob.restart()
    assert.equal(world.dht.releases, releases)
    assert.equal((await accepted(sent.id)).letter, sent.id)
  })

  it('waits for the vault with the receipt', async () => {
    const bob = await world.join('bob')
    world.dht.releaseFails = 'NETWORK_EMPTY'
    await alice.client.send({ ...letter, receipt: true })
    await bob.seen('opened')
    bob.kill()
    await bob.revive({ locked: true })
    world.dht.releaseFails = null
    world.clock.advance(60_000)
    await bob.client.unlock(bob.person)
    assert.equal((await bob.seen('released')).receipt, true)
  })

  it('shows a receipt that came while the vault was locked', async () => {
    const bob = await world.join('bob')
    const sent = await alice.client.send({ ...letter, receipt: true })
    await bob.seen('released')
    await alice.restart({ locked: true })
    assert.equal((await accepted(sent.id)).receipt, false)
    await alice.client.unlock(alice.person)
    const now = await alice.client.sentLetter(sent.id)
    assert.equal(now.accepted?.receipt?.fingerprint, bob.person.certificate.fingerprint)
  })

  it('shows no receipt that another made, or that is for another letter, and finds the true one beside it', async () => {
    const bob = await world.join('bob')
    world.dht.releaseFails = 'NETWORK_EMPTY'
    const [one, two] = [
      await alice.client.send({ ...letter, receipt: true }),
      await alice.client.send({ ...letter, receipt: true })
    ]
    for (const { id } of [one, two]) await bob.seen('opened', e => e.letter === id)
    await alice.client[Symbol.asyncDispose]()
    world.dht.releaseFails = null
    world.clock.advance(60_000)
    for (const { key } of [one, two]) await bob.seen('released', e => e.key === key)
    const [first, second] = [one, two].map(({ key }) =>
      readTombstone(world.dht.tombstones.get(key!)!)
    )
    const swapped = encodeTombstone({ ...first!, receipt: second!.receipt })
    const real = world.dht.tombstones.get(one.key!)!
    world.dht.tombstones.set(one.key!, swapped)
    await alice.restart()
    assert.equal((await accepted(one.id)).receipt, false)
    assert.deepEqual((await sentBy(alice, one.id)).accepted, { receipt: null })
    world.dht.tombstones.set(one.key!, real)
    const now = await alice.client.sentLetter(one.id)
    assert(now.accepted?.receipt)
  })
})

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
    const { sent } = await waiting({ lifeMs: dayMs })
    for (let i = 0; i < 30; i++) {
      world.clock.advance(3_600_000)
      await ticks(20)
    }
    const [now] = await alice.client.sent()
    assert.deepEqual([now?.id, now?.state, now?.asked?.answered], [sent.id, 'expired', 8])
    assert(now!.expiryMs - now!.asked!.atMs < 21 * 60_000)
    assert.equal((await alice.client.retract(sent.id)).outcome, 'expired')
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
    assert.equal((await sentBy(alice, sent.id)).forgetAsked, request!.id)
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
    assert.equal((await sentBy(alice, sent.id)).correctedBy, better.id)
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

describe('what a letter says about an earlier one', () => {
  it('counts only for letters of the same key, in whichever order they came', async () => {
    const state = memoryState()
    const store = createInboxStore(state, quiet)
    const closet = closetOf(dice.bytes(32), dice)
    const [alice, mallory] = ['aa'.repeat(20), 'bb'.repeat(20)]
    const row = (id: string, says: Partial<LetterRow> = {}): LetterRow => ({
      id: id.repeat(32),
      thread: id.repeat(32),
      parent: null,
      fromAlias: 'alice@one.test',
      fromFingerprint: alice,
      to: 'bob@one.test',
      subject: id,
      mimeType: 'text/plain',
      sentMs: 1,
      receivedMs: Number.parseInt(id, 16),
      expiryMs: 1e12,
      sizeBytes: 1_024,
      key: toHex(dice.bytes(32)),
      corrects: null,
      retracts: null,
      receiptRequested: false,
      ...says
    })
    const add = (letter: LetterRow) => {
      const notice = { pod: 'one.test', sizeBytes: 1, slip: dice.bytes(9), failures: 0 }
      const about = { ...notice, key: Buffer.from(letter.key, 'hex'), expiryMs: 1e12 }
      return store.addLetter(about, { row: letter, frame: new Uint8Array(1) }, closet, [])
    }
    const old = '01'.repeat(32)
    await add(row('05', { corrects: old, sentMs: 5 }))
    await add(row('06', { corrects: old, sentMs: 3 }))
    await add(row('07', { retracts: old, corrects: old, fromFingerprint: mallory, sentMs: 9 }))
    await add(row('01'))
    const letters = await store.list({ limit: 9, unread: false }, closet)
    const mark = () => letters.find(one => one.row.id === old)?.mark
    assert.deepEqual(mark(), { correctedBy: '05'.repeat(32), forgetAsked: null })
    await add(row('08', { retracts: old }))
    const { mark: later } = await store.find(old, closet)
    assert.deepEqual(later, { correctedBy: '05'.repeat(32), forgetAsked: '08'.repeat(32) })
  })
})
