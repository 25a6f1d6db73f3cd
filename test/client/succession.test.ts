import assert from 'node:assert/strict'
import { toHex } from '../../src/base/bytes.ts'
import { codeOf } from '../../src/base/errors.ts'
import { eraseAfterMs } from '../../src/client/rotation.ts'
import { sentTable } from '../../src/client/sent-rows.ts'
import { exportPerson, importPerson, makePerson } from '../../src/keys/person.ts'
import type { Tester } from '../support/client-world.ts'
import { away, ClientWorld, quiet } from '../support/client-world.ts'
import { bytesOf, craft, post } from '../support/crafted.ts'
import { dyingState } from '../support/dying-state.ts'

const dayMs = 86_400_000
const alias = 'alice@one.test'
const toAlice = { to: alias, body: 'Hello' }
const toBob = { to: 'bob@one.test', body: 'Hello' }
const print = ({ person }: Tester) => person.certificate.fingerprint
const turn = () => new Promise(done => setImmediate(done))

describe('a new key in the place of the old one', () => {
  let world: ClientWorld
  let alice: Tester
  let bob: Tester
  beforeEach(async () => {
    world = await ClientWorld.make()
    alice = await world.join('alice')
    bob = await world.join('bob')
    await bob.client.send(toAlice)
    await alice.seen('opened')
    await alice.client.send(toBob)
    await bob.seen('opened')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const contact = async () => {
    const [found] = await bob.client.contacts()
    assert(found)
    return found
  }

  it('is taken by the pod and by correspondents, who are told and need not be asked', async () => {
    await bob.client.verify(alias)
    const before = print(alice)
    const { from, to, pods, eraseMs } = await alice.client.succeedKey()
    assert.deepEqual([from, to], [before, print(alice)])
    assert.deepEqual(pods, [{ pod: 'one.test', taken: true, problem: null }])
    assert.equal(eraseMs, world.clock.now() + eraseAfterMs)
    assert.notEqual(print(alice), before)
    const sent = await alice.client.send({ ...toBob, body: 'by the new key' })
    const told = await bob.seen('followed')
    assert.deepEqual([told.alias, told.from, told.to], [alias, before, print(alice)])
    await bob.seen('opened', ({ letter }) => letter === sent.id)
    const { fingerprint, verified, changedTo, succession } = await contact()
    assert.deepEqual([fingerprint, verified, changedTo], [print(alice), false, null])
    assert.deepEqual(succession, { from: before, atMs: world.clock.now() })

    const answer = await bob.client.send({ ...toAlice, body: 'to the new key' })
    await alice.seen('opened', ({ letter }) => letter === answer.id)
    await alice.restart()
    assert.equal((await alice.client.read(answer.id)).body, 'to the new key')
    assert.equal((await alice.client.inbox()).length, 2)
    assert.equal((await alice.client.status()).fingerprint, print(alice))
    await assert.rejects(alice.client.revokeWith(Buffer.from('x')), { code: 'KEY_INVALID' })
  })

  it('is asked about before a letter is sent to whoever was not seen for long', async () => {
    await alice.client.succeedKey()
    await away(world, [bob], 8 * dayMs)
    await bob.revive()
    const sent = await bob.client.send(toAlice)
    assert.equal(sent.fingerprint, print(alice))
    await alice.seen('opened', ({ letter }) => letter === sent.id)
  })

  it('opens what was sealed to the old one, until its secrets are erased', async () => {
    const old = alice.person
    await alice.client.succeedKey()
    const sent = await bob.client.send(toAlice)
    assert.equal(sent.fingerprint, old.certificate.fingerprint)
    await alice.seen('opened', ({ letter }) => letter === sent.id)
    assert.equal(alice.person.former.length, 1)
    await away(world, [alice, bob], eraseAfterMs + dayMs)
    await alice.revive()
    const { subkeys } = await alice.seen('erased')
    assert.deepEqual(subkeys, [old.certificate.subkeys[0]!.fingerprint])
    assert.equal(alice.person.former.length, 0)
    assert.equal(await alice.client.succession(), null)
    await alice.restart()
    assert.equal((await alice.client.read(sent.id)).body, 'Hello')
  })

  it('leaves letters readable that the old one signed before, for as long as they can live, and no others', async () => {
    const by = alice.person
    const to = bob.person.certificate
    world.clock.advance(60_000)
    const leftMs = world.clock.now()
    await alice.client.succeedKey()
    assert.equal((await bob.client.lookup(alias)).fingerprint, print(alice))
    world.clock.advance(3_600_000)
    const sender = { fingerprint: bytesOf(by.certificate.fingerprint), alias }
    const arrives = async (sentMs: number) => {
      const { blob, slip } = await craft(world, { by, to, letter: { sender, sentMs } })
      await post(world, blob, slip)
      return toHex(blob.key)
    }
    await arrives(leftMs - 1)
    const { from } = await bob.seen('opened', ({ from }) => from === alias)
    assert.equal(from, alias)
    const [letter] = await bob.client.inbox()
    assert.equal(letter?.from.fingerprint, by.certificate.fingerprint)
    assert.equal(letter.from.verified, false)
    const late = await arrives(leftMs + 60_000)
    const refused = await bob.seen('refused', ({ key }) => key === late)
    assert.equal(refused.code, 'LETTER_FORGED')
    await away(world, [alice, bob], 101 * dayMs)
    await bob.revive()
    await bob.seen('listening')
    const old = await arrives(leftMs - 1)
    assert.equal((await bob.seen('refused', ({ key }) => key === old)).code, 'KEY_CHANGED')
  })

  it('is taken from a file, and refused when it is ours already or no key at all', async () => {
    const next = await makePerson({ name: 'alice at home', nowMs: world.clock.now() })
    const secretKey = await exportPerson(next, 'secret')
    await assert.rejects(alice.client.succeedKey({ secretKey }), { code: 'PASSPHRASE_MISSING' })
    await assert.rejects(alice.client.succeedKey({ secretKey: 'x' }), { code: 'KEY_INVALID' })
    const own = await exportPerson(alice.person)
    await assert.rejects(alice.client.succeedKey({ secretKey: own }), { code: 'KEY_INVALID' })
    assert.equal(await alice.client.succession(), null)
    await alice.client.succeedKey({ secretKey, keyPassphrase: 'secret' })
    assert.equal(print(alice), next.certificate.fingerprint)
    await alice.restart({ locked: true })
    await assert.rejects(alice.client.succeedKey(), { code: 'VAULT_LOCKED' })
  })

  it('is not begun where a pod could not take it over, and waits for one that is away', async () => {
    world.pod().isOld = true
    await assert.rejects(alice.client.succeedKey(), { code: 'POD_TOO_OLD' })
    world.pod().isOld = false
    world.pod().down()
    const before = print(alice)
    const { pods, eraseMs } = await alice.client.succeedKey()
    assert.deepEqual([pods[0]?.taken, pods[0]?.problem?.code], [false, 'POD_UNREACHABLE'])
    assert.equal(eraseMs, null)
    await assert.rejects(alice.client.succeedKey(), { code: 'SUCCESSION_INVALID' })
    assert.equal(world.pod().accounts.get(alias)!.certificate.fingerprint, before)
    world.pod().up()
    world.clock.advance(2 * 3_600_000)
    await alice.seen('handed-over')
    await alice.seen('listening')
    await bob.seen('listening')
    const sent = await bob.client.send(toAlice)
    await alice.seen('opened', ({ letter }) => letter === sent.id)
    await done(alice)
  })

  it('is one at a time: who asks twice has one new key', async () => {
    const [first, second] = await Promise.allSettled([
      alice.client.succeedKey(),
      alice.client.succeedKey()
    ])
    assert.equal(first.status, 'fulfilled')
    assert(second.status === 'rejected' && codeOf(second.reason) === 'SUCCESSION_INVALID')
    assert.equal(alice.person.former.length, 1)
    assert.equal(world.pod().accounts.get(alias)!.certificate.fingerprint, print(alice))
  })

  it('asks once more when the answer to the handing over was lost', async () => {
    const answer = Promise.withResolvers<void>()
    world.pod().succeeding = answer.promise
    const under = alice.client.succeedKey()
    await alice.seen('succeeded')
    world.pod().down()
    answer.resolve()
    world.pod().up()
    world.clock.advance(3_600_000)
    await alice.seen('handed-over')
    await under
    await done(alice)
  })

  it('ends the words for a backup that was made of the old one, and goes on after a restore', async () => {
    const words = await alice.client.recovery()
    await alice.client.succeedKey()
    assert.deepEqual(await alice.client.recovery(), words)
    const { person: self, state } = alice
    const copies = await Promise.all(
      [self, ...self.former].map(async one => importPerson(Buffer.from(await exportPerson(one))))
    )
    assert.deepEqual(
      copies.map(({ certificate }) => certificate.pin),
      [self, ...self.former].map(({ certificate }) => certificate.pin)
    )
    await alice.client[Symbol.asyncDispose]()
    const again = await world.rejoin(self, state)
    assert.equal((await again.client.inbox()).length, 1)
  })
})

describe('a letter that waits while its sender takes another key', () => {
  for (const again of [false, true])
    it(`arrives and holds${again ? ', also after a restart' : ''}`, async () => {
      await using world = await ClientWorld.make(['one.test', 'two.test'])
      const alice = await world.join('alice')
      const bob = await world.join('bob', { hostname: 'two.test' })
      await bob.client.lookup(alias)
      await alice.client.lookup('bob@two.test')
      world.pod('two.test').down()
      const stored = await alice.client.send({ to: 'bob@two.test', body: 'stored' })
      assert.equal(stored.state, 'stored')
      world.clock.advance(60_000)
      if (again) await alice.restart()
      await alice.client.succeedKey()
      const later = await alice.client.send({ to: 'bob@two.test', body: 'by the new key' })
      world.pod('two.test').up()
      world.clock.advance(3_600_000)
      await bob.seen('listening')
      for (const { id } of [stored, later]) await bob.seen('opened', ({ letter }) => letter === id)
      const from = (await bob.client.inbox()).map(letter => letter.from.fingerprint)
      assert.equal(new Set(from).size, 2)
      assert(!bob.events.some(event => event.type === 'refused' && event.code === 'LETTER_FORGED'))
    })
})

describe('a letter that was sealed before a crash', () => {
  it('is sealed anew by the new key, when the old one did not sign its notice', async () => {
    await using world = await ClientWorld.make(['one.test', 'two.test'])
    const alice = await world.join('alice')
    await world.join('bob', { hostname: 'two.test' })
    await alice.client.lookup('bob@two.test')
    world.pod('two.test').down()
    const { id } = await alice.client.send({ to: 'bob@two.test', body: 'stored' })
    await alice.client[Symbol.asyncDispose]()
    const { state } = alice
    const sent = sentTable(state, quiet)
    const [found] = await sent.list()
    assert.deepEqual([found?.value.id, found?.value.stage], [id, 'stored'])
    // As if it had been killed between the two, and knew nobody: so its next try waits for a pod that says nothing.
    const forgotten = ['people', 'correspondents'].map(async table =>
      (await state.list(table)).map(({ key }) => ({ type: 'delete' as const, table, key }))
    )
    const cut = sent.put(found!.key, { ...found!.value, slip: null })
    await state.write([cut, ...(await Promise.all(forgotten)).flat()])
    world.pod('two.test').up()
    world.pod('two.test').stall()
    await alice.revive()
    await alice.client.succeedKey()
    assert.equal((await sent.get(found!.key))?.stage, 'draft')
    // It gives what is under way some seconds.
    const over = alice.client[Symbol.asyncDispose]()
    world.clock.advance(10_000)
    await over
  })
})

/** Every pod has the new key, and shows that the old one is revoked. */
async function done({ client }: Tester): Promise<void> {
  while ((await client.succession())?.eraseMs === null) await turn()
}

describe('a new key, cut off', () => {
  it('at each of its writes leaves one state, which is gone on with, and loses no letter', async () => {
    for (let writes = 0, isOver = false; !isOver; writes++) {
      await using world = await ClientWorld.make()
      const bob = await world.join('bob')
      const { state, killAfter, killed } = dyingState()
      const alice = await world.join('alice', { state })
      const early = await bob.client.send(toAlice)
      await alice.seen('opened')
      await alice.client.send(toBob)
      await bob.seen('opened')
      const before = print(alice)
      killAfter(writes, () => alice.kill())
      const under = alice.client.succeedKey()
      isOver = await Promise.race([killed.then(() => false), under.then(() => true)])
      if (isOver) {
        assert(writes > 8)
        continue
      }
      await alice.revive()
      await alice.seen('listening')
      // What was not written down at all was never begun.
      const account = world.pod().accounts.get(alias)!
      while (writes > 0 && !account.former.get(before)?.certificate.revoked) await turn()
      await done(alice)
      assert.equal(print(alice) === before, writes === 0, `${writes}`)
      assert.equal(account.certificate.fingerprint, print(alice))
      assert.equal(account.former.get(before)?.certificate.revoked, writes > 0 || undefined)
      assert.equal(alice.person.former.length, writes > 0 ? 1 : 0)
      const sent = await bob.client.send({ ...toAlice, body: 'after' })
      await alice.seen('opened', ({ letter }) => letter === sent.id)
      for (const [id, body] of [
        [early.id, 'Hello'],
        [sent.id, 'after']
      ] as const)
        assert.equal((await alice.client.read(id)).body, body)
      const own = await alice.client.send({ ...toBob, body: 'by whichever key' })
      await bob.seen('opened', ({ letter }) => letter === own.id)
    }
  }).timeout(300_000)
})
