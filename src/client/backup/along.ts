import { codeOf } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import type { Closet } from '../closet.ts'
import { sentPastTable, sentTable } from '../sent-rows.ts'
import { goesAlong, sentRows } from './tables.ts'

interface AlongParts {
  state: State
  closet: Closet
  log: Log
  history: boolean
}

type Rows = ReturnType<State['rows']>

/** The rows that a new device of the person is given. Sent letters that are on their way are there to be seen, and nothing else. */
export async function* rowsAlong({ state, closet, log, history }: AlongParts): Rows {
  const sent = sentTable(state, log)
  const past = sentPastTable(state, log)
  for await (const row of state.rows()) {
    if (goesAlong(row, history)) yield row
    if (row.table !== sentRows || !history) continue
    try {
      const { table, key, value } = past.put(row.key, sent.read(row.value), closet)
      yield { table, key, value }
    } catch (err) {
      log.warn('a sent letter does not go along', { code: codeOf(err) })
    }
  }
}
