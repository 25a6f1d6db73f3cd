import { createHash } from 'node:crypto'
import type {
  Contact,
  Conversation,
  Entry,
  OpenedConversation,
  ReceivedAttachment,
  ReceivedLetter,
  SentAttachment,
  SentLetter
} from '../../src/client/client.ts'

/** A mailbox as people have it, for the page's tests and pictures. */

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const idOf = (text: string): string => createHash('sha256').update(text).digest('hex')
const printOf = (alias: string): string => idOf(alias).slice(0, 40)

const me = 'alice@one.test'

const people = [
  'bob@two.test',
  'carol@one.test',
  'dora.lindqvist@lund.test',
  'emil@two.test',
  'fatima@one.test',
  'georg@lund.test'
]

export const pageContacts = (nowMs: number): Contact[] =>
  people.map((alias, i) => ({
    alias,
    fingerprint: printOf(alias),
    pin: idOf(`pin ${alias}`),
    pinnedMs: nowMs - (3 + 17 * i) * dayMs,
    seenMs: nowMs - dayMs,
    ...lapsed(nowMs, alias),
    verified: i % 3 === 0,
    certifiedByPod: true,
    withdrawn: null,
    escrow: false,
    podTrust: 'file',
    succession: null,
    disputed: null,
    moved: null,
    offered: null,
    invited: alias === 'carol@one.test',
    changedTo: alias === 'emil@two.test' ? printOf('another key') : null,
    policy: 'pull'
  }))

const lapsed = (nowMs: number, alias: string): Pick<Contact, 'lapsed' | 'revocation'> => {
  if (alias === 'georg@lund.test')
    return { lapsed: 'revoked', revocation: { reason: 'compromised', atMs: nowMs - dayMs } }
  return { lapsed: alias === 'fatima@one.test' ? 'expired' : null, revocation: null }
}

interface Said {
  from: string
  subject: string
  agoMs: number
  letters: [by: string, body: string, mimeType?: string][]
  unread?: number
  labels?: string[]
  attachments?: number
}

const plan = `## Saturday

We meet at **ten** at the boathouse. What is still missing:

1. somebody who brings the *big* pot
2. the key to the shed: ask [the harbour office](https://harbour.example/keys)
3. rope, about \`12 m\`

> If it rains we do it a week later.

| who | brings |
|---|---|
| Dora | bread |
| Emil | the pot? |
`

const said: Said[] = [
  {
    from: 'bob@two.test',
    subject: 'Lunch on Thursday?',
    agoMs: 0.4 * hourMs,
    unread: 1,
    letters: [
      ['bob@two.test', 'Are you in town this week?\n\nBob'],
      [me, 'From Wednesday on. Why?'],
      [
        'bob@two.test',
        'Then let us have lunch on Thursday, at the place by the river. At one?\n\n> From Wednesday on. Why?\n\nBob'
      ]
    ]
  },
  {
    from: 'dora.lindqvist@lund.test',
    subject: 'The boat: what is still missing',
    agoMs: 2.2 * hourMs,
    unread: 1,
    labels: ['sailing'],
    attachments: 1,
    letters: [['dora.lindqvist@lund.test', plan, 'text/markdown']]
  },
  {
    from: 'carol@one.test',
    subject: 'Re: Notes from the meeting',
    agoMs: 5 * hourMs,
    letters: [
      [me, 'Here are my notes. Did I forget anything?'],
      [
        'carol@one.test',
        'Only that we wanted to ask the neighbours first. I will do that tomorrow.'
      ]
    ]
  },
  {
    from: 'fatima@one.test',
    subject: 'The book you lent me',
    agoMs: 1.3 * dayMs,
    letters: [
      [
        'fatima@one.test',
        'I have finished it, and I want to talk about the last chapter with you. May I keep it another week for my sister?'
      ]
    ]
  },
  {
    from: 'georg@lund.test',
    subject: 'Rooms in Lund, first week of June',
    agoMs: 2.1 * dayMs,
    labels: ['travel'],
    letters: [['georg@lund.test', 'There are two rooms left above the bakery. Shall I take them?']]
  },
  {
    from: 'emil@two.test',
    subject: 'Old photographs',
    agoMs: 4 * dayMs,
    attachments: 12,
    letters: [
      ['emil@two.test', 'I found these in the cellar. Do you know who the man with the hat is?']
    ]
  },
  {
    from: 'bob@two.test',
    subject: 'Which bicycle?',
    agoMs: 11 * dayMs,
    letters: [
      [me, 'The blue one or the one with the basket?'],
      ['bob@two.test', 'The blue one.']
    ]
  },
  {
    from: 'carol@one.test',
    subject: 'Minutes, and who writes them next time',
    agoMs: 40 * dayMs,
    letters: [['carol@one.test', 'It is your turn, I think.']]
  }
]

