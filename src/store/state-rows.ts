import { concatBytes } from '../base/bytes.ts'
import { readU48, rowOf, u48, u48Max } from './row-bytes.ts'
import { rowAfter } from './rows.ts'

/** The rows of a State: their keys. Source: docs/protocol/store.md */
export const stateFormat = 'muttr state 1'

const nul = new Uint8Array(1)
const sequenceBytes = 6

export const tableRow = (table: string, key: string): Uint8Array =>
  rowOf('t', Buffer.from(table), nul, Buffer.from(key))
export const entryRow = (log: string, sequence: number): Uint8Array =>
  rowOf('l', Buffer.from(log), nul, u48(sequence))
/** Holds a log's first and last sequence. */
export const logRow = (log: string): Uint8Array => rowOf('c', Buffer.from(log))

export const keyOf = (row: Uint8Array, table: string): string =>
  Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('utf8', tableStart(table))
export const sequenceOf = (row: Uint8Array): number => readU48(row, row.byteLength - sequenceBytes)
export const logOf = (row: Uint8Array): string =>
  Buffer.from(row.subarray(1, row.byteLength - sequenceBytes - 1)).toString()

/** What a row of a state's database is. */
type Place =
  | { space: 'table'; table: string; key: string }
  | { space: 'log'; log: string }
  | { space: 'entry'; log: string; sequence: number }
  /** The one that says what the database is. */
  | { space: 'other' }

export function placeOf(row: Uint8Array): Place {
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength)
  const space = String.fromCharCode(bytes[0] ?? 0)
  if (space === 'c') return { space: 'log', log: bytes.toString('utf8', 1) }
  if (space === 'l') return { space: 'entry', log: logOf(row), sequence: sequenceOf(row) }
  const end = bytes.indexOf(0)
  if (space !== 't' || end < 1) return { space: 'other' }
  return {
    space: 'table',
    table: bytes.toString('utf8', 1, end),
    key: bytes.toString('utf8', end + 1)
  }
}

/** Rows of tables and logs. */
export const allRows = { gte: rowOf('a'), lt: rowOf('z') }

export interface Ends {
  first: number
  last: number
}
export const encodeEnds = ({ first, last }: Ends): Uint8Array => concatBytes(u48(first), u48(last))
export const decodeEnds = (value: Uint8Array): Ends => ({
  first: readU48(value, 0),
  last: readU48(value, sequenceBytes)
})

const tableStart = (table: string) => Buffer.byteLength(table) + 2

interface Bounds {
  gte?: string
  gt?: string
  lt?: string
}
export function tableRange(table: string, { gte = '', gt, lt }: Bounds) {
  const from = tableRow(table, gte)
  const past = gt === undefined ? from : rowAfter(tableRow(table, gt))
  const end = rowOf('t', Buffer.from(table), new Uint8Array([1]))
  return {
    gte: Buffer.compare(from, past) < 0 ? past : from,
    lt: lt === undefined ? end : tableRow(table, lt)
  }
}

export const entryRange = (log: string, after: number) => ({
  gte: entryRow(log, after + 1),
  lt: entryRow(log, u48Max)
})
