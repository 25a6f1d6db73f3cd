import type { Client } from '../client/client.ts'
import type { Ask, Call } from './ask.ts'
import { atMost, jsonOf, lost, segment } from './ask.ts'
import { apiLimits } from './limits.ts'

type MailboxCalls = Pick<
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

/** The mailbox of a daemon, over its local API. */
export function remoteMailbox(ask: Ask): MailboxCalls {
  const call = <T>(path: string, how: Call = {}): Promise<T> => ask(path, how, jsonOf<T>)
  return {
    conversations: (query = {}) => call('/conversations', { query: { ...query } }),
    conversation: (thread, query = {}) =>
      call(`/conversations/${segment(thread)}`, { query: { ...query } }),
    changeConversation: (thread, json) =>
      call(`/conversations/${segment(thread)}`, { method: 'POST', json }),
    labels: () => call('/labels'),
    search: (text, options = {}) => call('/search', { query: { text, ...options } }),
    exportLetters: options => pieces(ask, options),
    async importLetters(bytes, options = {}) {
      atMost(bytes, apiLimits.importBytesMax, 'LETTER_TOO_LARGE', 'the file')
      return call('/import', { method: 'POST', bytes, ...options })
    },
    deleteReceived: id => call(`/inbox/${segment(id)}`, { method: 'DELETE' }),
    deleteSent: id => call(`/sent/${segment(id)}`, { method: 'DELETE' }),
    drafts: () => call('/drafts'),
    saveDraft: (json, id) =>
      id === undefined
        ? call('/drafts', { method: 'POST', json })
        : call(`/drafts/${segment(id)}`, { method: 'PUT', json }),
    deleteDraft: id => call(`/drafts/${segment(id)}`, { method: 'DELETE' })
  }
}

async function* pieces(ask: Ask, options: Call = {}): AsyncGenerator<Uint8Array> {
  const body = await ask('/export', options, async answer => answer.body)
  try {
    for await (const piece of body ?? []) yield piece
  } catch (err) {
    throw lost(err)
  }
}
