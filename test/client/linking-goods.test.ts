import assert from 'node:assert/strict'
import { createBackups } from '../../src/client/backup/backup.ts'
import { RowsBack } from '../../src/client/backup/restore.ts'
import { knownTables } from '../../src/client/backup/tables.ts'
import { createSelf } from '../../src/client/self.ts'
import { openPgp } from '../../src/keys/crypto.ts'
import type { Person } from '../../src/keys/person.ts'
import { importPerson } from '../../src/keys/person.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'
import type { BackupItem } from '../../src/wire/backup.ts'
import { readBackupItems } from '../../src/wire/backup.ts'
import { ClientWorld, dice, quiet, type Tester } from '../support/client-world.ts'
import { readSources } from '../support/tidy.ts'

/** What another machine is given by a device that runs. */
async function given(
  { state: from, person }: Tester,
  world: ClientWorld,
  history = true
): Promise<{ state: State; person: Person; items: BackupItem[] }> {
  const parts = { state: from, clock: world.clock, random: dice, log: quiet, crypto: openPgp }
  const self = await createSelf({ ...parts, certificate: person.certificate })
  await self.unlock(person)
  const none = async () => []
  const pod = async function* () {}
  const events = { emit: () => undefined }
  const backups = createBackups({ ...parts, ...events, self, files: none, filesAlong: none, pod })
  const stream = await backups.forDevice({ history, onRows: () => undefined })
  const items = await Array.fromAsync(readBackupItems(stream))
  const state = memoryState()
  const back = new RowsBack(state)
  for (const item of items) if (item.type === 'row') await back.add(item)
  await back.flush()
  const secret = items.find(item => item.type === 'file' && item.name === 'secret')
  assert(secret?.type === 'file')
  return { state, person: await importPerson(secret.content), items }
}

const tablesOf = (items: readonly BackupItem[]): Set<string> =>
  new Set(items.flatMap(item => (item.type === 'row' ? [item.table] : [])))

describe('what goes along to a new device', () => {
  it('is decided for every table that there is', async () => {
    const ways = [
      /create(?:Sealed)?Table[\s\S]*?\bname: '([a-z-]+)'/g,
      /\bconst \w*[tT]able\w* = '([a-z-]+)'/g,
      /\btable: '([a-z-]+)'/g
    ]
    const named = readSources('src/client').flatMap(({ text }) =>
      ways.flatMap(way => [...text.matchAll(way)].map(([, name]) => name!))
    )
    assert(named.length > 20)
    await using world = await ClientWorld.make()
    const alice = await world.join('alice', { requests: 'ask' })
    const bob = await world.join('bob')
    const first = await bob.client.send({ to: 'alice@one.test', body: 'may I?' })
    await alice.seen('requested')
    const [request] = await alice.client.requests()
    await alice.client.decide(request!.id, 'always')
    await alice.seen('opened')
    await alice.client.send({ to: 'bob@one.test', body: 'yes', parent: first.id })
    await alice.client.saveDraft({ to: 'bob@one.test', body: 'and' })
    await alice.client.recovery()
    await alice.client.rotateSubkey()
    const there: string[] = []
    for await (const { table } of alice.state.rows()) there.push(table)
    assert.deepEqual(
      [...new Set([...named, ...there])].filter(table => !knownTables.includes(table)),
      []
    )
  })

  it('are letters, contacts and what was decided; the new device has the same subkeys and makes no other', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    const sent = await alice.client.send({ to: 'bob@one.test', subject: 'Hi', body: 'kept' })
    await bob.seen('opened')
    await bob.client.verify('alice@one.test')
    await bob.client.choosePolicy('eve@one.test', 'ignore')
    await bob.client.saveDraft({ to: 'alice@one.test', body: 'half' })
    const words = await bob.client.recovery()
    const { state, person } = await given(bob, world)
    const phone = await world.rejoin(person, state)
    await phone.seen('listening')
    await phone.client.caughtUp()
    assert.equal((await phone.client.read(sent.id)).body, 'kept')
    assert.equal((await phone.client.contacts())[0]?.verified, true)
    assert.deepEqual(
      (await phone.client.policies()).map(({ alias }) => alias),
      ['eve@one.test']
    )
    assert.equal((await phone.client.drafts())[0]?.body, 'half')
    assert.deepEqual(await phone.client.recovery(), words)
    assert.deepEqual(await phone.client.subkeys(), await bob.client.subkeys())
    const types = phone.events.map(({ type }) => type)
    for (const type of ['rotated', 'opened', 'released', 'registered'] as const)
      assert(!types.includes(type), type)
  })

  it('is no letter and no draft without history, and a contact all the same', async () => {
    await using world = await ClientWorld.make()
    const alice = await world.join('alice')
    const bob = await world.join('bob')
    await alice.client.send({ to: 'bob@one.test', subject: 'Hi', body: 'kept' })
    await bob.seen('opened')
    await bob.client.send({ to: 'alice@one.test', body: 'mine' })
    await bob.client.saveDraft({ to: 'alice@one.test', body: 'half' })
    const { state, person, items } = await given(bob, world, false)
    for (const table of tablesOf(items))
      assert(!/^(mail|sent|conv|drafts|requests|outbox|notices|releases)/.test(table), table)
    const phone = await world.rejoin(person, state)
    await phone.seen('listening')
    await phone.client.caughtUp()
    assert.deepEqual(await phone.client.inbox(), [])
    assert.deepEqual(await phone.client.sent(), [])
    assert.deepEqual((await phone.client.conversations()).conversations, [])
    assert.equal((await phone.client.contacts())[0]?.alias, 'alice@one.test')
    assert(!phone.events.some(({ type }) => type === 'refused'), 'nothing read is asked for again')
  })
})

