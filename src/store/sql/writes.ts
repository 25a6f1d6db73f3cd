import { MuttrError } from '../../base/errors.ts'
import type { Change, Content } from '../state.ts'
import type { Decided, Numbered, RowName } from './decide.ts'
import { appendsOf, askedBy, decide, numbered } from './decide.ts'
import type { SqlDatabase, SqlQuery } from './sql.ts'

export interface Outcome {
  ok: boolean
  sequences: number[]
}

interface Task {
  changes: readonly Change[]
  resolve(outcome: Outcome): void
  reject(err: unknown): void
}

/** A group is closed when it holds this much; its writes wait for one transaction together. */
const groupBytesMax = 1024 * 1024
const attemptsMax = 8

interface Parts {
  database: SqlDatabase
  /** Refuses within the transaction when the state is not ours any more. @throws {MuttrError} `STATE_UNFIT`, `STATE_UNREACHABLE` */
  fence(query: SqlQuery): Promise<void>
  /** Says within the transaction which logs have entries that others wait for. */
  announce(query: SqlQuery, logs: readonly string[]): Promise<void>
}

/**
 * Writes one after the other, in groups: one transaction for all that came while the last one was under way. Two processes write at once; what both
 * insert one of them finds there.
 */
export class Writes implements AsyncDisposable {
  readonly #parts: Parts
  #tasks: Task[] = []
  #running: Promise<void> | undefined
  #closed = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  run(changes: readonly Change[]): Promise<Outcome> {
    if (this.#closed) return Promise.reject(new MuttrError('CANCELLED', 'the store is closed'))
    return new Promise((resolve, reject) => {
      this.#tasks.push({ changes, resolve, reject })
      this.#running ??= this.#runAll()
    })
  }

  async #runAll(): Promise<void> {
    await null // so that all writes of this tick share a group
    while (this.#tasks.length > 0) {
      const group = this.#take()
      try {
        const outcomes = await this.#write(group.map(({ changes }) => changes))
        for (const [i, { resolve }] of group.entries()) resolve(outcomes[i]!)
      } catch (err) {
        for (const { reject } of group) reject(err)
      }
    }
    this.#running = undefined
  }

  #take(): Task[] {
    let bytes = 0
    const end = this.#tasks.findIndex(({ changes }) => {
      bytes += sizeOf(changes)
      return bytes > groupBytesMax
    })
    return this.#tasks.splice(0, end < 0 ? this.#tasks.length : Math.max(1, end))
  }

  async #write(writes: readonly (readonly Change[])[]): Promise<Outcome[]> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const outcomes = await this.#parts.database.change(query => this.#attempt(query, writes))
      if (outcomes) return outcomes
    }
    throw new MuttrError('STATE_UNREACHABLE', 'others write the same rows all the time')
  }

  /** @returns undefined when another process inserted one of the rows after it was looked for; nothing is written then. */
  async #attempt(
    query: SqlQuery,
    writes: readonly (readonly Change[])[]
  ): Promise<Outcome[] | undefined> {
    await this.#parts.fence(query)
    const decided = decide(writes, await present(query, askedBy(writes)))
    if (!(await insert(query, decided))) return undefined
    await putRows(query, decided)
    const appended = appendsOf(decided.logs)
    const given = numbered(decided, writes.length, await advance(query, appended))
    await putEntries(query, given)
    if (appended.size > 0) await this.#parts.announce(query, [...appended.keys()])
    return decided.ok.map((ok, i) => ({ ok, sequences: given.sequences[i]! }))
  }

  /** Finishes what was asked for before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await this.#running
  }
}

function sizeOf(changes: readonly Change[]): number {
  let bytes = 0
  for (const change of changes)
    bytes +=
      100 +
      ('value' in change ? change.value.byteLength : 0) +
      ('entry' in change ? change.entry.byteLength : 0)
  return bytes
}

const named = (rows: readonly RowName[]) => [rows.map(r => r.table), rows.map(r => r.key)] as const

async function present(query: SqlQuery, rows: readonly RowName[]): Promise<RowName[]> {
  if (rows.length === 0) return []
  const found = await query(
    'SELECT tab, key FROM muttr.rows JOIN unnest($1::text[], $2::text[]) AS asked (tab, key) USING (tab, key)',
    named(rows)
  )
  return found.map(({ tab, key }) => ({ table: String(tab), key: String(key) }))
}

/** @returns false when one of them is there by now. */
async function insert(query: SqlQuery, { rows }: Decided): Promise<boolean> {
  const fresh = rows.filter(({ isNew }) => isNew)
  if (fresh.length === 0) return true
  const values = fresh.map(({ value }) => value ?? new Uint8Array())
  const done = await query(
    `INSERT INTO muttr.rows SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
     ON CONFLICT DO NOTHING RETURNING true`,
    [...named(fresh), values]
  )
  return done.length === fresh.length
}

async function putRows(query: SqlQuery, { rows }: Pick<Decided, 'rows'>): Promise<void> {
  const puts = rows.filter(({ value, isNew }) => value !== null && !isNew)
  if (puts.length > 0)
    await query(
      `INSERT INTO muttr.rows SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
       ON CONFLICT (tab, key) DO UPDATE SET value = excluded.value`,
      [...named(puts), puts.map(({ value }) => value)]
    )
  const gone = rows.filter(({ value }) => value === null)
  if (gone.length > 0)
    await query(
      `DELETE FROM muttr.rows r USING unnest($1::text[], $2::text[]) AS gone (tab, key)
       WHERE r.tab = gone.tab AND r.key = gone.key`,
      named(gone)
    )
}

/** Takes the next numbers of logs, and keeps others from them until the end of the transaction. @returns each one's last. */
async function advance(
  query: SqlQuery,
  counts: ReadonlyMap<string, number>
): Promise<Map<string, number>> {
  if (counts.size === 0) return new Map()
  const logs = [...counts.keys()].sort()
  const rows = await query(
    `INSERT INTO muttr.logs AS l SELECT * FROM unnest($1::text[], $2::bigint[])
     ON CONFLICT (log) DO UPDATE SET last = l.last + excluded.last RETURNING log, last`,
    [logs, logs.map(log => counts.get(log))]
  )
  return new Map(rows.map(({ log, last }) => [String(log), Number(last)]))
}

async function putEntries(
  query: SqlQuery,
  { entries, trims }: Omit<Numbered, 'sequences'>
): Promise<void> {
  if (trims.size > 0)
    await query(
      `DELETE FROM muttr.entries e USING unnest($1::text[], $2::bigint[]) AS trim (log, through)
       WHERE e.log = trim.log AND e.sequence <= trim.through`,
      [[...trims.keys()], [...trims.values()]]
    )
  if (entries.length > 0)
    await query(
      'INSERT INTO muttr.entries SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])',
      [
        entries.map(({ log }) => log),
        entries.map(({ sequence }) => sequence),
        entries.map(({ entry }) => entry)
      ]
    )
}

/** Of another state, into an empty one: entries keep their numbers. */
export async function putContents(query: SqlQuery, contents: readonly Content[]): Promise<void> {
  const rows = contents.filter(content => 'table' in content)
  await putRows(query, { rows: rows.map(row => ({ ...row, isNew: false })) })
  const logs = contents.filter(content => 'last' in content)
  await query('INSERT INTO muttr.logs SELECT * FROM unnest($1::text[], $2::bigint[])', [
    logs.map(({ log }) => log),
    logs.map(({ last }) => last)
  ])
  const entries = contents.filter(content => 'entry' in content)
  await putEntries(query, { entries, trims: new Map() })
}
