import { MuttrError } from '../../base/errors.ts'
import type { StateSum } from '../copy-state.ts'
import { sumOf } from '../copy-state.ts'
import type { Content } from '../state.ts'
import { closeAll, formatOf } from './schema.ts'
import type { SqlDatabase, SqlQuery, SqlRow } from './sql.ts'
import { allEntries, allLogs, allRows, contentOf } from './sql-state.ts'
import { putContents } from './writes.ts'

const pageRows = 500

interface Rewriting {
  /** What the database says that it is, and says then. */
  from: string
  to: string
  /** What is there, as the caller read it. */
  was: StateSum
  /** What is to be there then; what is there is dropped. */
  contents(): AsyncIterable<Content>
  wanted: StateSum
  signal: AbortSignal
}

/**
 * Puts other contents in the place of all there is, in one transaction: all of it, checked, or nothing. Who serves the state is kept out by the caller, by a
 * lock that can be lost with its connection: then nothing that was acknowledged meanwhile is dropped, and nobody writes behind it.
 * @throws {MuttrError} `STATE_UNFIT`, `STATE_OLD` when somebody has written since the caller read, `HOME_DAMAGED` when what arrived is something else, `CANCELLED`
 */
export async function rewrite(database: SqlDatabase, o: Rewriting): Promise<void> {
  await database.change(async query => {
    await closeAll(query)
    const found = await formatOf(query)
    if (found !== o.from)
      throw new MuttrError('STATE_UNFIT', `${database.name} holds "${found}", not "${o.from}"`)
    const { digest: there } = await sumOf(inside(query), o.signal)
    if (there !== o.was.digest)
      throw new MuttrError('STATE_OLD', `${database.name} was written to by another process`)
    await query('TRUNCATE muttr.rows, muttr.logs, muttr.entries')
    let page: Content[] = []
    for await (const content of o.contents()) {
      if (o.signal.aborted) throw new MuttrError('CANCELLED', 'nothing was changed')
      if (page.push(content) < pageRows) continue
      await putContents(query, page)
      page = []
    }
    await putContents(query, page)
    const { digest } = await sumOf(inside(query), o.signal)
    if (digest !== o.wanted.digest)
      throw new MuttrError('HOME_DAMAGED', 'what arrived is not what was sent; nothing was changed')
    await query('UPDATE muttr.about SET format = $1', [o.to])
    return true
  })
}

/** All there is, as this transaction sees it. */
async function* inside(query: SqlQuery): AsyncGenerator<Content> {
  for (const sql of [allRows, allLogs, allEntries]) {
    await query(`DECLARE inside CURSOR FOR ${sql}`)
    for (;;) {
      const page: SqlRow[] = await query(`FETCH ${pageRows} FROM inside`)
      if (page.length === 0) break
      yield* page.map(contentOf)
    }
    await query('CLOSE inside')
  }
}