describe('letters that another device sends', () => {
  async function twoDevices(world: ClientWorld): Promise<{
    laptop: Tester
    phone: Tester
    queued: string
    stored: string
  }> {
    const laptop = await world.join('alice')
    await world.join('bob')
    await laptop.client.lookup('bob@one.test')
    world.pod().down()
    const { id: stored } = await laptop.client.send({ to: 'bob@one.test', body: 'stored' })
    world.dht.putFails = 'QUORUM_MISSED'
    const { id: queued } = await laptop.client.send({ to: 'bob@one.test', body: 'queued' })
    const { state, person } = await given(laptop, world)
    const phone = await world.rejoin(person, state)
    return { laptop, phone, queued, stored }
  }

  it('are shown as they stood, and neither sent, watched nor announced', async () => {
    await using world = await ClientWorld.make()
    const { laptop, phone, queued, stored } = await twoDevices(world)
    const shown = async ({ client }: Tester) =>
      (await client.sent()).map(({ id, state, copies }) => [id, state, copies.length])
    assert.deepEqual(await shown(phone), await shown(laptop))
    await laptop.client[Symbol.asyncDispose]()
    world.dht.putFails = null
    world.pod().up()
    phone.client.wake()
    await phone.client.caughtUp()
    assert.equal((await phone.client.status()).outbox.waiting, 0)
    assert.equal((await phone.client.sentLetter(stored)).state, 'stored')
    assert.equal((await phone.client.sentLetter(queued)).state, 'queued')
    await phone.restart()
    assert.equal((await phone.sent(queued)).state, 'queued')
    for (const table of ['sent', 'outbox', 'sent-watch', 'sent-blob'])
      assert.deepEqual(await phone.state.list(table), [], table)
    const types = phone.events.map(({ type }) => type)
    for (const type of ['stored', 'announced', 'waiting'] as const) assert(!types.includes(type))
  })

  it('can be taken back from here when they have left, and there when they have not', async () => {
    await using world = await ClientWorld.make()
    const { phone, queued, stored } = await twoDevices(world)
    await assert.rejects(phone.client.retract(queued), { code: 'LETTER_UNDER_WAY' })
    await assert.rejects(phone.client.resend(queued), { code: 'LETTER_UNDER_WAY' })
    await assert.rejects(phone.client.deleteSent(queued), { code: 'LETTER_UNDER_WAY' })
    assert.equal((await phone.sent(queued)).state, 'queued')
    assert.equal((await phone.client.retract(stored)).outcome, 'withdrawn')
    assert.deepEqual(await phone.state.list('sent-watch'), [])
    await phone.restart()
    assert.equal((await phone.sent(stored)).state, 'withdrawn')
  })
})
