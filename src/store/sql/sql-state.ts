import { assertChange, assertKey, assertName } from '../names.ts'
import type { Row, State } from '../state.ts'
import { appendedBy } from '../state.ts'
import { Watchers } from '../watchers.ts'
import { prepareSchema } from './schema.ts'
import type { SqlDatabase, SqlQuery, SqlRow } from './sql.ts'
import { Writes } from './writes.ts'

const channel = 'muttr_logs'
/** PostgreSQL takes messages of less than 8,000 bytes. */
const messageBytesMax = 7_900
const pageRows = 500

interface Parts {
  /** Closed with the state. */
  database: SqlDatabase
  /** Of this process, unlike any other's. */
  self: string
}

/**
 * Tables and logs in a PostgreSQL that several processes share: a write of one is there for all when it resolves, and wakes who watches at the
 * others. Source: docs/protocol/store.md#on-postgresql
 * @throws {MuttrError} `STATE_UNREACHABLE`, `STATE_UNFIT`
 */
export async function createSqlState({ database, self }: Parts): Promise<State> {
  await using stack = new AsyncDisposableStack()
  stack.use(database)
  await prepareSchema(database)
  const watchers = new Watchers()
  const heard = (message: string | undefined) => {
    if (message === undefined) return watchers.wake()
    const [sender, ...logs] = JSON.parse(message) as string[]
    // Our own were woken when the write resolved.
    if (sender !== self) watchers.wake(logs)
  }
  stack.use(await database.listen(channel, heard))
  const announce = async (query: SqlQuery, logs: readonly string[]) => {
    for (const message of messages(self, logs))
      await query('SELECT pg_notify($1, $2)', [channel, message])
  }
  const writes = stack.use(new Writes({ database, announce }))
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
      const sql = 'SELECT tab, key, value FROM muttr.rows ORDER BY tab, key'
      for await (const page of database.pages(sql, pageRows))
        for (const row of page) yield { table: String(row.tab), ...rowOf(row) }
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

const rowOf = (row: SqlRow): Row => ({ key: String(row.key), value: bytesOf(row.value) })

/** Without Buffer's own methods and pool. */
const bytesOf = (value: unknown): Uint8Array => new Uint8Array(value as Buffer)
