import { setTimeout as pause } from 'node:timers/promises'
import type { Pool } from 'pg'
import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'

type Row = Record<string, unknown>

/** A PostgreSQL of somebody's own. Every statement stands for itself, and may be sent again when the connection was lost. */
export interface Database extends AsyncDisposable {
  /** For people: without the password. */
  readonly name: string
  /**
   * @param values for `$1`, `$2` and so on; without any, several statements at once are one transaction.
   * @throws {MuttrError} `QUEUE_FAILED`; `CANCELLED`
   */
  query(sql: string, values?: readonly unknown[]): Promise<Row[]>
}

/** A server that restarts, or a line that was down, costs nobody an hour of computing. */
const patienceMs: Millis = 5 * 60_000
const backoffMsMax: Millis = 10_000
const connectMsMax: Millis = 10_000
const statementMsMax: Millis = 60_000

/**
 * @param url as `psql` takes it: `postgres://user@host/database?sslmode=verify-full`. What it leaves out comes from PGHOST, PGUSER, PGPASSWORD and the
 * like, the password also from ~/.pgpass.
 * @throws {MuttrError} `USAGE` when it is no such address, `QUEUE_FAILED` when nobody answers there.
 */
export async function openDatabase(url: string, signal: AbortSignal): Promise<Database> {
  const name = nameOf(url)
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({
    connectionString: url,
    max: 4,
    connectionTimeoutMillis: connectMsMax,
    query_timeout: statementMsMax,
    application_name: 'muttr'
  })
  // Of connections that nobody uses just now; the next query makes another.
  pool.on('error', () => {})
  const database: Database = {
    name,
    query: (sql, values) => persist(pool, { sql, values, name, signal }),
    [Symbol.asyncDispose]: () => pool.end()
  }
  try {
    await pool.query('SELECT 1')
  } catch (err) {
    await pool.end()
    throw failed(err, name)
  }
  return database
}

function nameOf(url: string): string {
  const [whole, host, path = ''] =
    /^postgres(?:ql)?:\/\/(?:[^@/]*@)?([^/?]*)(\/[^?]*)?/.exec(url) ?? []
  if (whole === undefined)
    throw new MuttrError('USAGE', 'that is no address of a PostgreSQL', {
      hint: 'Write postgres://user@host/database.'
    })
  return `${host || 'this machine'}${path}`
}

interface Statement {
  sql: string
  values: readonly unknown[] | undefined
  name: string
  signal: AbortSignal
}

async function persist(pool: Pool, { sql, values, name, signal }: Statement): Promise<Row[]> {
  let waitedMs = 0
  for (let backoffMs = 250; ; backoffMs = Math.min(2 * backoffMs, backoffMsMax)) {
    try {
      return (await pool.query<Row>(sql, values && [...values])).rows
    } catch (err) {
      if (!isLoss(err) || waitedMs >= patienceMs) throw failed(err, name)
    }
    await pause(backoffMs, undefined, { signal })
    waitedMs += backoffMs
  }
}

/** The server or the way to it is gone, not: it refuses. https://www.postgresql.org/docs/current/errcodes-appendix.html */
function isLoss(err: unknown): boolean {
  const { code = '', message } = err as NodeJS.ErrnoException
  return /^(E[A-Z]+|08...|57P0[1-3]|53300)$/.test(code) || /terminated|timeout/i.test(message)
}

const failed = (err: unknown, name: string): MuttrError =>
  new MuttrError(
    'QUEUE_FAILED',
    `${name}: ${(err as Error).message || (err as { code?: string }).code}`,
    {
      cause: err
    }
  )
