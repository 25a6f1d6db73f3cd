import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import type { Change } from '../../store/state.ts'
import { decodeLetter } from '../../wire/letter.ts'
import type { LetterName } from '../../wire/sync.ts'
import type { Downloads } from '../attachments/downloads.ts'
import type { LetterFiles } from '../attachments/letter-files.ts'
import type { LetterSummary, ReceivedLetter } from '../client.ts'
import type { Closet } from '../closet.ts'
import type { Contacts } from '../contacts.ts'
import type { Journal, News } from '../devices/journal.ts'
import type { InboxStore, Placed } from '../inbox-store.ts'
import { memberOf } from '../inbox-store.ts'
import type { Handed } from '../passing.ts'
import type { Self } from '../self.ts'
import type { SentStore } from '../sent-shape.ts'
import { showReceived } from '../show-received.ts'
import { showSent } from '../show-sent.ts'
import type { ConversationRow, LetterRef } from './conversation-rows.ts'
import type { Conversations, Edit } from './conversations.ts'
import { withLabels } from './labels.ts'
import type { KeptRow } from './letter-rows.ts'
import type {
  Conversation,
  ConversationChange,
  ConversationPage,
  ConversationQuery,
  Entry,
  LabelCount,
  OpenedConversation,
  SentEntry
} from './shapes.ts'

export interface MailboxParts {
  self: Pick<Self, 'closet'>
  contacts: Contacts
  received: InboxStore
  sent: SentStore
  conversations: Conversations
  log: Log
  /** What other devices of the person are told. */
  journal: Pick<Journal, 'note'>
  /** Of received letters. */
  files: Pick<Downloads, 'show' | 'forgetLetter'>
  sentFiles: LetterFiles['shown']
  /** What an own pod was given of a letter. */
  handed(letter: string): Handed | undefined
  /** Somebody looks at the conversations. */
  onLook?(): void
}

const pageMax = 50
/** Letters in one answer: each may hold 48 KiB. */
const lettersMax = 200
const unreadPage = 256

/** What is kept of letters, as the person sees it: lists, conversations, what is read, labelled, archived, deleted. */
export class Mailbox {
  readonly #parts: MailboxParts

  constructor(parts: MailboxParts) {
    this.#parts = parts
  }