export function received(
  nowMs: number,
  thread: string,
  from: string,
  changes: Partial<ReceivedLetter> = {}
): { direction: 'in' } & ReceivedLetter {
  const id = idOf(`${thread} ${from} ${changes.sentMs ?? 0} ${changes.body ?? ''}`)
  return {
    direction: 'in',
    id,
    thread,
    parent: null,
    from: {
      alias: from,
      fingerprint: printOf(from),
      verified: people.indexOf(from) % 3 === 0,
      certifiedByPod: people.includes(from)
    },
    to: me,
    subject: '',
    mimeType: 'text/plain',
    body: '',
    sentMs: nowMs,
    receivedMs: nowMs + 900,
    expiryMs: nowMs + 30 * dayMs,
    sizeBytes: 1_024,
    key: idOf(`key ${id}`),
    read: false,
    receiptRequested: false,
    imported: false,
    corrects: null,
    retracts: null,
    correctedBy: null,
    attachments: [],
    forgetAsked: null,
    ...changes
  }
}

function sentLetter(nowMs: number, to: string, changes: Partial<SentLetter> = {}): SentLetter {
  const sentMs = changes.sentMs ?? nowMs
  return {
    id: idOf(`sent ${to} ${sentMs}`),
    thread: idOf(`sent ${to} ${sentMs}`),
    from: me,
    to,
    fingerprint: printOf(to),
    subject: '',
    sentMs,
    expiryMs: sentMs + 30 * dayMs,
    sizeBytes: 1_024,
    key: idOf(`key ${to} ${sentMs}`),
    state: 'announced',
    copies: Array.from({ length: 8 }, (_, i) => ({
      holder: `12D3KooW${idOf(`${to} ${i}`).slice(0, 44)}`,
      storedMs: sentMs + 300 + 40 * i
    })),
    wanted: 8,
    announced: { pod: to.split('@')[1]!, atMs: sentMs + 900 },
    handed: null,
    waiting: null,
    asked: { atMs: nowMs - 60_000, answered: 8, wanted: 8, holders: 8 },
    receiptRequested: false,
    accepted: null,
    withdrawing: null,
    corrects: null,
    retracts: null,
    correctedBy: null,
    attachments: [],
    forgetAsked: null,
    ...changes
  }
}

/** One letter in each state that people meet. */
export const sentLetters = (nowMs: number): SentLetter[] => [
  sentLetter(nowMs, 'georg@lund.test', {
    subject: 'Re: Rooms in Lund, first week of June',
    sentMs: nowMs - 90_000,
    state: 'queued',
    copies: [],
    announced: null,
    asked: null,
    waiting: {
      code: 'QUORUM_MISSED',
      message: 'too few seeds took a copy',
      hint: 'Too few seeds took a copy; the letter waits and is tried again.',
      retryAtMs: nowMs + 40_000
    }
  }),
  sentLetter(nowMs, 'dora.lindqvist@lund.test', {
    subject: 'Re: The boat: what is still missing',
    sentMs: nowMs - 5 * 60_000,
    state: 'stored',
    announced: null
  }),
  sentLetter(nowMs, 'bob@two.test', { subject: 'Re: Lunch on Thursday?', sentMs: nowMs - hourMs }),
  sentLetter(nowMs, 'carol@one.test', {
    subject: 'Notes from the meeting',
    sentMs: nowMs - 7 * hourMs,
    state: 'accepted',
    receiptRequested: true,
    accepted: { receipt: { atMs: nowMs - 6 * hourMs, fingerprint: printOf('carol@one.test') } },
    asked: { atMs: nowMs - 60_000, answered: 8, wanted: 8, holders: 0 }
  }),
  sentLetter(nowMs, 'emil@two.test', {
    subject: 'The wrong date',
    sentMs: nowMs - 3 * dayMs,
    state: 'withdrawn',
    withdrawing: { sinceMs: nowMs - 3 * dayMs + 600_000, asked: 8, took: 7 }
  })
]

