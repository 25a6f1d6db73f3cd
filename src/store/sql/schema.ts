import { MuttrError } from '../../base/errors.ts'
import type { SqlDatabase, SqlQuery } from './sql.ts'

/** Names are compared byte by byte in UTF-8, as a State lists them: that is collation C in a UTF-8 database. */
const tables = `
  CREATE TABLE muttr.about (one bool PRIMARY KEY CHECK (one), format text NOT NULL);
  CREATE TABLE muttr.rows (
    tab text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, value bytea NOT NULL, PRIMARY KEY (tab, key)
  );
  CREATE TABLE muttr.logs (log text COLLATE "C" PRIMARY KEY, last bigint NOT NULL);
  CREATE TABLE muttr.entries (
    log text COLLATE "C" NOT NULL, sequence bigint NOT NULL, entry bytea NOT NULL, PRIMARY KEY (log, sequence)
  );`

/**
 * Makes the tables where there are none. Of several processes that begin at once one makes them.
 * @param format what it says that it is, or is to say.
 * @throws {MuttrError} `STATE_UNFIT` for a database that would not keep what it is given, or is something else.
 */
export async function prepareSchema(database: SqlDatabase, format: string): Promise<void> {
  const settings = `SELECT current_setting('server_encoding') AS encoding, current_setting('synchronous_commit') AS commit,
    current_setting('server_version_num')::int AS version`
  const [said] = await database.read(settings)
  const { name } = database
  const unfit = (message: string, hint: string) =>
    new MuttrError('STATE_UNFIT', `${name}: ${message}`, { hint })
  if (said?.encoding !== 'UTF8')
    throw unfit(`its encoding is ${said?.encoding}`, 'Make a database with ENCODING UTF8.')
  if (said.commit === 'off')
    throw unfit(
      'synchronous_commit is off: what is acknowledged could be lost',
      'ALTER DATABASE … SET synchronous_commit = on'
    )
  if (Number(said.version) < 130_000)
    throw unfit('the server is older than PostgreSQL 13', 'Use a newer PostgreSQL.')
  await database.change(async query => {
    await query("SELECT pg_advisory_xact_lock(hashtext('muttr schema'))")
    if ((await formatOf(query)) !== undefined) return undefined
    await query('CREATE SCHEMA IF NOT EXISTS muttr')
    await query(tables)
    await query('INSERT INTO muttr.about VALUES (true, $1)', [format])
    return true
  })
  const found = await formatOf(database.read)
  if (found !== format)
    throw unfit(
      `it holds "${found}", not "${format}"`,
      'Another version of muttr uses it; use that version, or another database.'
    )
}

/** Within a transaction, until it is over: whoever passed {@link fence} has ended, and whoever comes to it waits. */
export async function closeAll(query: SqlQuery): Promise<void> {
  // The first of them is the one that a fence names: the others are never waited for by one who holds it.
  await query('LOCK TABLE muttr.rows, muttr.logs, muttr.entries IN ACCESS EXCLUSIVE MODE')
}

/**
 * Within a transaction: nobody has moved the state away, and nobody begins to before it is over. To name the table of rows takes its lock, before the format
 * is read: so this waits for {@link closeAll}, which waits for this.
 * @param channel whose lock who moves it holds alone. @throws {MuttrError} `STATE_UNFIT`, `STATE_UNREACHABLE`
 */
export async function fence(query: SqlQuery, channel: string, format: string): Promise<void> {
  const [about] = await query(
    `SELECT format, pg_try_advisory_xact_lock_shared(hashtext($1)) AS got, (SELECT true FROM muttr.rows LIMIT 0)
      FROM muttr.about`,
    [channel]
  )
  if (about?.format !== format)
    throw new MuttrError('STATE_UNFIT', `the database holds "${about?.format}", not "${format}"`)
  if (about.got !== true)
    throw new MuttrError('STATE_UNREACHABLE', 'the state of the pod is being moved')
}

/** Stands behind the format of what was moved. */
export const movedAway = ', moved away'

/** From now on nobody opens it: its rows were moved, and those that stay are not kept up. */
export async function retireSchema(database: SqlDatabase): Promise<void> {
  await database.change(async query => {
    await query('UPDATE muttr.about SET format = format || $1', [movedAway])
    return true
  })
}

/** @returns what a database says that it is; undefined where there is nothing of ours. */
export async function formatOf(query: SqlQuery): Promise<string | undefined> {
  const [there] = await query("SELECT to_regclass('muttr.about') IS NOT NULL AS yes")
  if (there?.yes !== true) return undefined
  const [about] = await query('SELECT format FROM muttr.about')
  return String(about?.format)
}
