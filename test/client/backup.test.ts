import assert from 'node:assert/strict'
import { concatBytes } from '../../src/base/bytes.ts'
import { readRecovery } from '../../src/client/backup/backup.ts'
import { holdBack, RowsBack } from '../../src/client/backup/restore.ts'
import type { Person } from '../../src/keys/person.ts'
import { importPerson } from '../../src/keys/person.ts'
import { openStream } from '../../src/keys/sealed-stream.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import { readBackupItems } from '../../src/wire/backup.ts'
import { ClientWorld, quiet, type Tester } from '../support/client-world.ts'

const all = async ({ client }: Tester): Promise<Uint8Array> =>
  concatBytes(...(await Array.fromAsync(await client.backup())))

/** What another machine makes of a backup. */
async function restored(
  backup: Uint8Array,
  words: string
): Promise<{ state: State; person: Person; held: number }> {
  const state = memoryState()
  const back = new RowsBack(state)
  let person: Person | undefined
  async function* file() {
    yield backup
  }
  for await (const item of readBackupItems(openStream(readRecovery(words), file()))) {
    if (item.type === 'row') await back.add(item)
    else if (item.type === 'file' && item.name === 'secret')
      person = await importPerson(item.content)
  }
  await back.flush()
  return { state, person: person!, held: await holdBack(state, quiet) }
}

describe('a backup', () => {
  it('brings letters, contacts and keys back, opened by its twelve words only', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const sent = await alice.client.send({ to: 'bob@one.test', subject: 'Hi', body: 'kept' })
    await bob.seen('opened')
    await bob.client.send({ to: 'alice@one.test', body: 'mine', parent: sent.id })
    await alice.seen('opened')
    await bob.client.verify('alice@one.test')
    const words = (await bob.client.recovery()).join(' ')
    assert.equal(words.split(' ').length, 12)
    assert.equal((await bob.client.recovery()).join(' '), words)
    assert.equal((await bob.client.status()).backupMs, null)
    const started = await bob.client.backup()
    for await (const _ of started) break
    assert.equal((await bob.client.status()).backupMs, null)
    const backup = await all(bob)
    const { madeMs } = await bob.seen('backed-up')
    assert.equal((await bob.client.status()).backupMs, madeMs)
    await bob.client[Symbol.asyncDispose]()

    const others = (await alice.client.recovery()).join(' ')
    await assert.rejects(restored(backup, others), { code: 'RECOVERY_WRONG' })
    await assert.rejects(restored(backup, 'twelve words'), { code: 'RECOVERY_WRONG' })
    const { state, person } = await restored(backup, words)
    const back = await world.rejoin(person, state)
    assert.equal((await back.client.read(sent.id)).body, 'kept')
    const [contact] = await back.client.contacts()
    assert.deepEqual([contact?.alias, contact?.verified], ['alice@one.test', true])
    assert.equal((await back.client.sent())[0]?.to, 'alice@one.test')
    assert.equal((await back.client.recovery()).join(' '), words)
  })

  it('that is old opens what was sealed to a subkey of its day, and is followed by a new one', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const words = (await bob.client.recovery()).join(' ')
    const backup = await all(bob)
    await bob.client.rotateSubkey()
    await bob.client[Symbol.asyncDispose]()
    const { state, person } = await restored(backup, words)
    const back = await world.rejoin(person, state)
    await back.seen('rotated')
    await back.seen('registered')
    const sent = await alice.client.send({ to: 'bob@one.test', body: 'after the loss' })
    await back.seen('opened')
    assert.equal((await back.client.read(sent.id)).body, 'after the loss')
    back.events.length = 0
    await back.restart()
    assert.equal((await back.client.subkeys()).length, 2, 'one new subkey, not one at each start')
  })

  it('sends nothing again: what had not left is held until the person says', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    await alice.client.lookup('bob@one.test')
    world.dht.putFails = 'QUORUM_MISSED'
    const first = await alice.client.send({ to: 'bob@one.test', body: 'one' })
    const second = await alice.client.send({ to: 'bob@one.test', body: 'two' })
    assert.deepEqual([first.state, second.state], ['queued', 'queued'])
    const words = (await alice.client.recovery()).join(' ')
    const backup = await all(alice)
    world.dht.putFails = null
    await alice.client.retract(first.id)
    await alice.client[Symbol.asyncDispose]()

    const { state, person, held } = await restored(backup, words)
    assert.equal(held, 2)
    const back = await world.rejoin(person, state)
    await back.seen('listening')
    back.client.wake()
    await back.client.caughtUp()
    const waiting = (await back.client.sent()).map(letter => letter.waiting?.code)
    assert.deepEqual(waiting, ['LETTER_HELD', 'LETTER_HELD'])
    assert.deepEqual(await bob.client.inbox(), [])
    assert.equal((await back.client.retract(first.id)).outcome, 'cancelled')
    await back.client.resend(second.id)
    await bob.seen('opened', ({ letter }) => letter === second.id)
    assert.equal((await bob.client.inbox()).length, 1)
  })

  it('is as of one moment, whatever is written meanwhile', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    await world.join('bob')
    const stream = (await alice.client.backup())[Symbol.asyncIterator]()
    const parts = [(await stream.next()).value as Uint8Array]
    for (let i = 0; i < 3; i++) await alice.client.send({ to: 'bob@one.test', body: `${i}` })
    for (let next = await stream.next(); !next.done; next = await stream.next())
      parts.push(next.value)
    const words = (await alice.client.recovery()).join(' ')
    const { state } = await restored(concatBytes(...parts), words)
    const count = (await state.list('sent')).length
    assert((await alice.state.list('sent')).length === 3)
    assert.equal((await state.list('sent-text')).length, count)
    assert.equal((await state.list('sent-ids')).length, count)
  })

  it('is not made while the vault is locked', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    await alice.restart({ locked: true })
    await assert.rejects(alice.client.backup(), { code: 'VAULT_LOCKED' })
    await assert.rejects(alice.client.recovery(), { code: 'VAULT_LOCKED' })
  })
})
