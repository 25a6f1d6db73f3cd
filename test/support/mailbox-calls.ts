import type { Client } from '../../src/client/client.ts'

const threadOf = async (c: Client) => (await c.conversations()).conversations[0]?.thread ?? ''

/** Calls about the mailbox that must end alike on a client and over the local API. */
export const mailboxCalls: Record<string, (client: Client) => Promise<unknown>> = {
  'conversations: all': c => c.conversations(),
  'conversations: some': c =>
    c.conversations({
      ...{ limit: 3, before: '1f-00', label: 'Ça va & 你好', archived: false, unread: true }
    }),
  'conversation: one': async c => c.conversation(await threadOf(c), { limit: 1, before: 'x' }),
  'conversation: unknown': c => c.conversation('0'.repeat(64)),
  'changeConversation: all of it': async c =>
    c.changeConversation(await threadOf(c), {
      ...{ archived: true, read: false, label: { add: ['Ça va'], remove: ['x'] } }
    }),
  'changeConversation: unknown': c => c.changeConversation('0'.repeat(64), {}),
  labels: c => c.labels(),
  'search: words': c => c.search('Ça va & 你好', { limit: 2 }),
  'search: nothing': c => c.search('nothing'),
  exportLetters: async c => Buffer.concat(await Array.fromAsync(c.exportLetters())).toString(),
  'importLetters: a file': c => c.importLetters(new Uint8Array(70_000)),
  'deleteReceived: one': c => c.deleteReceived('ab'.repeat(32)),
  'deleteReceived: unknown': c => c.deleteReceived('0000'),
  'deleteSent: one': c => c.deleteSent('ab'.repeat(32)),
  'deleteSent: under way': c => c.deleteSent('ffff'),
  'drafts: saved, changed, deleted': async c => {
    const first = await c.saveDraft({ body: '' })
    const fields = { to: 'bob', body: 'Ça va', lifeMs: 5, receipt: true, attachments: ['a'] }
    const all = [await c.saveDraft(fields, first.id), await c.drafts()]
    return [first, all, await c.deleteDraft(first.id), await c.drafts()]
  },
  'drafts: the largest': c => c.saveDraft({ body: '\u0001'.repeat(256 * 1_024) }),
  'deleteDraft: unknown': c => c.deleteDraft('0'.repeat(64))
}
