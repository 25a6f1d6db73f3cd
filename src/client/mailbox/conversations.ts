import { sha256, toHex, utf8 } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import type { Closet } from '../closet.ts'
import { sortableTime } from '../table.ts'
import { ConversationList } from './conversation-list.ts'
import type { ConversationRow, LetterRef, Participant } from './conversation-rows.ts'
import { conversationTable, memberTable, unhex } from './conversation-rows.ts'
import { isAmong, withLetter } from './count.ts'
import type { ConversationQuery } from './shapes.ts'

/** What a conversation must know of one of its letters. */
export interface Member extends LetterRef {
  /** The conversation, hex. */
  readonly thread: string
  /** The closet's tag of the letter. */
  readonly tag: string
  readonly atMs: Millis
  /** The alias that wrote it. */
  readonly from: string
  readonly others: readonly Participant[]
  readonly subject: string
  readonly snippet: string
  readonly read: boolean
  readonly attachments: number
}

/** A new letter, before it is known to which conversation it goes. */
export interface NewMember extends Member {
  /** Who wrote a received letter, and whether its alias is pinned to that key; null for what is ours. */
  readonly sender: { fingerprint: string; isContact: boolean } | null
}

export interface ConversationsParts {
  state: State
  log: Log
  /** Reads one letter again, for a conversation that has to be counted anew; undefined when it is gone or damaged. */
  letter(ref: LetterRef, closet: Closet): Promise<Member | undefined>
  /** A letter came or went. */
  onChange?(ref: LetterRef): void
}

/** A conversation as it will be once what is being written is on the disk. */
interface Hand {
  row: ConversationRow | undefined
  writes: number
  /** Something was not written that the row counts. */
  spoiled: boolean
  settled: Promise<unknown>
}

/** What becomes of a conversation, and what else is written with it; null when its last letter is gone. */
export interface Edit {
  row: ConversationRow | null
  changes: readonly Change[]
}

const memberPage = 256

/**
 * Conversations on the disk: each a sealed row that is counted on with every letter, and the list of its letters. Changes to one are
 * decided one after the other, each on what the one before will have written; letters of a crowd still share their writes.
 */
