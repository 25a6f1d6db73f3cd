import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import { sealSlip } from '../../src/client/compose.ts'
import { seal } from '../../src/keys/seal.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { expiryAt, makeBlob } from '../../src/wire/blob.ts'
import { ClientWorld, dice, person } from '../support/client-world.ts'
import { bytesOf, craft, hourMs, post } from '../support/crafted.ts'

describe('reading', () => {
  let world: ClientWorld
  beforeEach(async () => {
    world = await ClientWorld.make()
  })
  afterEach(() => world[Symbol.asyncDispose]())

  /** Bob refuses it, remembers that, and reads the next letter as if nothing had been. */
  async function refused(crafted: { blob: Blob; slip: Uint8Array }, code: string, gets: number) {
    const bob = await world.join('bob')
    await post(world, crafted.blob, crafted.slip)
    const refusal = await bob.seen('refused')
    assert.deepEqual([refusal.code, refusal.key], [code, toHex(crafted.blob.key)])
    assert.equal(world.dht.gets, gets)
    assert.deepEqual(await bob.client.inbox(), [])
    await world.pod().replay('bob@one.test')
    await bob.restart()
    assert.equal(world.dht.gets, gets, 'it is not fetched again')
    await bob.seen('listening')
    const alice = await world.join('alice')
    const good = await alice.client.send({ to: 'bob@one.test', body: 'Hello' })
    await bob.seen('opened', ({ letter }) => letter === good.id)
    assert.equal((await bob.client.inbox()).length, 1)
  }

  const bobs = async () => (await person('bob')).certificate

  it('shows a letter of a stranger, with nobody vouching for the alias', async () => {
    const bob = await world.join('bob')
    const mallory = await person('mallory')
    const { blob, slip } = await craft(world, { by: mallory, to: await bobs() })
    await post(world, blob, slip)
    await bob.seen('opened')
    const [letter] = await bob.client.inbox()
    assert.deepEqual(letter?.from, {
      alias: 'mallory@one.test',
      fingerprint: mallory.certificate.fingerprint,
      verified: false,
      certifiedByPod: false
    })
    assert.deepEqual(await bob.client.contacts(), [], 'no stranger can take an alias by writing')
  })

  it('refuses a letter that another signed than its sender', async () => {
    const alice = await person('alice')
    const mallory = await person('mallory')
    const sender = { fingerprint: bytesOf(alice.certificate.fingerprint), alias: 'alice@one.test' }
    const letter = { sender, certificate: alice.certificate.bytes }
    const crafted = await craft(world, { by: mallory, to: await bobs(), letter, slipBy: alice })
    await refused(crafted, 'LETTER_FORGED', 1)
  })

  it('refuses an alias that only looks like a pinned one', async () => {
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    await bob.client.lookup('alice@one.test')
    assert.equal((await bob.client.contacts()).length, 1)
    const mallory = await person('mallory')
    const fingerprint = bytesOf(mallory.certificate.fingerprint)
    for (const alias of [
      'Alice@one.test',
      'alice@one.test ',
      'alice@ONE.test',
      'alice@one.test\u200b',
      '\u202ealice@one.test',
      'аlice@one.test',
      'alice'
    ]) {
      const sender = { fingerprint, alias }
      const { blob, slip } = await craft(world, {
        by: mallory,
        to: await bobs(),
        letter: { sender }
      })
      await post(world, blob, slip)
      const { code } = await bob.seen('refused', ({ key }) => key === toHex(blob.key))
      assert.equal(code, 'NOTICE_INVALID', alias)
    }
    assert.equal(world.dht.gets, 0)
    assert.deepEqual(await bob.client.inbox(), [])
    assert.ok(alice)
  })

  it('refuses a letter that carries the key of another than its sender', async () => {
    const alice = await person('alice')
    const mallory = await person('mallory')
    const sender = { fingerprint: bytesOf(alice.certificate.fingerprint), alias: 'alice@one.test' }
    const crafted = await craft(world, {
      by: mallory,
      to: await bobs(),
      letter: { sender },
      slipBy: alice
    })
    await refused(crafted, 'LETTER_FORGED', 1)
  })

  it('refuses a letter whose slip another signed', async () => {
    const crafted = await craft(world, {
      by: await person('mallory'),
      to: await bobs(),
      slipBy: await person('trudy')
    })
    await refused(crafted, 'LETTER_FORGED', 1)
  })

  it('refuses a letter written to another and sealed again to bob', async () => {
    const carol = (await person('carol')).certificate
    const recipients = [{ fingerprint: bytesOf(carol.fingerprint), alias: 'carol@one.test' }]
    // Whoever gets a signed letter can seal it again; to the reader that looks as if its sender had sealed it.
    const alice = await person('alice')
    const crafted = await craft(world, { by: alice, to: await bobs(), letter: { recipients } })
    await refused(crafted, 'LETTER_FORGED', 1)
  })

  it('refuses a slip that was made for another blob, before it fetches anything', async () => {
    const crafted = await craft(world, {
      by: await person('mallory'),
      to: await bobs(),
      slipFor: dice.bytes(32)
    })
    await refused(crafted, 'LETTER_FORGED', 0)
  })

  it('refuses a slip that is no slip, before it fetches anything', async () => {
    const { blob } = await craft(world, { by: await person('mallory'), to: await bobs() })
    await refused({ blob, slip: dice.bytes(1_024) }, 'SEAL_REFUSED', 0)
  })

  it('refuses a slip sealed to another, before it fetches anything', async () => {
    const mallory = await person('mallory')
    const { blob } = await craft(world, { by: mallory, to: await bobs() })
    const { slip } = await craft(world, { by: mallory, to: mallory.certificate })
    await refused({ blob, slip }, 'SEAL_REFUSED', 0)
  })

  it('refuses a pinned sender whose slip another signed, before it fetches anything', async () => {
    const alice = await world.join('alice')
    const { pin } = alice.person.certificate
    const bob = await world.join('bob')
    await bob.client.lookup('alice@one.test')
    const mallory = await person('mallory')
    const sender = {
      fingerprint: bytesOf(alice.person.certificate.fingerprint),
      alias: 'alice@one.test'
    }
    const { blob, slip } = await craft(world, {
      by: mallory,
      to: await bobs(),
      letter: { sender }
    })
    // The slip claims to be of alice's key only by its alias: mallory's own fingerprint stands in it.
    await post(world, blob, slip)
    assert.equal((await bob.seen('refused')).code, 'KEY_CHANGED')
    assert.equal(world.dht.gets, 0)
    const [contact] = await bob.client.contacts()
    assert.deepEqual([contact?.pin, contact?.changedTo], [pin, null])
  })

  it('waits with a letter that is dated in the future, and then shows it', async () => {
    const bob = await world.join('bob')
    const aheadMs = limits.clockSkewMs + 1
    const letter = { sentMs: world.clock.now() + aheadMs }
    const early = await craft(world, { by: await person('mallory'), to: await bobs(), letter })
    await post(world, early.blob, early.slip)
    assert.equal((await bob.seen('delayed')).code, 'CLOCK_WRONG')
    assert.deepEqual(await bob.client.inbox(), [])
    assert.equal((await bob.client.status()).inbox.waiting, 1)
    world.clock.advance(aheadMs)
    bob.client.wake()
    await bob.seen('opened')
    assert.equal((await bob.client.inbox()).length, 1)
  })

  it('refuses bytes that are no letter, or are too long for one', async () => {
    const bob = await world.join('bob')
    const mallory = await person('mallory')
    const nowMs = world.clock.now()
    const to = await bobs()
    for (const plaintext of [new Uint8Array(), dice.bytes(100), new Uint8Array(200_000)]) {
      const sizes = limits.sealedSizes
      const sealed = await seal(plaintext, { from: mallory, to, sizes, nowMs })
      const about = { expiryMs: expiryAt(nowMs + hourMs), retract: dice.bytes(32), accept: null }
      const blob = makeBlob(sealed, about)
      const slip = await sealSlip({
        from: mallory,
        alias: 'mallory@one.test',
        to,
        letter: dice.bytes(32),
        key: blob.key,
        nowMs
      })
      await post(world, blob, slip)
      const { code } = await bob.seen('refused', ({ key }) => key === toHex(blob.key))
      assert.equal(code, 'LETTER_INVALID')
    }
    const noise = makeBlob(dice.bytes(1_024), {
      expiryMs: expiryAt(nowMs + hourMs),
      retract: dice.bytes(32),
      accept: null
    })
    const { slip } = await craft(world, { by: mallory, to, slipFor: noise.key })
    await post(world, noise, slip)
    await bob.seen('refused', ({ code }) => code === 'SEAL_REFUSED')
    assert.deepEqual(await bob.client.inbox(), [])
  })

  it('drops notices out of time, and what was pushed, played back or sent twice', async () => {
    const bob = await world.join('bob')
    const alice = await world.join('alice')
    const mallory = await person('mallory')
    const { blob, slip } = await craft(world, { by: mallory, to: await bobs() })
    await post(world, blob, slip, { expiryMs: world.clock.now() })
    await post(world, blob, slip, { expiryMs: expiryAt(world.clock.now() + 102 * 24 * hourMs) })
    assert.equal(bob.events.filter(({ type }) => type === 'notified').length, 0)
    await alice.client.send({ to: 'bob@one.test', body: 'Hello' })
    await bob.seen('opened')
    const gets = world.dht.gets
    await world.pod().replay('bob@one.test')
    await bob.restart()
    await world.pod().replay('bob@one.test')
    assert.equal(world.dht.gets, gets)
    assert.equal((await bob.client.inbox()).length, 1)
  })

  it('shows a letter announced in two blobs once', async () => {
    const bob = await world.join('bob')
    const mallory = await person('mallory')
    const id = dice.bytes(32)
    const one = await craft(world, { by: mallory, to: await bobs(), letter: { id, thread: id } })
    const two = await craft(world, { by: mallory, to: await bobs(), letter: { id, thread: id } })
    await post(world, one.blob, one.slip)
    await post(world, two.blob, two.slip)
    await world.pod().acknowledged('bob@one.test', 2)
    await bob.seen('opened')
    await bob.restart()
    assert.equal((await bob.client.inbox()).length, 1)
  })

  it('shows letters of two senders under one id both: nobody can take the place of another', async () => {
    const bob = await world.join('bob')
    const id = dice.bytes(32)
    for (const name of ['mallory', 'trudy']) {
      const alias = `${name}@one.test`
      const by = await person(name)
      const sender = { fingerprint: bytesOf(by.certificate.fingerprint), alias }
      const { blob, slip } = await craft(world, { by, to: await bobs(), letter: { id, sender } })
      await post(world, blob, slip)
      await bob.seen('opened', ({ from }) => from === alias)
    }
    assert.equal((await bob.client.inbox()).length, 2)
    await assert.rejects(bob.client.read(toHex(id)), { code: 'LETTER_UNKNOWN' })
    const { fingerprint } = (await person('trudy')).certificate
    const read = await bob.client.read(`${toHex(id)}-${fingerprint}`)
    assert.equal(read.from.alias, 'trudy@one.test')
  })

  it('fetches a letter although a stranger announced its blob with a slip of no use', async () => {
    const bob = await world.join('bob')
    const { blob, slip } = await craft(world, { by: await person('mallory'), to: await bobs() })
    await post(world, { key: blob.key }, dice.bytes(1_024))
    await bob.seen('refused')
    await post(world, blob, slip)
    await bob.seen('opened')
  })
})
