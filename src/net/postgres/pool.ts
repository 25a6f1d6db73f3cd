import { setTimeout as pause } from 'node:timers/promises'
import type { Pool } from 'pg'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'

const connectMsMax: Millis = 10_000
const statementMsMax: Millis = 60_000
/** A line that was cut without a word is noticed within a minute, not after the two hours of the system. */
export const kept = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const

/**
 * @param url as `psql` takes it: `postgres://user@host/database?sslmode=verify-full`. What it leaves out comes from PGHOST, PGUSER, PGPASSWORD and the
 * like, the password also from ~/.pgpass.
 * @param max connections at once.
 */
export async function createPool(url: string, max: number): Promise<Pool> {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: connectMsMax,
    query_timeout: statementMsMax,
    application_name: 'muttr',
    ...kept,
    // What a lost connection left begun keeps nobody from its rows for long.
    idle_in_transaction_session_timeout: 30_000
  })
  // Of connections that nobody uses just now; the next query makes another.
  pool.on('error', ignore)
  // Of one in use, the statement under way says so.
  pool.on('connect', client => client.on('error', ignore))
  return pool
}

const ignore = (): void => undefined

/** For people: where it is, without user and password. @throws {MuttrError} `USAGE` */
export function nameOf(url: string): string {
  const [whole, host, path = ''] =
    /^postgres(?:ql)?:\/\/(?:[^/?#]*@)?([^/?#]*)(\/[^?#]*)?/.exec(url) ?? []
  if (whole === undefined)
    throw new MuttrError('USAGE', 'that is no address of a PostgreSQL', {
      hint: 'Write postgres://user@host/database.'
    })
  return `${host || 'this machine'}${path}`
}

/** The server or the way to it is gone, not: it refuses. https://www.postgresql.org/docs/current/errcodes-appendix.html */
export function isLoss(err: unknown): boolean {
  const { code = '', message } = err as NodeJS.ErrnoException
  return (
    /^(E[A-Z]+|08...|57P0[1-3]|53300)$/.test(code) ||
    /terminated|timeout|not queryable/i.test(message)
  )
}

interface Persistence {
  patienceMs: Millis
  /** Between the first two attempts; it doubles. */
  backoffMs: Millis
  backoffMsMax: Millis
  signal: AbortSignal
  /** Whether another attempt may help. */
  mayHelp(err: unknown): boolean
  failed(err: unknown): unknown
}

/** Does it again while another attempt may help. @throws what `failed` makes of the last error, {MuttrError} `CANCELLED` */
export async function persist<T>(work: () => Promise<T>, how: Persistence): Promise<T> {
  const { signal, backoffMsMax } = how
  const untilMs = performance.now() + how.patienceMs
  for (let backoffMs = how.backoffMs; ; backoffMs = Math.min(2 * backoffMs, backoffMsMax)) {
    try {
      return await work()
    } catch (err) {
      if (performance.now() >= untilMs || !how.mayHelp(err)) throw how.failed(err)
    }
    await pause(backoffMs, undefined, { signal }).catch(cause => {
      throw new MuttrError('CANCELLED', 'nobody waits for the database any more', { cause })
    })
  }
}

/** What the server or the way to it says. */
export const messageOf = (err: unknown): string =>
  (err as Error).message || String((err as { code?: string }).code)
