import { MuttrError } from '../../src/base/errors.ts'
import type {
  Conversation,
  Found,
  OpenedConversation,
  SavedDraft
} from '../../src/client/client.ts'
import type { Policy } from '../../src/client/requests/request.ts'
import { createFakeClient, type FakeClient } from './fake-client.ts'
import { createPageDevices, type PageDevices } from './page-devices.ts'
import {
  manyConversations,
  openedConversations,
  pageContacts,
  sentLetters
} from './page-letters.ts'
import { createPageNetworkBackup, type PageNetworkBackup } from './page-network-backup.ts'

export interface PageClient extends FakeClient, PageDevices, PageNetworkBackup {
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
  function without(id: string) {
    const found = opened.find(one => one.letters.some(letter => letter.id === id))
    if (!found) throw new MuttrError('LETTER_UNKNOWN', 'no such letter')
    found.letters.splice(
      found.letters.findIndex(letter => letter.id === id),
      1
    )
    found.conversation.letters--
    if (found.letters.length === 0) opened.splice(opened.indexOf(found), 1)
    fake.calls.push(['delete', id])
    return { deleted: id }
  }
  fake.people.splice(0, fake.people.length, ...pageContacts(nowMs))
  const client: PageClient = Object.assign(fake, createPageDevices(nowMs, fake.calls), {
    ...createPageNetworkBackup(nowMs, fake),
    opened,
    saved,
    onRegister: () => {},
    async register(alias: string, { note }: { note?: string } = {}) {
      fake.calls.push(['register', note === undefined ? alias : { alias, note }])
      if (note !== undefined)
        throw new MuttrError('REGISTRATION_WAITS', `the operators of ${alias} have been asked`)
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
    async conversation(
      id: string,
      { limit = 200, before }: Parameters<FakeClient['conversation']>[1] = {}
    ) {
      fake.calls.push(['conversation', { limit, before }])
      const found = opened.find(
        ({ conversation, letters }) =>
          conversation.thread === id || letters.some(letter => letter.id === id)
      )
      if (!found) throw new MuttrError('LETTER_UNKNOWN', 'no such conversation')
      const end = before === undefined ? found.letters.length : Number(before)
      const start = Math.max(0, end - limit)
      return {
        conversation: found.conversation,
        letters: found.letters.slice(start, end),
        next: start > 0 ? String(start) : null
      }
    },
    deleteReceived: async (id: string) => without(id),
    deleteSent: async (id: string) => without(id),
    async resend(id: string) {
      fake.calls.push(['resend', id])
      const found = [...letters, ...opened.flatMap(one => one.letters)].find(one => one.id === id)
      if (!found || !('waiting' in found)) throw new MuttrError('LETTER_UNKNOWN', 'no such letter')
      return Object.assign(found, { waiting: null, state: 'announced' as const })
    },
    async choosePolicy(alias: string, policy: Policy) {
      fake.calls.push(['choosePolicy', alias, policy])
      Object.assign(fake.people.find(person => person.alias === alias)!, { policy })
      return { alias, policy, sinceMs: nowMs }
    },
    async lookup(alias: string) {
      fake.calls.push(['lookup', alias])
      const found = fake.people.find(person => person.alias === alias)
      if (!found) throw new MuttrError('ALIAS_UNKNOWN', 'no such alias')
      return Object.assign(found, found.lapsed === 'expired' ? { lapsed: null } : {})
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