  async inbox({ limit = 50, unread = false } = {}): Promise<LetterSummary[]> {
    const { received, self } = this.#parts
    const found = await received.list({ limit, unread }, self.closet())
    return Promise.all(found.map(letter => showReceived(this.#parts, letter)))
  }

  async read(beginning: string): Promise<ReceivedLetter> {
    const { received, self } = this.#parts
    const closet = self.closet()
    const found = await received.find(beginning, closet)
    if (!found.row.read) await this.#markRead(found, closet)
    return this.#shown({ ...found, row: { ...found.row, read: true } }, found.frame)
  }

  async conversations(query: ConversationQuery = {}): Promise<ConversationPage> {
    const { conversations, self, onLook } = this.#parts
    onLook?.()
    const limit = query.limit ?? pageMax
    const { rows, next } = await conversations.page({ ...query, limit }, self.closet())
    return { conversations: rows.map(shownConversation), next }
  }

  async conversation(
    thread: string,
    { limit = lettersMax, before }: { limit?: number; before?: string } = {}
  ): Promise<OpenedConversation> {
    const { conversations, self } = this.#parts
    const closet = self.closet()
    const row = await conversations.get(await this.#thread(thread, closet), closet)
    const wanted = Math.min(limit, lettersMax)
    const range = { limit: wanted + 1, ...(before !== undefined && { before: cursor(before) }) }
    const found = await conversations.members(row.thread, closet, range)
    const shown = found.slice(0, wanted).reverse()
    const letters = await Promise.all(shown.map(({ value }) => this.#entry(value, closet)))
    return {
      conversation: shownConversation(row),
      letters: letters.filter(letter => letter !== undefined),
      next: found.length > wanted ? shown[0]!.key : null
    }
  }

  async changeConversation(thread: string, change: ConversationChange): Promise<Conversation> {
    const { conversations, self } = this.#parts
    const closet = self.closet()
    const row = await conversations.change(
      await this.#thread(thread, closet),
      closet,
      async before => {
        const { archived, read, label } = change
        const marked = read === undefined ? undefined : await this.#marks(before, read, closet)
        const row = { ...before, ...marked?.row }
        const labels = label ? withLabels(before.labels, label) : before.labels
        const next = { ...row, labels, archived: archived ?? before.archived }
        const isRearranged = label !== undefined || archived !== undefined
        const noted = isRearranged ? this.#parts.journal.note([rearranged(next)]) : []
        return { row: next, changes: [...(marked?.changes ?? []), ...noted] }
      }
    )
    return shownConversation(row!)
  }

  async labels(): Promise<LabelCount[]> {
    const { conversations, self } = this.#parts
    const counts = await conversations.labels(self.closet())
    return [...counts]
      .map(([label, count]) => ({ label, conversations: count }))
      .sort((a, b) => (a.label < b.label ? -1 : 1))
  }

  /** Read, or not, as another device of the person says. @param said written with it */
  async mirrorRead(place: string, read: boolean, said: readonly Change[]): Promise<void> {
    const { conversations, received, self } = this.#parts
    const closet = self.closet()
    const letter = await received.at(place, closet)
    if (!letter) return
    await conversations.change(letter.row.conversation, closet, async before => {
      const now = await received.at(place, closet)
      if (!now || now.row.read === read) return { row: before, changes: said }
      const marked = received.marked(place, { ...now.row, read }, closet)
      const unread = before.unread + (read ? -1 : 1)
      return { row: { ...before, unread }, changes: [marked, ...said] }
    })
  }

  /** @returns false when there is no such conversation. */
  async mirrorConversation(
    thread: string,
    { archived, labels }: { archived: boolean; labels: readonly string[] },
    said: readonly Change[]
  ): Promise<boolean> {
    const { conversations, self } = this.#parts
    const closet = self.closet()
    if (!(await conversations.has(thread, closet))) return false
    const read = withLabels([], { add: [...labels] })
    await conversations.change(thread, closet, async before => ({
      row: { ...before, archived, labels: read },
      changes: said
    }))
    return true
  }

  async mirrorDeleted(direction: 'in' | 'out', letter: LetterName): Promise<void> {
    const { received, sent, self } = this.#parts
    const closet = self.closet()
    if (direction === 'out') {
      const row = await sent.find(letter.id)
      if (row && sent.mayGo(row)) await sent.remove(row, closet)
      return
    }
    const place = await received.placeOf(letter, closet)
    const found = place ? await received.at(place, closet) : undefined
    if (found) await this.#remove(found, closet, [])
    else if (place === undefined) await received.bury(letter, closet)
  }

  async deleteReceived(id: string): Promise<{ deleted: string }> {
    const { received, self, journal } = this.#parts
    const closet = self.closet()
    const found = await received.find(id, closet)
    const letter = nameOf(found.row)
    await this.#remove(found, closet, journal.note([{ type: 'deleted', direction: 'in', letter }]))
    return { deleted: found.row.id }
  }

  async deleteSent(id: string): Promise<{ deleted: string }> {
    const { sent, self } = this.#parts
    const closet = self.closet()
    const row = isId(id) ? await sent.find(id) : undefined
    if (!row) throw new MuttrError('LETTER_UNKNOWN', `no letter ${id} from you`)
    if (!sent.isOver(row)) throw new MuttrError('LETTER_UNDER_WAY', `the letter ${id} is under way`)
    const letter = { id, fingerprint: null }
    const noted = this.#parts.journal.note([{ type: 'deleted', direction: 'out', letter }])
    await sent.remove(row, closet, noted)
    return { deleted: id }
  }

  /** For an answer: where it belongs, and the own alias that the letter was written to. */
  async received(
    id: string
  ): Promise<{ thread: Uint8Array; conversation: Uint8Array; to: string } | undefined> {
    const { received, self } = this.#parts
    try {
      const { row } = await received.find(id, self.closet())
      return { thread: bytesOf(row.thread), conversation: bytesOf(row.conversation), to: row.to }
    } catch (err) {
      if (codeOf(err) === 'LETTER_UNKNOWN') return undefined
      throw err
    }
  }

  async #remove({ place, row }: Placed, closet: Closet, also: readonly Change[]): Promise<void> {
    const { conversations, received, files } = this.#parts
    const changes = [...received.dropped(place, row), ...also]
    await conversations.remove(memberOf(place, row), closet, changes)
    await files.forgetLetter(row.key)
  }

  /** By its id, or by a letter in it: the letter's id or, of a received one, the beginning of it. */
  async #thread(text: string, closet: Closet): Promise<string> {
    const { conversations, received, sent } = this.#parts
    if (isId(text) && (await conversations.has(text, closet))) return text
    const own = isId(text) ? await sent.member(text, closet) : undefined
    if (own) return own.thread
    return (await received.find(text, closet)).row.conversation
  }

  async #markRead({ place, row }: Placed, closet: Closet): Promise<void> {
    const { conversations, received } = this.#parts
    await conversations.change(row.conversation, closet, async before => {
      const now = await received.at(place, closet)
      if (!now || now.row.read) return undefined
      const changes = [
        received.marked(place, { ...now.row, read: true }, closet),
        ...this.#parts.journal.note([{ type: 'read', letter: nameOf(now.row), read: true }])
      ]
      return { row: { ...before, unread: before.unread - 1 }, changes }
    })
  }

  /** All its letters read, or its last received one unread. */
  async #marks(before: ConversationRow, read: boolean, closet: Closet): Promise<Edit | undefined> {
    const { received, journal } = this.#parts
    const marked: Placed[] = []
    const most = read ? before.unread : 1
    for await (const letter of this.#lettersOf(before.thread, closet)) {
      if (marked.length >= most) break
      if (letter.row.read !== read) marked.push(letter)
      else if (!read) break
    }
    if (marked.length === 0 && !read) return undefined
    const unread = read ? 0 : before.unread + marked.length
    const changes = [
      ...marked.map(({ place, row }) => received.marked(place, { ...row, read }, closet)),
      ...journal.note(marked.map(({ row }) => ({ type: 'read', letter: nameOf(row), read })))
    ]
    return { row: { ...before, unread }, changes }
  }

  /** Received ones, newest first. */
  async *#lettersOf(thread: string, closet: Closet): AsyncGenerator<Placed> {
    const { conversations, received } = this.#parts
    for (let before: string | undefined; ; ) {
      const range = { limit: unreadPage, ...(before !== undefined && { before }) }
      const found = await conversations.members(thread, closet, range)
      for (const { value } of found) {
        const letter = value.direction === 'in' ? await received.at(value.ref, closet) : undefined
        if (letter) yield letter
      }
      if (found.length < unreadPage) return
      before = found.at(-1)!.key
    }
  }

  async #entry({ direction, ref }: LetterRef, closet: Closet): Promise<Entry | undefined> {
    const { received, sent, log } = this.#parts
    try {
      if (direction === 'out') {
        const row = await sent.find(ref)
        return row && { direction, ...(await this.#sentEntry(ref, row, closet)) }
      }
      const found = await received.at(ref, closet)
      return (
        found && { direction, ...(await this.#shown(found, await received.frame(ref, closet))) }
      )
    } catch (err) {
      log.warn('a letter of a conversation is damaged', { code: codeOf(err) })
      return undefined
    }
  }

  async #sentEntry(
    id: string,
    row: NonNullable<Awaited<ReturnType<SentStore['find']>>>,
    closet: Closet
  ): Promise<SentEntry> {
    const secret = await this.#parts.sent.secret(id, closet)
    const { parent, mimeType, body } = secret
    return {
      ...(await showSent(row, secret, {
        files: this.#parts.sentFiles,
        handed: this.#parts.handed(row.id)
      })),
      parent: parent && hexOf(parent),
      mimeType,
      body: textOf(body)
    }
  }

  async #shown(found: Placed, frame: Uint8Array): Promise<ReceivedLetter> {
    const summary = await showReceived(this.#parts, found)
    if (found.row.imported) return { ...summary, body: textOf(frame), attachments: [] }
    const { body, attachments } = decodeLetter(frame)
    const shown = this.#parts.files.show({ key: found.row.key, manifests: attachments })
    return { ...summary, body: textOf(body), attachments: shown }
  }
}

/** For other devices of the person. */
const nameOf = ({ id, fromFingerprint }: KeptRow): LetterName => ({
  id,
  fingerprint: fromFingerprint === '' ? null : fromFingerprint
})
const rearranged = ({ thread, archived, labels }: ConversationRow): News => ({
  ...{ type: 'conversation', thread, archived, labels }
})
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

const isId = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

function cursor(text: string): string {
  if (/^[0-9a-f]{12}-[0-9a-f]{32}$/.test(text)) return text
  throw new MuttrError('USAGE', 'not the `next` of a conversation', {
    hint: 'Give `before` as the answer before gave `next`.'
  })
}

function shownConversation({ others, firstMs: _, ...row }: ConversationRow): Conversation {
  return { ...row, labels: [...row.labels], with: others.map(({ alias }) => alias) }
}
