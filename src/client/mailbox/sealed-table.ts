import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import type { Change, Put, State } from '../../store/state.ts'
import type { Field } from '../../wire/cbor.ts'
import { decodeCbor, encodeCbor } from '../../wire/cbor.ts'
import type { Closet } from '../closet.ts'

type Range = NonNullable<Parameters<State['list']>[1]>

/** One kind of rows of a {@link State}, each sealed in the closet and bound to its place. */
export interface SealedTable<T> {
  /** @throws {MuttrError} `HOME_DAMAGED` when the row is not what was written. */
  get(key: string, closet: Closet): Promise<T | undefined>
  /** Leaves damaged rows out, and logs them; `last` is the key of the last one looked at. */
  page(closet: Closet, range: Range): Promise<{ rows: { key: string; value: T }[]; last?: string }>
  put(key: string, value: T, closet: Closet): Put
  drop(key: string): Change
}

export interface SealedTableParts<T> {
  state: State
  log: Log
  name: string
  /** Of an array that begins with the version of the row. */
  field: Field<T>
  write: (value: T) => unknown[]
  /** Before sealing. */
  maxBytes: number
}

export function createSealedTable<T>(parts: SealedTableParts<T>): SealedTable<T> {
  const { state, log, name, field, write, maxBytes } = parts
  const read = (key: string, sealed: Uint8Array, closet: Closet): T =>
    decodeCbor(
      closet.open(`${name} ${key}`, sealed),
      `a row of ${name}`,
      field,
      maxBytes,
      'HOME_DAMAGED'
    )
  return {
    async get(key, closet) {
      const sealed = await state.get(name, key)
      if (sealed === undefined) return undefined
      try {
        return read(key, sealed, closet)
      } catch (cause) {
        throw new MuttrError('HOME_DAMAGED', `a row of ${name} cannot be read`, { cause })
      }
    },
    async page(closet, range) {
      const found = await state.list(name, range)
      const rows = found.flatMap(({ key, value }) => {
        try {
          return [{ key, value: read(key, value, closet) }]
        } catch (err) {
          log.warn('a row is damaged', { table: name, code: codeOf(err) })
          return []
        }
      })
      const last = found.at(-1)?.key
      return { rows, ...(last !== undefined && { last }) }
    },
    put: (key, value, closet) => ({
      type: 'put',
      table: name,
      key,
      value: closet.seal(`${name} ${key}`, encodeCbor(write(value)))
    }),
    drop: key => ({ type: 'delete', table: name, key })
  }
}
