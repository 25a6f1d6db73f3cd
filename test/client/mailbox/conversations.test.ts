import assert from 'node:assert/strict'
import fc from 'fast-check'
import { toHex } from '../../../src/base/bytes.ts'
import { closetOf } from '../../../src/client/closet.ts'
import type { ConversationRow } from '../../../src/client/mailbox/conversation-rows.ts'
import { memoryState } from '../../../src/store/memory.ts'
import type { State } from '../../../src/store/state.ts'
import { dice } from '../../support/client-world.ts'
import { fillingState } from '../../support/filling-state.ts'
import { fresh, letterRow, mailStores, noticeOf } from '../../support/mailbox.ts'

const byte = (n: number) => n.toString(16).padStart(2, '0')
const alice = 'aa'.repeat(20)

type Step =
  | { do: 'keep'; id: number; thread: number; atMs: number; full: boolean }
  | { do: 'delete'; at: number }
  | { do: 'read'; at: number }
  | { do: 'label'; at: number; label: string; archived: boolean }
  | { do: 'restart' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('keep' as const),
      id: fc.integer({ min: 1, max: 60 }),
      thread: fc.integer({ min: 200, max: 205 }),
      atMs: fc.integer({ min: 1, max: 1_000 }),
      full: fc.boolean()
    })
  },
  fc.record({ do: fc.constant('delete' as const), at: fc.nat({ max: 20 }) }),
  fc.record({ do: fc.constant('read' as const), at: fc.nat({ max: 20 }) }),
  fc.record({
    do: fc.constant('label' as const),
    at: fc.nat({ max: 20 }),
    label: fc.constantFrom('work', 'home'),
    archived: fc.boolean()
  }),
  fc.record({ do: fc.constant('restart' as const) })
)

interface Kept {
  id: string
  thread: string
  atMs: number
  read: boolean
}

