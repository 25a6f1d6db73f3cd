import { toHex } from '../../src/base/bytes.ts'
import type { Closet } from '../../src/client/closet.ts'
import { closetOf } from '../../src/client/closet.ts'
import { noJournal } from '../../src/client/devices/journal.ts'
import type { NoticeRow } from '../../src/client/inbox-rows.ts'
import type { FreshLetter, InboxStore } from '../../src/client/inbox-store.ts'
import { createInboxStore } from '../../src/client/inbox-store.ts'
import { Conversations } from '../../src/client/mailbox/conversations.ts'
import type { LetterRow } from '../../src/client/mailbox/letter-rows.ts'
import type { SentStore } from '../../src/client/sent-shape.ts'
import { createSentStore } from '../../src/client/sent-store.ts'
import type { State } from '../../src/store/state.ts'
import { dice, quiet } from './client-world.ts'

export interface Stores {
  conversations: Conversations
  received: InboxStore
  sent: SentStore
  closet: Closet
}

/** What a mailbox keeps, without a client around it. */
export function mailStores(state: State, closet = closetOf(dice.bytes(32), dice)): Stores {
  const log = quiet
  const conversations = new Conversations({
    state,
    log,
    letter: ({ direction, ref }, open) =>
      direction === 'in' ? received.member(ref, open) : sent.member(ref, open)
  })
  const sent = createSentStore({
    ...{ state, log, conversations, journal: noJournal },
    closet: () => closet
  })
  const received = createInboxStore(state, log, conversations)
  return { conversations, received, sent, closet }
}

/** As it would come from alice; ids are made of one byte. */
export function letterRow(id: string, says: Partial<LetterRow> = {}): LetterRow {
  return {
    id: id.repeat(32),
    thread: id.repeat(32),
    parent: null,
    fromAlias: 'alice@one.test',
    fromFingerprint: 'aa'.repeat(20),
    to: 'bob@one.test',
    subject: id,
    mimeType: 'text/plain',
    sentMs: 1,
    receivedMs: Number.parseInt(id, 16),
    expiryMs: 1e12,
    sizeBytes: 1_024,
    key: toHex(dice.bytes(32)),
    corrects: null,
    retracts: null,
    receiptRequested: false,
    attachments: 0,
    ...says
  }
}

export const fresh = (row: LetterRow, more: Partial<FreshLetter> = {}): FreshLetter => ({
  row,
  frame: new Uint8Array(1),
  others: [{ alias: row.fromAlias, fingerprint: row.fromFingerprint }],
  snippet: `says ${row.subject}`,
  isContact: false,
  ...more
})

export const noticeOf = ({ key, expiryMs }: LetterRow): NoticeRow => ({
  pod: 'one.test',
  key: new Uint8Array(Buffer.from(key, 'hex')),
  sizeBytes: 1,
  expiryMs,
  slip: dice.bytes(9),
  address: null,
  failures: 0
})
