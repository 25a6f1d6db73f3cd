import { toHex, utf8 } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { LetterName } from '../wire/sync.ts'
import type { Closet } from './closet.ts'
import type { NoticeRow } from './inbox-rows.ts'
import { noticeId, noticeTable } from './inbox-rows.ts'
import type { LetterRef, Participant } from './mailbox/conversation-rows.ts'
import type { Conversations, Member } from './mailbox/conversations.ts'
import { fetchedDrops } from './mailbox/fetched.ts'
import type { KeptRow, LetterRow, Mark } from './mailbox/letter-rows.ts'
import { letterTable, markTable } from './mailbox/letter-rows.ts'
import { dropRow, putRow, sortableTime } from './table.ts'

export interface Listed {
  readonly row: KeptRow
  /** What later letters of the same sender say about it. */
  readonly mark: Pick<Mark, 'correctedBy' | 'forgetAsked'>
}
export type Placed = Listed & { place: string }

/** A letter to be kept. */
export interface FreshLetter {
  readonly row: LetterRow
  /** The signed bytes; of an imported letter its text. */
  readonly frame: Uint8Array
  readonly others: readonly Participant[]
  readonly snippet: string
  /** The sender's alias is pinned to the key that signed it. */
  readonly isContact: boolean
  readonly read?: boolean
  readonly imported?: boolean
}

/** Notices waiting, letters received, and which blobs are done with, on the disk. */
export interface InboxStore {
  addNotices(rows: readonly NoticeRow[]): Promise<void>
  notice(id: string): Promise<NoticeRow | undefined>
  saveNotice(row: NoticeRow): Promise<void>
  notices(): Promise<NoticeRow[]>
  /** This very notice was refused, or its blob opened, before. */
  isDone(notice: NoticeRow): Promise<boolean>
  /** Done without a letter: remembers the notice, not the blob, which a stranger may have announced to spoil it. */
  finish(notice: NoticeRow): Promise<void>
  /**
   * Keeps a letter, and what it says about an earlier one of the same sender.
   * @param notice null for an imported one. @param also written with it, whether it was there already or not.
   * @returns false for one that was there already, or was deleted.
   */
  addLetter(
    notice: NoticeRow | null,
    letter: FreshLetter,
    closet: Closet,
    also: readonly Change[]
  ): Promise<boolean>
  /** Newest first; damaged rows are left out, and logged. */
  list(options: { limit: number; unread: boolean }, closet: Closet): Promise<Listed[]>
  /** By id or the beginning of one, and where two senders used one id `-` and a sender's fingerprint. @throws {MuttrError} `LETTER_UNKNOWN`, `HOME_DAMAGED` */
  find(beginning: string, closet: Closet): Promise<Placed & { frame: Uint8Array }>
  at(place: string, closet: Closet): Promise<Placed | undefined>
  /** Where the letter of this id and key lies; null when it was deleted, undefined when it never was here. */
  placeOf(letter: LetterName, closet: Closet): Promise<string | null | undefined>
  /** A letter of this id, of whomever, is there or was deleted. */
  has(id: string): Promise<boolean>
  frame(place: string, closet: Closet): Promise<Uint8Array>
  /** Where all letters lie, newest first. */
  places(closet: Closet): AsyncIterable<LetterRef>
  /** For its conversation. */
  member(place: string, closet: Closet): Promise<Member | undefined>
  /** With how it is to be read from now on. */
  marked(place: string, row: KeptRow, closet: Closet): Change
  /** It is gone, and does not come again. */
  dropped(place: string, row: KeptRow): Change[]
  /** It does not come, though it never was here. */
  bury(letter: LetterName, closet: Closet): Promise<void>
  /** Forgets notices and blobs that have expired. */
  sweep(nowMs: Millis): Promise<void>
}

const tables = { body: 'mail-text', ids: 'mail-ids' }
const done = 'inbox-done'
/** What to drop when, by time. */
const doneExpiry = 'inbox-expiry'
const noMark: Mark = { correctedBy: null, correctedMs: 0, forgetAsked: null }
const pageRows = 100
const sweepMax = 1_000
const beginningMin = 4
/** So many letters with one beginning are looked at. */
const sameMax = 100
const unknown = (what: string) => new MuttrError('LETTER_UNKNOWN', what)

const fromText = (value: Uint8Array) => Buffer.from(value).toString('utf8')
/** In the place of a letter that was deleted. */
const gone = new Uint8Array()