const fileOf = (nowMs: number): ReceivedAttachment => ({
  index: 0,
  name: 'harbour-map.pdf',
  type: 'application/pdf',
  sizeBytes: 4_800_000,
  expiryMs: nowMs + 12 * dayMs,
  state: 'remote',
  haveBytes: 0,
  bytesPerSecond: null,
  remainingMs: null,
  problem: null,
  ahead: null
})

const sentFile = (nowMs: number): SentAttachment => ({
  id: 'ab'.repeat(16),
  name: 'who-brings-what.ods',
  type: 'application/vnd.oasis.opendocument.spreadsheet',
  sizeBytes: 61_000,
  expiryMs: nowMs + 12 * dayMs
})

/** What a restored mailbox holds back. */
export const held = (nowMs: number): SentLetter['waiting'] => ({
  code: 'LETTER_HELD',
  message: 'it waited when the backup was made, and may have gone out since',
  hint: '',
  retryAtMs: nowMs + 30 * dayMs
})

/** A conversation of so many letters, every third of them ours. */
export function longConversation(nowMs: number, count: number): OpenedConversation {
  const thread = idOf('long')
  const letters = Array.from({ length: count }, (_, i): Entry => {
    const sentMs = nowMs - (count - i) * hourMs
    const body = `Letter ${i + 1} of many.${' It says a little more.'.repeat(i % 7)}`
    const says = { subject: 'A long talk', body, mimeType: 'text/plain', sentMs }
    if (i % 3 > 0)
      return received(nowMs, thread, 'bob@two.test', { ...says, id: idOf(`long ${i}`) })
    const letter = sentLetter(nowMs, 'bob@two.test', {
      ...{ id: idOf(`long ${i}`), subject: says.subject, sentMs },
      ...{ state: 'accepted', accepted: { receipt: null } }
    })
    return { ...letter, direction: 'out', thread, parent: null, mimeType: 'text/plain', body }
  })
  const conversation: Conversation = {
    ...{ thread, subject: 'A long talk', with: ['bob@two.test'], letters: count, unread: 0 },
    ...{ lastMs: nowMs, lastFrom: 'bob@two.test', snippet: 'Letter', labels: [] },
    ...{ archived: false, attachments: 0 }
  }
  return { conversation, letters, next: null }
}

export function openedConversations(nowMs: number): OpenedConversation[] {
  return said.map(({ from, subject, agoMs, letters, unread = 0, labels = [], attachments = 0 }) => {
    const thread = idOf(subject)
    const entries = letters.map(([by, body, mimeType = 'text/plain'], i): Entry => {
      const sentMs = nowMs - agoMs - (letters.length - 1 - i) * 50 * 60_000
      const files = i === letters.length - 1 && attachments > 0 ? [fileOf(nowMs)] : []
      const says = { subject, body, mimeType, sentMs, attachments: files }
      if (by !== me) return received(nowMs, thread, by, says)
      const letter = sentLetter(nowMs, from, {
        subject,
        sentMs,
        state: 'accepted',
        accepted: { receipt: null },
        attachments: agoMs === said[0]!.agoMs ? [sentFile(nowMs)] : []
      })
      return { ...letter, direction: 'out', thread, parent: null, mimeType, body } as Entry
    })
    const last = letters.at(-1)!
    const conversation: Conversation = {
      thread,
      subject,
      with: [from],
      letters: entries.length,
      unread,
      lastMs: nowMs - agoMs,
      lastFrom: last[0],
      snippet: last[1].replace(/\s+/g, ' ').slice(0, 200),
      labels,
      archived: false,
      attachments
    }
    return { conversation, letters: entries, next: null }
  })
}

/** As many conversations as somebody has after years. */
export const manyConversations = (nowMs: number, count: number): Conversation[] =>
  Array.from({ length: count }, (_, i) => {
    const from = people[i % people.length]!
    return {
      thread: idOf(`many ${i}`),
      subject: `${said[i % said.length]!.subject} (${i + 1})`,
      with: [from],
      letters: 1 + (i % 5),
      unread: 0,
      lastMs: nowMs - i * hourMs,
      lastFrom: from,
      snippet: `What was written ${i + 1} letters ago, as long as a line of it`,
      labels: [],
      archived: false,
      attachments: 0
    }
  })
