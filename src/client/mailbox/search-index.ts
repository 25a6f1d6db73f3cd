import type { DatabaseSync } from 'node:sqlite'
import type { Millis } from '../../base/ports.ts'

/** What is found of a letter. */
export interface SearchText {
  readonly atMs: Millis
  readonly subject: string
  readonly who: string
  readonly body: string
}

/**
 * The words of letters, in memory alone: SQLite's FTS5 as it comes with Node, without content, so that it holds which words stand in
 * which letter and not the letters. Nothing of it is ever written to a disk. Source: docs/decisions/050-mailbox.md
 */
export interface SearchIndex extends Disposable {
  has(key: string): boolean
  /** @returns false when it is full. */
  add(key: string, text: SearchText): boolean
  remove(key: string): void
  /** The keys of letters that have words which begin so, all of them, newest first. */
  find(words: readonly string[], limit: number): string[]
}

/** Of 4 KiB: 256 MiB, for some 500,000 letters of 150 words. */
const pagesMax = 65_536
/** Letters of one millisecond that are told apart. */
const sameTimeMax = 2_048

/** @param pages how large it may grow. */
export async function openSearchIndex(pages = pagesMax): Promise<SearchIndex> {
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(':memory:')
  db.exec(`
    pragma page_size = 4096;
    pragma temp_store = memory;
    pragma max_page_count = ${pages};
    create table places (row integer primary key, key text unique);
    create virtual table words using fts5(subject, who, body, content = '', contentless_delete = 1,
      detail = column, tokenize = 'ascii');`)
  return new Index(db)
}

class Index implements SearchIndex {
  readonly #db: DatabaseSync
  readonly #rowOf
  readonly #taken
  readonly #place
  readonly #words
  readonly #find
  #full = false

  constructor(db: DatabaseSync) {
    this.#db = db
    this.#rowOf = db.prepare('select row from places where key = ?')
    this.#taken = db.prepare('select max(row) as last from places where row >= ? and row < ?')
    this.#place = db.prepare('insert into places (row, key) values (?, ?)')
    this.#words = db.prepare('insert into words (rowid, subject, who, body) values (?, ?, ?, ?)')
    this.#find = db.prepare(
      `select key from words join places on places.row = words.rowid
       where words match ? order by words.rowid desc limit ?`
    )
  }

  has(key: string): boolean {
    return this.#rowOf.get(key) !== undefined
  }

  add(key: string, { atMs, subject, who, body }: SearchText): boolean {
    if (this.#full) return false
    if (this.has(key)) return true
    const row = this.#freeRow(Math.max(0, Math.round(atMs)))
    try {
      this.#db.exec('begin')
      this.#place.run(row, key)
      this.#words.run(row, cut(subject), cut(who), cut(body))
      this.#db.exec('commit')
      return true
    } catch (err) {
      if (!/full/.test(`${err}`)) throw err
      this.#full = true
      if (this.#db.isTransaction) this.#db.exec('rollback')
      return false
    }
  }

  /** Rows are in the order of time; a crowd of one moment goes on in the next. */
  #freeRow(atMs: Millis): number {
    for (let first = atMs * sameTimeMax; ; first += sameTimeMax) {
      const last = this.#taken.get(first, first + sameTimeMax)?.last
      const row = typeof last === 'number' ? last + 1 : first
      if (row < first + sameTimeMax) return row
    }
  }

  remove(key: string): void {
    const row = this.#rowOf.get(key)?.row
    if (typeof row !== 'number') return
    this.#db.prepare('delete from words where rowid = ?').run(row)
    this.#db.prepare('delete from places where row = ?').run(row)
  }

  find(asked: readonly string[], limit: number): string[] {
    if (asked.length === 0) return []
    const all = asked.map(word => `"${word}"*`).join(' AND ')
    return this.#find.all(all, limit).map(row => String(row.key))
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }
}

/** Scripts that put no spaces between words: each character is one. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/gu

const wordsMax = 16
const wordCharsMax = 64

/** Letters and digits without case and accents: cut here, for SQLite knows fewer of them, and then alike in letters and questions. */
function words(text: string): string[] {
  const folded = text.toWellFormed().normalize('NFKD').toLowerCase()
  const plain = folded.replace(/[\u0300-\u036f]/g, '').replace(unspaced, ' $& ')
  return plain.match(/[\p{L}\p{N}\p{M}\p{Co}]+/gu) ?? []
}
const cut = (text: string): string => words(text).join(' ')

/** What is asked for, as the index has it. */
export const wordsOf = (text: string): string[] =>
  words(text.slice(0, wordsMax * wordCharsMax))
    .slice(0, wordsMax)
    .map(word =>
      word
        .slice(0, wordCharsMax)
        .toWellFormed()
        .replace(/\uFFFD$/, '')
    )
    .filter(word => word !== '')
