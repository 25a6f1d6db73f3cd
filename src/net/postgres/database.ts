import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import { createPool, isLoss, messageOf, nameOf, persist } from './pool.ts'

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

/**
 * @param url as {@link createPool} takes it.
 * @throws {MuttrError} `USAGE` when it is no such address, `QUEUE_FAILED` when nobody answers there.
 */
export async function openDatabase(url: string, signal: AbortSignal): Promise<Database> {
  const name = nameOf(url)
  const pool = await createPool(url, 4)
  const database: Database = {
    name,
    query: (sql, values) =>
      persist(async () => (await pool.query<Row>(sql, values && [...values])).rows, {
        ...{ patienceMs, backoffMs: 250, backoffMsMax, signal },
        mayHelp: isLoss,
        failed: err => failed(err, name)
      }),
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

const failed = (err: unknown, name: string): MuttrError =>
  new MuttrError('QUEUE_FAILED', `${name}: ${messageOf(err)}`, { cause: err })