describe('conversations', () => {
  it('count what is on the disk, whatever comes, goes, fails or stops in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
        const { state, disk } = fillingState()
        const closet = closetOf(dice.bytes(32), dice)
        let stores = mailStores(state, closet)
        const kept = new Map<string, Kept>()
        const gone = new Set<string>()
        const marks = new Map<string, Pick<ConversationRow, 'labels' | 'archived'>>()
        const pick = (at: number) => [...kept.values()][at % Math.max(1, kept.size)]
        for (const one of steps) {
          if (one.do === 'restart') stores = mailStores(state, closet)
          if (one.do === 'keep') {
            const [id, thread] = [byte(one.id).repeat(32), byte(one.thread).repeat(32)]
            disk.isFull = one.full
            const row = letterRow(byte(one.id), { thread, receivedMs: one.atMs })
            const done = stores.received.addLetter(noticeOf(row), fresh(row), closet, [])
            const isNew = !kept.has(id) && !gone.has(id)
            if (one.full) await assert.rejects(done, { code: 'DISK_FULL' })
            else assert.equal(await done, isNew)
            disk.isFull = false
            if (one.full || !isNew) continue
            kept.set(id, { id, thread, atMs: one.atMs, read: false })
            const before = marks.get(thread)
            if (before) marks.set(thread, { ...before, archived: false })
          }
          const letter = 'at' in one ? pick(one.at) : undefined
          if (!letter) continue
          const { row, place } = await stores.received.find(letter.id, closet)
          if (one.do === 'delete') {
            const dropped = stores.received.dropped(place, row)
            const member = (await stores.received.member(place, closet))!
            await stores.conversations.remove(member, closet, dropped)
            kept.delete(letter.id)
            gone.add(letter.id)
            if (![...kept.values()].some(({ thread }) => thread === letter.thread))
              marks.delete(letter.thread)
          }
          if (one.do === 'read') {
            await stores.conversations.change(letter.thread, closet, async before =>
              row.read
                ? undefined
                : {
                    row: { ...before, unread: before.unread - 1 },
                    changes: [stores.received.marked(place, { ...row, read: true }, closet)]
                  }
            )
            letter.read = true
          }
          if (one.do === 'label') {
            const mark = { labels: [one.label], archived: one.archived }
            await stores.conversations.change(letter.thread, closet, async before => ({
              row: { ...before, ...mark },
              changes: []
            }))
            marks.set(letter.thread, mark)
          }
        }
        const { rows } = await stores.conversations.page({ limit: 100 }, closet)
        const threads = new Map<string, Kept[]>()
        for (const one of kept.values())
          threads.set(one.thread, [...(threads.get(one.thread) ?? []), one])
        const expected = [...threads].map(([thread, letters]) => ({
          thread,
          letters: letters.length,
          unread: letters.filter(({ read }) => !read).length,
          lastMs: Math.max(...letters.map(({ atMs }) => atMs)),
          labels: marks.get(thread)?.labels ?? [],
          archived: marks.get(thread)?.archived ?? false
        }))
        const shown = rows.map(({ thread, letters, unread, lastMs, labels, archived }) => ({
          ...{ thread, letters, unread, lastMs, labels: [...labels], archived }
        }))
        const order = (a: { thread: string }, b: { thread: string }) =>
          a.thread < b.thread ? -1 : 1
        assert.deepEqual(shown.toSorted(order), expected.toSorted(order))
        const times = shown.map(({ lastMs }) => lastMs)
        assert.deepEqual(
          times,
          times.toSorted((a, b) => b - a)
        )
      }),
      { numRuns: 60 }
    )
  })

  it('are paged: each once, in order, while new ones come', async () => {
    const { conversations, received, closet } = mailStores(memoryState())
    const add = (n: number) => {
      const row = letterRow(byte(n), { receivedMs: 1_000 + n })
      return received.addLetter(noticeOf(row), fresh(row), closet, [])
    }
    await Promise.all(Array.from({ length: 50 }, (_, i) => add(i + 1)))
    const seen: number[] = []
    let before: string | undefined
    do {
      const query = { limit: 7, ...(before !== undefined && { before }) }
      const { rows, next } = await conversations.page(query, closet)
      seen.push(...rows.map(({ lastMs }) => lastMs - 1_000))
      before = next ?? undefined
      if (seen.length === 7) await add(99)
    } while (before !== undefined)
    assert.deepEqual(
      seen,
      Array.from({ length: 50 }, (_, i) => 50 - i)
    )
    for (const bad of ['', 'zz', '1-2', `1-${'a'.repeat(33)}`])
      await assert.rejects(conversations.page({ limit: 1, before: bad }, closet), { code: 'USAGE' })
  })

  it('are not joined by a stranger who knows their name', async () => {
    const { conversations, received, closet } = mailStores(memoryState())
    const thread = '77'.repeat(32)
    const mallory = 'bb'.repeat(20)
    const add = async (id: string, says: Parameters<typeof letterRow>[1], isContact = false) => {
      const row = letterRow(id, { thread, ...says })
      await received.addLetter(noticeOf(row), fresh(row, { isContact }), closet, [])
      return (await received.find(row.id, closet)).row.conversation
    }
    assert.equal(await add('01', { fromFingerprint: alice }), thread)
    const other = await add('02', { fromFingerprint: mallory })
    assert.notEqual(other, thread)
    assert.equal(await add('03', { fromFingerprint: mallory }), other)
    assert.equal(await add('04', { fromFingerprint: alice }), thread)
    // A new key that is pinned to an alias that was in it.
    assert.equal(await add('05', { fromFingerprint: 'cc'.repeat(20) }, true), thread)
    assert.equal((await conversations.get(thread, closet)).letters, 3)
    assert.equal((await conversations.get(other, closet)).letters, 2)
  })

  it('whose row was spoiled on the disk are counted anew', async () => {
    const state = memoryState()
    const { received, closet } = mailStores(state)
    for (const id of ['01', '02', '03']) {
      const row = letterRow(id, { thread: '01'.repeat(32) })
      await received.addLetter(noticeOf(row), fresh(row), closet, [])
    }
    const [row] = await state.list('conversations')
    await state.write([
      { type: 'put', table: 'conversations', key: row!.key, value: row!.value.slice(1) }
    ])
    const again = mailStores(state, closet)
    assert.equal((await again.conversations.get('01'.repeat(32), closet)).letters, 3)
  })

  it('show who wrote and what to nobody without the key', async () => {
    const state = memoryState()
    const { received, closet } = mailStores(state)
    const row = letterRow('01', { subject: 'Wine at noon', corrects: '02'.repeat(32) })
    await received.addLetter(
      noticeOf(row),
      fresh(row, { frame: Buffer.from('the text of it') }),
      closet,
      []
    )
    assert.deepEqual(await leaks(state, ['alice', 'bob@', 'Wine', 'the text', 'says', alice]), [])
  })
})

/** Which of these words stand on the disk, in keys or values. */
async function leaks(state: State, words: readonly string[]): Promise<string[]> {
  const tables = ['mail', 'mail-text', 'mail-ids', 'mail-marks', 'conversations']
  const found = new Set<string>()
  for (const table of [...tables, 'conversation-letters', 'people', 'drafts'])
    for (const { key, value } of await state.list(table)) {
      const all = `${table} ${key} ${Buffer.from(value).toString('latin1')} ${toHex(value)}`
      for (const word of words) if (all.includes(word)) found.add(word)
    }
  return [...found]
}
