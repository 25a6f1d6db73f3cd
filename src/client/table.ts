import { codeOf, MuttrError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import type { Change, Put, State } from '../store/state.ts'
import type { Field } from '../wire/cbor.ts'
import { decodeCbor, encodeCbor } from '../wire/cbor.ts'

type Range = NonNullable<Parameters<State['list']>[1]>

/** One kind of rows of a {@link State}, as values. */
export interface Table<T> {
  readonly name: string
  /** @throws {MuttrError} `HOME_DAMAGED` when the row is not what was written. */
  get(key: string): Promise<T | undefined>
  /** Leaves damaged rows out, and logs them: one bad row must not hide the others. */
  list(range?: Range): Promise<{ key: string; value: T }[]>
  /** @throws {MuttrError} `WIRE_MALFORMED`, `WIRE_TOO_LARGE` */
  read(row: Uint8Array): T
  put(key: string, value: T): Put
  drop(key: string): Change
}

export interface TableParts<T> {
  state: State
  log: Log
  name: string
  /** Of an array that begins with the version of the row. */
  field: Field<T>
  write: (value: T) => unknown[]
  maxBytes: number
}

export function createTable<T>({
  state,
  log,
  name,
  field,
  write,
  maxBytes
}: TableParts<T>): Table<T> {
  const read = (row: Uint8Array): T => decodeCbor(row, `a row of ${name}`, field, maxBytes)
  return {
    name,
    read,
    async get(key) {
      const row = await state.get(name, key)
      if (row === undefined) return undefined
      try {
        return read(row)
      } catch (cause) {
        throw new MuttrError('HOME_DAMAGED', `a row of ${name} cannot be read`, { cause })
      }
    },
    async list(range) {
      return (await state.list(name, range)).flatMap(({ key, value }) => {
        try {
          return [{ key, value: read(value) }]
        } catch (err) {
          log.warn('a row is damaged', { table: name, code: codeOf(err) })
          return []
        }
      })
    },
    put: (key, value) => ({ type: 'put', table: name, key, value: encodeCbor(write(value)) }),
    drop: key => ({ type: 'delete', table: name, key })
  }
}

/** Times that sort as text: 12 hex digits. */
export const sortableTime = (ms: number): string => ms.toString(16).padStart(12, '0')

/** Changes of rows that are no {@link Table}'s: bytes that say everything themselves. */
export const putRow = (table: string, key: string, value: Uint8Array): Change => ({
  type: 'put',
  table,
  key,
  value
})
export const dropRow = (table: string, key: string): Change => ({ type: 'delete', table, key })
