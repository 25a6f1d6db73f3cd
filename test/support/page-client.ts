import { MuttrError } from '../../src/base/errors.ts'
import type {
  Conversation,
  Found,
  OpenedConversation,
  SavedDraft
} from '../../src/client/client.ts'
import { createFakeClient, type FakeClient } from './fake-client.ts'
import {
  manyConversations,
  openedConversations,
  pageContacts,
  sentLetters
} from './page-letters.ts'

export interface PageClient extends FakeClient {
  readonly opened: OpenedConversation[]
  readonly saved: Map<string, SavedDraft>
  /** Told of each alias that was taken. */
  onRegister(alias: string): void
}

/** A client with a mailbox as people have it. With `many`, of so many conversations more. */
export function createPageClient(nowMs: number, many = 0): PageClient {
  const fake = createFakeClient()
  const opened = openedConversations(nowMs)
  const saved = new Map<string, SavedDraft>()
  const older = manyConversations(nowMs - 1_000 * 3_600_000, many)
  const all = (): Conversation[] => [...opened.map(({ conversation }) => conversation), ...older]
  const letters = sentLetters(nowMs)
  fake.people.splice(0, fake.people.length, ...pageContacts(nowMs))
  const client: PageClient = Object.assign(fake, {
    opened,
    saved,
    onRegister: () => {},
    async register(alias: string) {
      fake.calls.push(['register', alias])
      client.onRegister(alias)
      return { alias, pod: alias.split('@')[1]!, certifiedUntilMs: nowMs }
    },
    sent: async () => letters,
    async sentLetter(id: string) {
      const found = letters.find(letter => letter.id === id)
      if (!found) throw new MuttrError('LETTER_UNKNOWN', 'no such letter')
      return found
    },
    async conversations({
      limit = 100,
      before,
      archived,
      label
    }: Parameters<FakeClient['conversations']>[0] = {}) {
      fake.calls.push(['conversations', { limit, before }])
      const wanted = all().filter(
        c =>
          (archived === undefined || c.archived === archived) &&
          (!label || c.labels.includes(label))
      )
      const from = before === undefined ? 0 : Number(before)
      const next = from + limit < wanted.length ? String(from + limit) : null
      return { conversations: wanted.slice(from, from + limit), next }
    },
    async conversation(thread: string) {
      const found = opened.find(({ conversation }) => conversation.thread === thread)
      if (!found) throw new MuttrError('LETTER_UNKNOWN', 'no such conversation')
      return found
    },
    async changeConversation(
      thread: string,
      { archived, read, label }: Parameters<FakeClient['changeConversation']>[1]
    ) {
      const found = opened.find(({ conversation }) => conversation.thread === thread)
      if (!found) throw new MuttrError('LETTER_UNKNOWN', 'no such conversation')
      const { conversation: c } = found
      if (archived !== undefined) c.archived = archived
      if (read !== undefined) c.unread = read ? 0 : 1
      c.labels = [...c.labels.filter(name => !label?.remove?.includes(name)), ...(label?.add ?? [])]
      return c
    },
    labels: async () => [
      { label: 'sailing', conversations: 1 },
      { label: 'travel', conversations: 1 }
    ],
    search: async (text: string) => foundIn(opened, text),
    drafts: async () => [...saved.values()],
    async saveDraft(fields: Parameters<FakeClient['saveDraft']>[0], id = 'd'.repeat(64)) {
      const draft = { ...fields, id, savedMs: nowMs }
      saved.set(id, draft)
      return draft
    },
    async deleteDraft(id: string) {
      saved.delete(id)
      return { deleted: id }
    }
  })
  return client
}

/** Letters that say `text`, as a search would find them. */
const foundIn = (opened: readonly OpenedConversation[], text: string): Found[] =>
  opened.flatMap(({ conversation, letters }) =>
    letters
      .filter(({ body, subject }) =>
        `${subject} ${body}`.toLowerCase().includes(text.toLowerCase())
      )
      .map(({ direction, id, thread, subject, sentMs, body }) => ({
        ...{ direction, id, thread, subject, with: conversation.with, atMs: sentMs },
        snippet: body.replace(/\s+/g, ' ').slice(0, 200)
      }))
  )