/** Letters are told apart by id and sender. */
const tagOf = ({ id, fromFingerprint }: { id: string; fromFingerprint: string }, closet: Closet) =>
  closet.tag(`letter ${id}-${fromFingerprint}`)
const idKeyOf = ({ id, fingerprint }: LetterName, closet: Closet): string =>
  `${id}-${tagOf({ id, fromFingerprint: fingerprint ?? '' }, closet)}`
const tagIn = (place: string): string => place.slice(place.indexOf('-') + 1)
const sealedBody = (place: string, frame: Uint8Array, closet: Closet): Change =>
  putRow(tables.body, place, closet.seal(`${tables.body} ${place}`, frame))

export function createInboxStore(
  state: State,
  log: Log,
  conversations: Pick<Conversations, 'keep'>
): InboxStore {
  const notices = noticeTable(state, log)
  const letters = letterTable(state, log)
  const marks = markTable(state, log)
  const markOf = (tag: string, closet: Closet): Promise<Mark> =>
    marks.get(tag, closet).then(
      found => found ?? noMark,
      err => {
        log.warn('what was said about a letter is damaged', { code: codeOf(err) })
        return noMark
      }
    )

  /** Only letters of the same key can say anything about each other. */
  async function markedBy(row: LetterRow, closet: Closet): Promise<Change[]> {
    const { id, sentMs, corrects, retracts, fromFingerprint } = row
    const changes: Change[] = []
    for (const earlier of new Set([corrects, retracts])) {
      if (earlier === null) continue
      const tag = tagOf({ id: earlier, fromFingerprint }, closet)
      const before = await markOf(tag, closet)
      const isNewer = earlier === corrects && sentMs >= before.correctedMs
      const corrected = isNewer ? { correctedBy: id, correctedMs: sentMs } : {}
      const forgotten = earlier === retracts ? { forgetAsked: id } : {}
      changes.push(marks.put(tag, { ...before, ...corrected, ...forgotten }, closet))
    }
    return changes
  }

  const finished = (notice: NoticeRow, blob: 'opened' | 'refused'): Change[] => {
    const id = noticeId(notice)
    const names = blob === 'opened' ? [id, toHex(notice.key)] : [id]
    return [
      notices.drop(id),
      ...fetchedDrops(notice.key),
      ...names.flatMap(name => [
        putRow(done, name, new Uint8Array()),
        putRow(doneExpiry, `${sortableTime(notice.expiryMs)}-${name}`, new Uint8Array())
      ])
    ]
  }

  async function listed(place: string, row: KeptRow, closet: Closet): Promise<Placed> {
    const { correctedBy, forgetAsked } = await markOf(tagIn(place), closet)
    return { row, mark: { correctedBy, forgetAsked }, place }
  }

  async function* newestFirst(closet: Closet, unread: boolean): AsyncGenerator<Listed> {
    for (let lt: string | undefined; ; ) {
      const range = { reverse: true, limit: pageRows, ...(lt === undefined ? {} : { lt }) }
      const { rows, last } = await letters.page(closet, range)
      for (const { key, value } of rows)
        if (!unread || !value.read) yield await listed(key, value, closet)
      if (last === undefined) return
      lt = last
    }
  }

  async function frameAt(place: string, closet: Closet): Promise<Uint8Array> {
    const sealed = await state.get(tables.body, place)
    if (!sealed) throw new MuttrError('HOME_DAMAGED', `the letter ${place} is gone`)
    return closet.open(`${tables.body} ${place}`, sealed)
  }

  return {
    notice: id => notices.get(id),
    async addNotices(rows) {
      await state.write(rows.map(row => notices.put(noticeId(row), row)))
    },
    async saveNotice(row) {
      await state.write([notices.put(noticeId(row), row)])
    },
    async notices() {
      return (await notices.list()).map(({ value }) => value)
    },
    async isDone(notice) {
      const names = [noticeId(notice), toHex(notice.key)]
      const rows = await Promise.all(names.map(name => state.get(done, name)))
      return rows.some(row => row !== undefined)
    },
    async finish(notice) {
      await state.write(finished(notice, 'refused'))
    },
    async addLetter(notice, letter, closet, also) {
      const { row, frame, others, snippet, read = false, imported = false } = letter
      const rest = [...(notice ? finished(notice, 'opened') : []), ...also]
      const tag = tagOf(row, closet)
      const idKey = `${row.id}-${tag}`
      const known = async () => {
        await state.write(rest)
        return false
      }
      if ((await state.get(tables.ids, idKey)) !== undefined) return known()
      const place = `${sortableTime(row.receivedMs)}-${tag}`
      const kept = { ...row, others, snippet, read, imported }
      const said = await markedBy(row, closet)
      const { fromFingerprint: fingerprint } = row
      const sender = imported ? null : { fingerprint, isContact: letter.isContact }
      const ok = await conversations.keep(
        { ...memberOf(place, { ...kept, conversation: row.thread }), sender },
        closet,
        conversation => [
          { type: 'insert', table: tables.ids, key: idKey, value: utf8(place) },
          letters.put(place, { ...kept, conversation }, closet),
          sealedBody(place, frame, closet),
          ...said,
          ...rest
        ],
        async changes => (await state.write(changes)).ok
      )
      return ok || known()
    },
    async list({ limit, unread }, closet) {
      const found: Listed[] = []
      if (limit <= 0) return found
      for await (const letter of newestFirst(closet, unread)) {
        found.push(letter)
        if (found.length >= limit) break
      }
      return found
    },
    async find(text, closet) {
      const [beginning = '', print = ''] = text.toLowerCase().split('-')
      if (beginning.length < beginningMin || !/^[0-9a-f]+$/.test(beginning))
        throw unknown('give at least 4 characters of the id')
      const range = { gte: beginning, lt: `${beginning}~`, limit: sameMax }
      const places = (await state.list(tables.ids, range)).filter(one => one.value.byteLength > 0)
      const found: { place: string; row: KeptRow }[] = []
      for (const { value } of places) {
        const place = fromText(value)
        const row = await letters.get(place, closet)
        if (!row) throw new MuttrError('HOME_DAMAGED', `the letter ${place} is gone`)
        if (row.fromFingerprint.startsWith(print)) found.push({ place, row })
        if (found.length > 1) throw unknown(`more than one letter begins with ${beginning}`)
      }
      const [match] = found
      if (!match) throw unknown(`no letter ${beginning}`)
      const { place, row } = match
      return { ...(await listed(place, row, closet)), frame: await frameAt(place, closet) }
    },
    async at(place, closet) {
      const row = await letters.get(place, closet)
      return row && listed(place, row, closet)
    },
    async placeOf(letter, closet) {
      const place = await state.get(tables.ids, idKeyOf(letter, closet))
      if (place === undefined) return undefined
      return place.byteLength === 0 ? null : fromText(place)
    },
    async bury(letter, closet) {
      await state.write([putRow(tables.ids, idKeyOf(letter, closet), gone)])
    },
    async has(id) {
      return (await state.list(tables.ids, { gte: `${id}-`, lt: `${id}.`, limit: 1 })).length > 0
    },
    frame: frameAt,
    async *places(closet) {
      for (let lt: string | undefined; ; ) {
        const range = { reverse: true, limit: pageRows, ...(lt === undefined ? {} : { lt }) }
        const { rows, last } = await letters.page(closet, range)
        for (const { key } of rows) yield { direction: 'in', ref: key }
        if (last === undefined) return
        lt = last
      }
    },
    async member(place, closet) {
      const row = await letters.get(place, closet)
      return row && memberOf(place, row)
    },
    marked: (place, row, closet) => letters.put(place, row, closet),
    dropped: (place, row) => [
      letters.drop(place),
      dropRow(tables.body, place),
      putRow(tables.ids, `${row.id}-${tagIn(place)}`, gone)
    ],
    async sweep(nowMs) {
      for (;;) {
        const over = await state.list(doneExpiry, { lt: sortableTime(nowMs), limit: sweepMax })
        const changes = over.flatMap(({ key }) => [
          dropRow(doneExpiry, key),
          dropRow(done, key.slice(key.indexOf('-') + 1))
        ])
        if (changes.length > 0) await state.write(changes)
        if (over.length < sweepMax) return
      }
    }
  }
}

/** What a conversation must know of a received letter. */
export function memberOf(place: string, row: KeptRow): Member {
  const { conversation, receivedMs, fromAlias, others, subject, snippet, read, attachments } = row
  return {
    ...{ direction: 'in', ref: place, thread: conversation, tag: tagIn(place) },
    ...{ atMs: receivedMs, from: fromAlias, others, subject, snippet, read, attachments }
  }
}
