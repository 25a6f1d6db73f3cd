import { toHex, utf8 } from '../base/bytes.ts'
import { codeOf, MuttrError } from '../base/errors.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { Closet } from './closet.ts'
import type { LetterRow, Mark, NoticeRow } from './inbox-rows.ts'
import { decodeLetterRow, encodeLetterRow, markTable, noticeId, noticeTable } from './inbox-rows.ts'
import { sortableTime } from './table.ts'

export interface Listed {
  readonly row: LetterRow
  readonly read: boolean
  /** What later letters of the same sender say about it. */
  readonly mark: Pick<Mark, 'correctedBy' | 'forgetAsked'>
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
   * @param frame the signed bytes. @param also written with it, whether it was there already or not.
   * @returns false for one that was there already.
   */
  addLetter(
    notice: NoticeRow,
    letter: { row: LetterRow; frame: Uint8Array },
    closet: Closet,
    also: readonly Change[]
  ): Promise<boolean>
  /** Newest first; damaged rows are left out, and logged. */
  list(options: { limit: number; unread: boolean }, closet: Closet): Promise<Listed[]>
  /** By id or the beginning of one. @throws {MuttrError} `LETTER_UNKNOWN`, `HOME_DAMAGED` */
  find(beginning: string, closet: Closet): Promise<Listed & { frame: Uint8Array; place: string }>
  markRead(place: string): Promise<void>
  /** Forgets notices and blobs that have expired. */
  sweep(nowMs: Millis): Promise<void>
}

const tables = { list: 'inbox', body: 'inbox-text', ids: 'inbox-ids', read: 'inbox-read' }
const done = 'inbox-done'
/** What to drop when, by time. */
const doneExpiry = 'inbox-expiry'
const noMark: Mark = { correctedBy: null, correctedMs: 0, forgetAsked: null }
const pageRows = 100
const sweepMax = 1_000
const beginningMin = 4

const put = (table: string, key: string, value: Uint8Array): Change => ({
  type: 'put',
  table,
  key,
  value
})
const drop = (table: string, key: string): Change => ({ type: 'delete', table, key })
const fromText = (value: Uint8Array) => Buffer.from(value).toString('utf8')

export function createInboxStore(state: State, log: Log): InboxStore {
  const notices = noticeTable(state, log)
  const marks = markTable(state, log)
  const markOf = (key: string): Promise<Mark> =>
    marks.get(key).then(
      found => found ?? noMark,
      err => {
        log.warn('what was said about a letter is damaged', { code: codeOf(err) })
        return noMark
      }
    )

  /** Only letters of the same key can say anything about each other. */
  async function markedBy(row: LetterRow): Promise<Change[]> {
    const { id, sentMs, corrects, retracts, fromFingerprint } = row
    const changes: Change[] = []
    for (const earlier of new Set([corrects, retracts])) {
      if (earlier === null) continue
      const key = `${earlier}-${fromFingerprint}`
      const before = await markOf(key)
      const isNewer = earlier === corrects && sentMs >= before.correctedMs
      const corrected = isNewer ? { correctedBy: id, correctedMs: sentMs } : {}
      const forgotten = earlier === retracts ? { forgetAsked: id } : {}
      changes.push(marks.put(key, { ...before, ...corrected, ...forgotten }))
    }
    return changes
  }

  const finished = (notice: NoticeRow, blob: 'opened' | 'refused'): Change[] => {
    const id = noticeId(notice)
    const names = blob === 'opened' ? [id, toHex(notice.key)] : [id]
    return [
      notices.drop(id),
      ...names.flatMap(name => [
        put(done, name, new Uint8Array()),
        put(doneExpiry, `${sortableTime(notice.expiryMs)}-${name}`, new Uint8Array())
      ])
    ]
  }

  async function listed(place: string, sealed: Uint8Array, closet: Closet): Promise<Listed> {
    const row = decodeLetterRow(closet.open(`inbox ${place}`, sealed))
    const { correctedBy, forgetAsked } = await markOf(`${row.id}-${row.fromFingerprint}`)
    const read = (await state.get(tables.read, place)) !== undefined
    return { row, read, mark: { correctedBy, forgetAsked } }
  }

  async function* newestFirst(closet: Closet): AsyncGenerator<Listed> {
    let lt: string | undefined
    for (;;) {
      const range = { reverse: true, limit: pageRows, ...(lt === undefined ? {} : { lt }) }
      const page = await state.list(tables.list, range)
      for (const { key, value } of page) {
        const found = await listed(key, value, closet).catch(err => {
          log.warn('a letter on the disk is damaged', { code: codeOf(err) })
          return undefined
        })
        if (found) yield found
      }
      if (page.length < pageRows) return
      lt = page.at(-1)!.key
    }
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
    async addLetter(notice, { row, frame }, closet, also) {
      const place = `${sortableTime(row.receivedMs)}-${row.key}`
      const { ok } = await state.write([
        {
          type: 'insert',
          table: tables.ids,
          key: `${row.id}-${row.fromFingerprint}`,
          value: utf8(place)
        },
        put(tables.list, place, closet.seal(`inbox ${place}`, encodeLetterRow(row))),
        put(tables.body, place, closet.seal(`text ${place}`, frame)),
        ...(await markedBy(row)),
        ...finished(notice, 'opened'),
        ...also
      ])
      if (!ok) await state.write([...finished(notice, 'opened'), ...also])
      return ok
    },
    async list({ limit, unread }, closet) {
      const found: Listed[] = []
      if (limit <= 0) return found
      for await (const letter of newestFirst(closet)) {
        if (!unread || !letter.read) found.push(letter)
        if (found.length >= limit) break
      }
      return found
    },
    async find(text, closet) {
      const beginning = text.toLowerCase()
      const unknown = (what: string) => new MuttrError('LETTER_UNKNOWN', what)
      if (beginning.length < beginningMin || !/^[0-9a-f-]+$/.test(beginning))
        throw unknown('give at least 4 characters of the id')
      const rows = await state.list(tables.ids, { gte: beginning, limit: 2 })
      const [match, other] = rows.filter(({ key }) => key.startsWith(beginning))
      if (!match) throw unknown(`no letter ${beginning}`)
      if (other) throw unknown(`more than one letter begins with ${beginning}`)
      const place = fromText(match.value)
      if (!/^[0-9a-f-]{1,200}$/.test(place))
        throw new MuttrError('HOME_DAMAGED', `where the letter ${match.key} lies is not readable`)
      const [sealed, text_] = await Promise.all([
        state.get(tables.list, place),
        state.get(tables.body, place)
      ])
      if (!sealed || !text_) throw new MuttrError('HOME_DAMAGED', `the letter ${place} is gone`)
      const frame = closet.open(`text ${place}`, text_)
      return { ...(await listed(place, sealed, closet)), frame, place }
    },
    async markRead(place) {
      await state.write([put(tables.read, place, new Uint8Array())])
    },
    async sweep(nowMs) {
      for (;;) {
        const over = await state.list(doneExpiry, { lt: sortableTime(nowMs), limit: sweepMax })
        const changes = over.flatMap(({ key }) => [
          drop(doneExpiry, key),
          drop(done, key.slice(key.indexOf('-') + 1))
        ])
        if (changes.length > 0) await state.write(changes)
        if (over.length < sweepMax) return
      }
    }
  }
}
