import { setTimeout as pause } from 'node:timers/promises'
import type { ClientBase, Pool, PoolClient } from 'pg'
import type { ErrorCode } from '../../base/errors.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { SqlDatabase, SqlQuery, SqlRow } from '../../store/sql/sql.ts'
import { Ear, listens } from './ear.ts'
import { createPool, isLoss, messageOf, nameOf, persist } from './pool.ts'

/** Beside the one that writes and the one that listens, these read. */
const connectionsMax = 8
/** A server that restarts is back within seconds; who waits longer is told. */
const patienceMs: Millis = 10_000
const backoffMsMax: Millis = 1_000
/** So long a transaction may be under way whose connection is lost: the server ends what stands still for half of it. */
const doubtMs: Millis = 60_000

/**
 * A PostgreSQL that several processes keep one State in. Connect to the server itself: a pooler that hands connections around between transactions loses
 * what is listened to.
 * @param url as {@link createPool} takes it.
 * @throws {MuttrError} `USAGE` when it is no such address, `STATE_UNREACHABLE`
 */
export async function openShared(url: string): Promise<SqlDatabase> {
  const name = nameOf(url)
  const pool = await createPool(url, connectionsMax)
  const stop = new AbortController()
  const own = { pool, name, signal: stop.signal }
  const ears = new Set<Ear>()
  const close = async () => {
    stop.abort()
    await Promise.all([...ears].map(ear => ear[Symbol.asyncDispose]()))
    await pool.end()
  }
  const read: SqlQuery = (sql, values) => again(own, async () => rowsOf(pool, sql, values))
  try {
    await read('SELECT 1')
  } catch (err) {
    await close()
    throw err
  }
  return {
    name,
    read,
    change: work => again(own, () => change(own, work)),
    pages: (statements, pageRows) => pages(own, statements, pageRows),
    async join(o) {
      const ear = await Ear.open({ ...o, url, name, backoffMsMax })
      ears.add(ear)
      return ear
    },
    async listeners() {
      const sql = `SELECT application_name AS name FROM pg_stat_activity WHERE datname = current_database() AND starts_with(application_name, $1)`
      const found = await read(sql, [listens])
      return found.map(({ name }) => String(name).slice(listens.length + 2) || undefined)
    },
    [Symbol.asyncDispose]: close
  }
}

interface Own {
  pool: Pool
  name: string
  signal: AbortSignal
}

async function rowsOf(
  on: Pool | ClientBase,
  sql: string,
  values?: readonly unknown[]
): Promise<SqlRow[]> {
  return (await on.query<SqlRow>(sql, values && [...values])).rows
}

/** Does it again while the way there is lost, or when it met another transaction. */
const again = <T>({ name, signal }: Own, work: () => Promise<T>): Promise<T> =>
  persist(work, {
    ...{ patienceMs, backoffMs: 50, backoffMsMax, signal },
    mayHelp: err => !(err instanceof MuttrError) && (isLoss(err) || met(err)),
    failed: err => (err instanceof MuttrError ? err : failed(err, name))
  })

/** Two transactions stood in each other's way, and this one gave way: serialization_failure, deadlock_detected. */
const met = (err: unknown): boolean => /^40(001|P01)$/.test((err as { code?: string }).code ?? '')

async function change<T>(
  own: Own,
  work: (query: SqlQuery) => Promise<T | undefined>
): Promise<T | undefined> {
  const client = await own.pool.connect()
  let broken = true
  try {
    await client.query('BEGIN')
    const [id] = await rowsOf(client, 'SELECT pg_current_xact_id()::text AS id')
    const result = await work((sql, values) => rowsOf(client, sql, values)).catch(async err => {
      broken = await client.query('ROLLBACK').then(
        () => false,
        () => true
      )
      throw err
    })
    await end(own, client, String(id!.id), result === undefined ? 'ROLLBACK' : 'COMMIT')
    broken = false
    return result
  } finally {
    client.release(broken)
  }
}

/** A commit whose answer was lost may have come about: then only the server knows. */
async function end(own: Own, client: PoolClient, id: string, how: 'COMMIT' | 'ROLLBACK') {
  try {
    await client.query(how)
  } catch (err) {
    if (how === 'ROLLBACK' || !isLoss(err)) throw err
    if (!(await came(own, id))) throw err
  }
}

/** @returns whether a transaction was committed. */
async function came(own: Own, id: string): Promise<boolean> {
  const { pool, name } = own
  const sql = 'SELECT pg_xact_status($1::xid8) AS status'
  const untilMs = performance.now() + doubtMs
  for (let backoffMs = 20; ; backoffMs = Math.min(2 * backoffMs, backoffMsMax)) {
    const [row] = await again(own, () => rowsOf(pool, sql, [id]))
    if (row?.status === 'committed') return true
    if (row?.status === 'aborted') return false
    const isOver = performance.now() >= untilMs || own.signal.aborted
    if (row?.status !== 'in progress' || isOver)
      throw new MuttrError('STATE_UNREACHABLE', `${name}: nobody knows whether a write was kept`)
    await pause(backoffMs, undefined, { signal: own.signal }).catch(() => undefined)
  }
}

async function* pages(
  { pool, name }: Own,
  statements: readonly string[],
  pageRows: number
): AsyncGenerator<SqlRow[]> {
  const client = await pool.connect().catch(err => {
    throw failed(err, name)
  })
  let broken = true
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    for (const sql of statements) {
      await client.query(`DECLARE page CURSOR FOR ${sql}`)
      for (;;) {
        const rows = await rowsOf(client, `FETCH ${pageRows} FROM page`)
        if (rows.length === 0) break
        yield rows
      }
      await client.query('CLOSE page')
    }
    await client.query('ROLLBACK')
    broken = false
  } catch (err) {
    throw err instanceof MuttrError ? err : failed(err, name)
  } finally {
    // Who reads no further leaves it open: a connection that is closed ends it.
    client.release(broken)
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const codes: Readonly<Record<string, ErrorCode>> = {
  '25006': 'STATE_READ_ONLY',
  '53100': 'DISK_FULL',
  XX001: 'HOME_DAMAGED',
  XX002: 'HOME_DAMAGED'
}

function failed(err: unknown, name: string): MuttrError {
  const { code = '' } = err as { code?: string }
  return new MuttrError(codes[code] ?? 'STATE_UNREACHABLE', `${name}: ${messageOf(err)}`, {
    cause: err
  })
}
