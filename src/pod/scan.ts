import type { Row, State } from '../store/state.ts'

/** All rows of a table, `pageRows` at a time; rows written meanwhile may or may not be among them. */
export async function* rowsOf(
  state: State,
  table: string,
  { pageRows = 200, ...range }: { gte?: string; lt?: string; pageRows?: number } = {}
): AsyncGenerator<Row> {
  let from: { gte?: string; gt?: string } = range.gte === undefined ? {} : { gte: range.gte }
  for (;;) {
    const lt = range.lt === undefined ? {} : { lt: range.lt }
    const rows = await state.list(table, { ...from, ...lt, limit: pageRows })
    yield* rows
    if (rows.length < pageRows) return
    from = { gt: rows.at(-1)!.key }
  }
}

/** How many rows a table has, or a part of it. */
export async function countOf(
  state: State,
  table: string,
  range: { gte?: string; lt?: string } = {}
): Promise<number> {
  let count = 0
  for await (const _ of rowsOf(state, table, { ...range, pageRows: 1_000 })) count += 1
  return count
}

/** Drops the rows whose keys stand before `lt`. @returns how many */
export async function dropBefore(state: State, table: string, lt: string): Promise<number> {
  for (let dropped = 0; ; ) {
    const rows = await state.list(table, { lt, limit: 500 })
    if (rows.length === 0) return dropped
    await state.write(rows.map(({ key }) => ({ type: 'delete', table, key })))
    dropped += rows.length
  }
}