export class Conversations {
  readonly #parts: ConversationsParts
  readonly #rows: ReturnType<typeof conversationTable>
  readonly #members: ReturnType<typeof memberTable>
  readonly #hands = new Map<string, Hand>()
  readonly #list = new ConversationList()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: ConversationsParts) {
    this.#parts = parts
    this.#rows = conversationTable(parts.state, parts.log)
    this.#members = memberTable(parts.state, parts.log)
  }

  /**
   * Takes a letter in, with one write for the letter and its conversation.
   * @param changes what keeps the letter itself, told to which conversation it goes.
   * @param write resolves to false when the letter was there already and nothing was written.
   */
  async keep(
    letter: NewMember,
    closet: Closet,
    changes: (thread: string) => readonly Change[],
    write: (changes: readonly Change[]) => Promise<boolean>
  ): Promise<boolean> {
    const begun = await this.#inTurn(async () => {
      const thread = await this.#threadOf(letter, closet)
      const tag = tagOf(thread, closet)
      const member = { ...letter, thread }
      const row = withLetter(await this.#current(tag, closet), member)
      const all = [
        ...changes(thread),
        this.#rows.put(tag, row, closet),
        this.#members.put(memberKey(tag, member), refOf(member), closet)
      ]
      return { done: this.#write(tag, row, () => write(all)) }
    })
    const ok = await begun.done
    if (ok) this.#parts.onChange?.(letter)
    return ok
  }

  /**
   * Changes a conversation that is there.
   * @param decide is told of what is on the disk, with nothing of the conversation under way; undefined changes nothing.
   * @throws {MuttrError} `LETTER_UNKNOWN` when there is no such conversation.
   */
  async change(
    thread: string,
    closet: Closet,
    decide: (row: ConversationRow) => Promise<Edit | undefined>
  ): Promise<ConversationRow | null> {
    const tag = tagOf(thread, closet)
    const begun = await this.#inTurn(async () => {
      await this.#hands.get(tag)?.settled
      const before = await this.#current(tag, closet)
      if (!before) throw unknown(thread)
      const edit = await decide(before)
      if (!edit) return { row: before, done: Promise.resolve(true) }
      const { row, changes } = edit
      const own = row ? this.#rows.put(tag, row, closet) : this.#rows.drop(tag)
      const write = async () => (await this.#parts.state.write([own, ...changes])).ok
      return { row, done: this.#write(tag, row ?? undefined, write) }
    })
    await begun.done
    return begun.row
  }

  /** Takes a letter out, with one write for the letter and its conversation, which is gone with its last letter. */
  async remove(member: Member, closet: Closet, changes: readonly Change[]): Promise<void> {
    const tag = tagOf(member.thread, closet)
    const key = memberKey(tag, member)
    await this.change(member.thread, closet, async row => ({
      row: await this.#counted(tag, closet, { before: row, without: key }),
      changes: [this.#members.drop(key), ...changes]
    }))
    this.#parts.onChange?.(member)
  }

  /** @throws {MuttrError} `LETTER_UNKNOWN` */
  async get(thread: string, closet: Closet): Promise<ConversationRow> {
    const row = await this.#inTurn(() => this.#current(tagOf(thread, closet), closet))
    if (!row) throw unknown(thread)
    return row
  }

  async has(thread: string, closet: Closet): Promise<boolean> {
    const row = await this.#inTurn(() => this.#current(tagOf(thread, closet), closet))
    return row !== undefined
  }

  /** Its letters, newest first, below `before`, a key of an earlier answer. */
  async members(
    thread: string,
    closet: Closet,
    { limit, before }: { limit: number; before?: string }
  ): Promise<{ key: string; value: LetterRef }[]> {
    const tag = tagOf(thread, closet)
    const lt = before === undefined ? `${tag}.` : `${tag}-${before}`
    const range = { gte: `${tag}-`, lt, limit, reverse: true }
    const { rows } = await this.#members.page(closet, range)
    return rows.map(({ key, value }) => ({ key: key.slice(tag.length + 1), value }))
  }

  /** Newest first. @throws {MuttrError} `USAGE` for a cursor that is none. */
  async page(
    query: ConversationQuery & { limit: number },
    closet: Closet
  ): Promise<{ rows: ConversationRow[]; next: string | null }> {
    await this.#load(closet)
    const { tags, next } = this.#list.page(query)
    const rows = await Promise.all(tags.map(tag => this.#current(tag, closet)))
    return { rows: rows.filter(row => row !== undefined), next }
  }

  /** How many conversations each label has. */
  async labels(closet: Closet): Promise<Map<string, number>> {
    await this.#load(closet)
    return this.#list.labels()
  }

  /** The vault is locked: nothing of it stays in memory. */
  forget(): void {
    this.#list.forget()
    for (const [tag, { writes }] of this.#hands) if (writes === 0) this.#hands.delete(tag)
  }

  /** A letter that names a conversation belongs to it only when its sender does: ids are no secrets between many. */
  async #threadOf({ thread, sender, from }: NewMember, closet: Closet): Promise<string> {
    if (sender === null) return thread
    const there = await this.#current(tagOf(thread, closet), closet)
    if (!there || isAmong(there, from, sender)) return thread
    return toHex(sha256(utf8('muttr conversation 1'), unhex(thread), unhex(sender.fingerprint)))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #current(tag: string, closet: Closet): Promise<ConversationRow | undefined> {
    const hand = this.#hands.get(tag)
    if (hand && !hand.spoiled) return hand.row
    if (!hand)
      return this.#rows.get(tag, closet).catch(async err => {
        this.#parts.log.warn('a conversation is counted anew', { code: codeOf(err) })
        return (await this.#counted(tag, closet)) ?? undefined
      })
    await hand.settled
    hand.row = (await this.#counted(tag, closet)) ?? undefined
    hand.spoiled = false
    return hand.row
  }

  /** Counts the letters that are on the disk. */
  async #counted(
    tag: string,
    closet: Closet,
    { before, without }: { before?: ConversationRow; without?: string } = {}
  ): Promise<ConversationRow | null> {
    let row: ConversationRow | undefined
    for (let gt = `${tag}-`; ; ) {
      const range = { gt, lt: `${tag}.`, limit: memberPage }
      const { rows, last } = await this.#members.page(closet, range)
      for (const { key, value } of rows) {
        const member = key === without ? undefined : await this.#parts.letter(value, closet)
        if (member) row = withLetter(row, member)
      }
      if (last === undefined) break
      gt = last
    }
    const kept = before ?? (await this.#rows.get(tag, closet).catch(() => undefined))
    if (!row) return null
    return kept ? { ...row, labels: kept.labels, archived: kept.archived } : row
  }

  #write(
    tag: string,
    row: ConversationRow | undefined,
    write: () => Promise<boolean>
  ): Promise<boolean> {
    const hand = this.#hands.get(tag) ?? {
      row,
      writes: 0,
      spoiled: false,
      settled: Promise.resolve()
    }
    this.#hands.set(tag, hand)
    hand.row = row
    hand.writes++
    const done = write().then(
      ok => {
        if (ok) this.#list.set(tag, row)
        else hand.spoiled = true
        return ok
      },
      err => {
        hand.spoiled = true
        throw err
      }
    )
    const ended = done
      .catch(() => undefined)
      .then(() => {
        hand.writes--
        if (hand.writes === 0 && !hand.spoiled) this.#hands.delete(tag)
      })
    hand.settled = Promise.all([hand.settled, ended])
    return done
  }

  /** Reads all conversations once; from then on every change is followed. */
  #load(closet: Closet): Promise<void> {
    return this.#inTurn(async () => {
      for (const [tag, hand] of this.#hands) {
        await hand.settled
        if (!hand.spoiled) continue
        const row = await this.#current(tag, closet)
        this.#hands.delete(tag)
        const own = row ? this.#rows.put(tag, row, closet) : this.#rows.drop(tag)
        await this.#parts.state.write([own])
        this.#list.set(tag, row)
      }
      if (this.#list.loaded) return
      const all = new Map<string, ConversationRow>()
      for (let gt: string | undefined; ; ) {
        const range = { limit: memberPage, ...(gt !== undefined && { gt }) }
        const { rows, last } = await this.#rows.page(closet, range)
        for (const { key, value } of rows) all.set(key, value)
        if (last === undefined) break
        gt = last
      }
      this.#list.load(all)
    })
  }
}

const unknown = (thread: string) =>
  new MuttrError('LETTER_UNKNOWN', `no conversation ${thread}`, {
    hint: 'A conversation is named by 64 hex characters, as a list of them shows.'
  })
const tagOf = (thread: string, closet: Closet): string => closet.tag(`conversation ${thread}`)
const memberKey = (tag: string, { atMs, tag: letter }: Member): string =>
  `${tag}-${sortableTime(atMs)}-${letter}`
const refOf = ({ direction, ref }: LetterRef): LetterRef => ({ direction, ref })
