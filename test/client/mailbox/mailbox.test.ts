import assert from 'node:assert/strict'
import type { Tester } from '../../support/client-world.ts'
import { ClientWorld } from '../../support/client-world.ts'

describe('the mailbox', () => {
  let world: ClientWorld
  let alice: Tester
  let bob: Tester

  beforeEach(async () => {
    world = await ClientWorld.make()
    alice = await world.join('alice')
    bob = await world.join('bob')
  })
  afterEach(() => world[Symbol.asyncDispose]())

  const opened = async (who: Tester, id: string) => {
    await who.seen('opened', ({ letter }) => letter === id)
    return who.client.read(id)
  }

  it('shows letters received and sent together, on both sides', async () => {
    const first = await alice.client.send({ to: 'bob@one.test', subject: 'Lunch', body: 'At one?' })
    await bob.seen('opened', ({ letter }) => letter === first.id)
    const [waiting] = (await bob.client.conversations({ unread: true })).conversations
    assert.deepEqual(
      [waiting?.subject, waiting?.with, waiting?.unread, waiting?.snippet, waiting?.lastFrom],
      ['Lunch', ['alice@one.test'], 1, 'At one?', 'alice@one.test']
    )
    const received = await bob.client.read(first.id)
    world.clock.advance(1_000)
    const answer = await bob.client.send({
      to: 'alice@one.test',
      body: 'Gladly\n> At one?',
      parent: first.id
    })
    await opened(alice, answer.id)
    for (const who of [alice, bob]) {
      const { conversations } = await who.client.conversations()
      assert.equal(conversations.length, 1)
      const { thread, letters, unread, snippet } = conversations[0]!
      assert.deepEqual([thread, letters, unread, snippet], [received.thread, 2, 0, 'Gladly'])
      const all = await who.client.conversation(thread)
      assert.deepEqual(
        all.letters.map(({ direction, id, body, thread: where }) => [direction, id, body, where]),
        [
          [who === alice ? 'out' : 'in', first.id, 'At one?', thread],
          [who === alice ? 'in' : 'out', answer.id, 'Gladly\n> At one?', thread]
        ]
      )
      assert.equal(all.next, null)
    }
  })

  it('marks, labels and archives, and a new letter brings a conversation back', async () => {
    const first = await alice.client.send({ to: 'bob@one.test', body: 'one' })
    const { thread } = await opened(bob, first.id)
    const changed = await bob.client.changeConversation(thread, {
      archived: true,
      read: false,
      label: { add: ['Work ', 'work', 'Z\u0065\u0301'] }
    })
    assert.deepEqual([changed.labels, changed.unread], [['Work', 'Z\u00e9', 'work'], 1])
    assert.deepEqual((await bob.client.conversations({ archived: false })).conversations, [])
    assert.equal((await bob.client.conversations({ label: 'work' })).conversations.length, 1)
    assert.deepEqual(await bob.client.labels(), [
      { label: 'Work', conversations: 1 },
      { label: 'Z\u00e9', conversations: 1 },
      { label: 'work', conversations: 1 }
    ])
    const second = await alice.client.send({ to: 'bob@one.test', body: 'two', parent: first.id })
    await bob.seen('opened', ({ letter }) => letter === second.id)
    const [back] = (await bob.client.conversations({ archived: false })).conversations
    assert.deepEqual([back?.unread, back?.labels.length], [2, 3])
    const read = await bob.client.changeConversation(thread, {
      read: true,
      label: { remove: ['work'] }
    })
    assert.deepEqual([read.unread, read.labels], [0, ['Work', 'Z\u00e9']])
    assert.deepEqual(
      (await bob.client.inbox()).map(letter => letter.read),
      [true, true]
    )
    for (const label of ['', 'a\nb', 'x'.repeat(65), 'a\u202eb'])
      await assert.rejects(bob.client.changeConversation(thread, { label: { add: [label] } }), {
        code: 'USAGE'
      })
    await assert.rejects(bob.client.changeConversation('00'.repeat(32), {}), {
      code: 'LETTER_UNKNOWN'
    })
  })

  it('deletes a received letter for good, also when it is announced again', async () => {
    const sent = await alice.client.send({ to: 'bob@one.test', body: 'one' })
    const { thread, id } = await opened(bob, sent.id)
    assert.deepEqual(await bob.client.deleteReceived(id.slice(0, 8)), { deleted: id })
    await assert.rejects(bob.client.read(id), { code: 'LETTER_UNKNOWN' })
    await assert.rejects(bob.client.conversation(thread), { code: 'LETTER_UNKNOWN' })
    assert.deepEqual(await bob.client.conversations(), { conversations: [], next: null })
    await bob.restart()
    await bob.seen('listening')
    assert.deepEqual(await bob.client.inbox(), [])
  })

  it('keeps a sent letter while anything is done for it', async () => {
    const sent = await alice.client.send({ to: 'bob@one.test', body: 'one' })
    await assert.rejects(alice.client.deleteSent(sent.id), { code: 'LETTER_UNDER_WAY' })
    await assert.rejects(alice.client.deleteSent('00'.repeat(32)), { code: 'LETTER_UNKNOWN' })
    await bob.seen('released')
    await alice.client.sentLetter(sent.id)
    assert.equal((await alice.sent(sent.id)).state, 'accepted')
    assert.deepEqual(await alice.client.deleteSent(sent.id), { deleted: sent.id })
    assert.deepEqual(await alice.client.sent(), [])
    assert.deepEqual((await alice.client.conversations()).conversations, [])
    await alice.restart()
    assert.deepEqual(await alice.client.sent(), [])
  })

  it('keeps drafts until they are sent', async () => {
    const draft = await alice.client.saveDraft({ body: 'Dear' })
    world.clock.advance(1_000)
    const fields = { to: 'bob@one.test', subject: 'Hi', body: 'Dear Bob', attachments: ['a1'] }
    const later = await alice.client.saveDraft({ ...fields, lifeMs: 3_600_000 }, draft.id)
    assert.deepEqual([later.id, later.savedMs - draft.savedMs], [draft.id, 1_000])
    await alice.restart()
    assert.deepEqual(await alice.client.drafts(), [later])
    const { attachments: _, ...rest } = fields
    await alice.client.send({ ...rest, draft: draft.id })
    assert.deepEqual(await alice.client.drafts(), [])
    // Saved again by a page that did not know yet.
    await assert.rejects(alice.client.saveDraft(fields, draft.id), { code: 'LETTER_UNKNOWN' })
    await assert.rejects(alice.client.saveDraft({ body: 'x'.repeat(256 * 1_024 + 1) }), {
      code: 'LETTER_TOO_LARGE'
    })
    await assert.rejects(alice.client.deleteDraft(draft.id), { code: 'LETTER_UNKNOWN' })
    const other = await alice.client.saveDraft({ body: '' })
    assert.deepEqual(await alice.client.deleteDraft(other.id), { deleted: other.id })
  })

  it('is shut with the vault, and opens as it was', async () => {
    const sent = await alice.client.send({ to: 'bob@one.test', body: 'one' })
    await opened(bob, sent.id)
    const before = await bob.client.conversations()
    bob.client.lock()
    const { client } = bob
    const asked = [
      client.conversations(),
      client.labels(),
      client.inbox(),
      client.contacts(),
      client.drafts(),
      client.saveDraft({ body: 'x' }),
      client.read(sent.id)
    ]
    for (const answer of asked) await assert.rejects(answer, { code: 'VAULT_LOCKED' })
    await client.unlock(bob.person)
    assert.deepEqual(await client.conversations(), before)
  })

  it('names in the clear only those to whom something is on its way', async () => {
    const sent = await alice.client.send({ to: 'bob@one.test', body: 'one' })
    const rows = async (table: string) => (await alice.state.list(table)).map(({ key }) => key)
    assert.deepEqual(await rows('correspondents'), ['bob@one.test'])
    assert.equal((await rows('sent')).length, 1)
    await bob.seen('released')
    await alice.client.sentLetter(sent.id)
    world.clock.advance(3_600_000)
    await alice.restart()
    assert.deepEqual(await rows('correspondents'), [])
    assert.deepEqual([await rows('sent'), (await rows('sent-past')).length], [[], 1])
    assert.equal((await alice.sent(sent.id)).to, 'bob@one.test')
    assert.equal((await alice.client.contacts())[0]?.alias, 'bob@one.test')
  })
})
