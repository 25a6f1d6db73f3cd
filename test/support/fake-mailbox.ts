import { createHash } from 'node:crypto'
import { MuttrError } from '../../src/base/errors.ts'
import type { Client, Conversation, Entry, SavedDraft } from '../../src/client/client.ts'

const nowMs = Date.UTC(2026, 2, 1, 12)
const idOf = (text: string): string => createHash('sha256').update(text).digest('hex')

type Calls = Pick<
  Client,
  | 'conversations'
  | 'conversation'
  | 'changeConversation'
  | 'labels'
  | 'search'
  | 'exportLetters'
  | 'importLetters'
  | 'deleteReceived'
  | 'deleteSent'
  | 'drafts'
  | 'saveDraft'
  | 'deleteDraft'
>

/** A mailbox in memory of one conversation and the drafts that it is given. */
export function fakeMailbox(calls: unknown[][], entries: () => Entry[]): Calls {
  let conversation: Conversation = {
    thread: idOf('letter 1'),
    subject: 'Lunch',
    with: ['bob@two.test'],
    letters: 2,
    unread: 1,
    lastMs: nowMs,
    lastFrom: 'bob@two.test',
    snippet: 'At one?',
    labels: ['friends'],
    archived: false,
    attachments: 0
  }
  const drafts = new Map<string, SavedDraft>()
  const unknown = (id: string) => new MuttrError('LETTER_UNKNOWN', `no letter ${id}`)
  const must = (thread: string) => {
    if (thread !== conversation.thread) throw unknown(thread)
  }
  return {
    async conversations(query) {
      calls.push(['conversations', query])
      return { conversations: [conversation], next: null }
    },
    async conversation(thread, options) {
      calls.push(['conversation', thread, options])
      must(thread)
      const letters = entries().filter(letter => letter.thread === thread)
      const end = options?.before === undefined ? letters.length : Number(options.before)
      const start = Math.max(0, end - (options?.limit ?? 200))
      const next = start > 0 ? `${start}` : null
      return { conversation, letters: letters.slice(start, end), next }
    },
    async changeConversation(thread, change) {
      calls.push(['changeConversation', thread, change])
      must(thread)
      const { archived = conversation.archived, label } = change
      const labels = [...conversation.labels, ...(label?.add ?? [])]
      conversation = { ...conversation, archived, labels }
      return conversation
    },
    async labels() {
      return conversation.labels.map(label => ({ label, conversations: 1 }))
    },
    async search(text, options) {
      calls.push(['search', text, options])
      const { thread, subject, with: people, lastMs: atMs, snippet } = conversation
      const found = {
        direction: 'in' as const,
        id: idOf('letter 1'),
        thread,
        subject,
        atMs,
        snippet
      }
      return text === 'nothing' ? [] : [{ ...found, with: people }]
    },
    async *exportLetters() {
      for (const text of ['From a\n\none\n', 'From b\n\nÇa va\n']) yield Buffer.from(text)
    },
    async importLetters(file) {
      calls.push(['importLetters', file.byteLength])
      return { imported: 1, known: 0, refused: 0, filesLeftOut: 2 }
    },
    async deleteReceived(id) {
      calls.push(['deleteReceived', id])
      if (id.startsWith('0000')) throw unknown(id)
      return { deleted: id }
    },
    async deleteSent(id) {
      calls.push(['deleteSent', id])
      if (id.startsWith('ffff')) throw new MuttrError('LETTER_UNDER_WAY', 'it is under way')
      return { deleted: id }
    },
    async drafts() {
      return [...drafts.values()]
    },
    async saveDraft(fields, id = idOf(`draft ${drafts.size}`)) {
      calls.push(['saveDraft', fields, id])
      const saved = { ...fields, id, savedMs: nowMs }
      drafts.set(id, saved)
      return saved
    },
    async deleteDraft(id) {
      if (!drafts.delete(id)) throw unknown(id)
      return { deleted: id }
    }
  }
}
