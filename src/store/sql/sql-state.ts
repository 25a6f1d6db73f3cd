import { MuttrError } from '../../base/errors.ts'
import { assertChange, assertKey, assertName } from '../names.ts'
import type { Content, Row, WholeState } from '../state.ts'
import { appendedBy } from '../state.ts'
import { stateFormat } from '../state-rows.ts'
import { Watchers } from '../watchers.ts'
import { fence, prepareSchema } from './schema.ts'
import type { SqlDatabase, SqlQuery, SqlRow } from './sql.ts'
import { putContents, Writes } from './writes.ts'

/** Whose lock who serves a state holds with others, and who moves or upgrades it alone. */
const channel = 'muttr_logs'
/** PostgreSQL takes messages of less than 8,000 bytes. */
const messageBytesMax = 7_900
const pageRows = 500

interface Parts {
  /** Closed with the state. */
  database: SqlDatabase
  /** Of this process, unlike any other's. */
  self: string
  /** Refused unless nobody else is there, who is refused in turn. */
  alone?: boolean
  /** What the database says that it is. */
  format?: string
  /** What others see of this process; the format unless told. */
  says?: string
}

/**
 * Tables and logs in a PostgreSQL that several processes share: a write of one is there for all when it resolves, and wakes who watches at the
 * others. Source: docs/protocol/store.md#on-postgresql
 * @throws {MuttrError} `STATE_UNREACHABLE`, `STATE_UNFIT`, `HOME_IN_USE`
 */
export async function createSqlState({
  database,
  self,
  alone = false,
  format = stateFormat,
  says = format
}: Parts): Promise<WholeState> {
  await using stack = new AsyncDisposableStack()
  stack.use(database)
  const watchers = new Watchers()
  const heard = (message: string | undefined) => {
    if (message === undefined) return watchers.wake()
    const [sender, ...logs] = JSON.parse(message) as string[]
    // Our own were woken when the write resolved.
    if (sender !== self) watchers.wake(logs)
  }
  stack.use(await database.join({ channel, heard, alone, says }))
  // Who was let in looks what it is: it may have been moved just before.
  await prepareSchema(database, format)
  const announce = async (query: SqlQuery, logs: readonly string[]) => {
    for (const message of messages(self, logs))
      await query('SELECT pg_notify($1, $2)', [channel, message])
  }
  const fenced = (query: SqlQuery) => (alone ? Promise.resolve() : fence(query, channel, format))
  const writes = stack.use(new Writes({ database, fence: fenced, announce }))
  const all = stack.move()

  return {
    async get(table, key) {
      assertName(table)
      assertKey(key)
      const sql = 'SELECT value FROM muttr.rows WHERE tab = $1 AND key = $2'
      const [row] = await database.read(sql, [table, key])
      return row && bytesOf(row.value)
    },

    async list(table, { gte, gt, lt, limit, reverse } = {}) {
      assertName(table)
      const sql = `SELECT key, value FROM muttr.rows WHERE tab = $1 AND ($2::text IS NULL OR key >= $2)
        AND ($3::text IS NULL OR key > $3) AND ($4::text IS NULL OR key < $4) ORDER BY key ${reverse ? 'DESC' : ''} LIMIT $5`
      return (await database.read(sql, [table, gte, gt, lt, limit])).map(rowOf)
    },

    async write(changes) {
      for (const change of changes) assertChange(change)
      const outcome = await writes.run(changes)
      if (outcome.ok) watchers.wake(appendedBy(changes))
      return outcome
    },

    async page(log, after, limit) {
      assertName(log)
      const sql =
        'SELECT sequence, entry FROM muttr.entries WHERE log = $1 AND sequence > $2 ORDER BY sequence LIMIT $3'
      const rows = await database.read(sql, [log, after, limit])
      return rows.map(r => ({ sequence: Number(r.sequence), entry: bytesOf(r.entry) }))
    },

    async *rows() {
      for await (const page of database.pages([allRows], pageRows)) yield* page.map(tableRowOf)
    },

    async *contents() {
      for await (const page of database.pages([allRows, allLogs, allEntries], pageRows))
        yield* page.map(contentOf)
    },

    async fill(contents) {
      let begun = false
      const isEmpty = await database.change(async query => {
        // What is read comes once, so it cannot be done again.
        if (begun) throw new MuttrError('STATE_UNREACHABLE', `${database.name} went on the way`)
        begun = true
        return await fill(query, contents)
      })
      if (!isEmpty)
        throw new MuttrError('HOME_EXISTS', `the database at ${database.name} is not empty`)
    },

    watch: (log, call) => watchers.add(log, call),
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

/** JSON arrays of who says it and as many names as fit. */
function messages(self: string, logs: readonly string[]): string[] {
  const all: string[] = []
  let names: string[] = []
  for (const log of logs) {
    const longer = [...names, log]
    if (Buffer.byteLength(JSON.stringify([self, ...longer])) > messageBytesMax) {
      all.push(JSON.stringify([self, ...names]))
      names = [log]
    } else names = longer
  }
  return [...all, JSON.stringify([self, ...names])]
}

/** @returns undefined when it is not empty. */
async function fill(query: SqlQuery, contents: AsyncIterable<Content>): Promise<true | undefined> {
  const [found] = await query(
    'SELECT EXISTS (SELECT FROM muttr.rows) OR EXISTS (SELECT FROM muttr.logs) AS yes'
  )
  if (found?.yes !== false) return undefined
  let page: Content[] = []
  const flush = async () => {
    await putContents(query, page)
    page = []
  }
  for await (const content of contents) if (page.push(content) === pageRows) await flush()
  await flush()
  return true
}

export const allRows = 'SELECT tab, key, value FROM muttr.rows ORDER BY tab, key'
export const allLogs = 'SELECT log, last FROM muttr.logs ORDER BY log'
export const allEntries = 'SELECT log, sequence, entry FROM muttr.entries ORDER BY log, sequence'

const tableRowOf = (row: SqlRow) => ({ table: String(row.tab), ...rowOf(row) })

export function contentOf(row: SqlRow): Content {
  if ('tab' in row) return tableRowOf(row)
  const log = String(row.log)
  if ('last' in row) return { log, last: Number(row.last) }
  return { log, sequence: Number(row.sequence), entry: bytesOf(row.entry) }
}

const rowOf = (row: SqlRow): Row => ({ key: String(row.key), value: bytesOf(row.value) })

/** Without Buffer's own methods and pool. */
const bytesOf = (value: unknown): Uint8Array => new Uint8Array(value as Buffer)
