import type { Millis } from '../../base/ports.ts'
import type { Draft, ReceivedLetter, SentLetter } from '../client.ts'

/** What a mailbox shows: conversations, drafts, labels, what a search found. Also the local API's JSON. Source: docs/protocol/local-api.md */

/** Letters that belong together, received and sent. */
export interface Conversation {
  /** Its id, hex. */
  thread: string
  /** Of its first letter. */
  subject: string
  /** The others in it: aliases, at most 64. */
  with: string[]
  letters: number
  unread: number
  lastMs: Millis
  /** The alias that wrote the last letter, perhaps our own. */
  lastFrom: string
  /** The beginning of the last letter: one line of at most 200 characters. */
  snippet: string
  labels: string[]
  archived: boolean
  /** In all its letters. */
  attachments: number
}

export interface ConversationPage {
  /** Newest first. */
  conversations: Conversation[]
  /** Where the next page begins; null on the last. Opaque. */
  next: string | null
}

export interface ConversationQuery {
  limit?: number
  /** The `next` of the page before. */
  before?: string
  label?: string
  /** Only archived ones, or only those that are not; all unless told. */
  archived?: boolean
  unread?: boolean
}

/** A file that goes with a sent letter. */
export interface SentAttachment {
  /** As of an attachment, which may be forgotten by now. */
  id: string
  name: string
  type: string
  sizeBytes: number
  expiryMs: Millis
}

/** A sent letter with what it says. */
export interface SentEntry extends SentLetter {
  parent: string | null
  mimeType: string
  body: string
}
export type Entry = ({ direction: 'in' } & ReceivedLetter) | ({ direction: 'out' } & SentEntry)

export interface OpenedConversation {
  conversation: Conversation
  /** Oldest first. */
  letters: Entry[]
  /** Where older letters begin; null when these are all. */
  next: string | null
}

export interface ConversationChange {
  archived?: boolean
  /** Marks all its letters read, or its last one unread. */
  read?: boolean
  label?: { add?: string[]; remove?: string[] }
}

export interface LabelCount {
  label: string
  conversations: number
}

/** What became of the messages of a file. */
export interface ImportReport {
  imported: number
  /** There already, or deleted. */
  known: number
  /** Not a message, or one above 32 MiB. */
  refused: number
  /** Files in the messages that were taken; they are not kept. */
  filesLeftOut: number
}

export interface Found {
  direction: 'in' | 'out'
  id: string
  thread: string
  subject: string
  with: string[]
  atMs: Millis
  /** Around the first place where it says what was looked for. */
  snippet: string
}

/** A letter that is not finished; anything may be missing, and nothing is checked before it is sent. */
export interface DraftFields extends Partial<Draft> {
  body: string
}
export interface SavedDraft extends DraftFields {
  /** Hex. */
  id: string
  savedMs: Millis
}
