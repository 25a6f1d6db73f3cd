import { nameOfRow } from './row-bytes.ts'

/** One change of a row; `value` null drops it. */
export interface RowChange {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

export interface RowRange {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
  readonly limit?: number
  readonly reverse?: boolean
}

export type KeyValue = readonly [key: Uint8Array, value: Uint8Array]

/**
 * Ordered rows of bytes: all that the stores need of a database. Source: docs/protocol/store.md
 * Everything throws `DISK_FULL`, `DISK_FAILED`, `HOME_DAMAGED`, or `CANCELLED` after disposal.
 */
export interface Rows extends AsyncDisposable {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>
  /** A page of rows, ascending unless `reverse`. */
  range(range: RowRange): Promise<KeyValue[]>
  /** All rows in order, as they were when it began, whatever is written meanwhile. */
  each(): AsyncIterable<KeyValue>
  /** Makes the rows fit for {@link readNow} and {@link write} again after a failed write. */
  ready(): Promise<void>
  /** Reads without a thread hop (5 instead of 40 µs), for the small rows a decision depends on; only after {@link ready}. */
  readNow(key: Uint8Array): Uint8Array | undefined
  /** All or nothing. One write at a time: the caller waits for the last one. */
  write(changes: readonly RowChange[]): Promise<void>
}

/** Rows that are gone with the process. */
export function memoryRows(): Rows {
  const values = new Map<string, Uint8Array>()
  let sorted: string[] | undefined // keys in order, until a key comes or goes
  const bytesOf = (name: string) => new Uint8Array(Buffer.from(name, 'latin1'))
  const readNow = (key: Uint8Array) => values.get(nameOfRow(key))?.slice()

  return {
    get: async key => readNow(key),
    getMany: async keys => keys.map(readNow),
    ready: async () => {},
    readNow,
    async range({ gte, lt, limit = Number.POSITIVE_INFINITY, reverse = false }) {
      sorted ??= [...values.keys()].sort()
      const from = firstAtLeast(sorted, nameOfRow(gte))
      const to = Math.max(from, firstAtLeast(sorted, nameOfRow(lt)))
      const names = reverse
        ? sorted.slice(Math.max(from, to - limit), to).reverse()
        : sorted.slice(from, Math.min(to, from + limit))
      return names.map(name => [bytesOf(name), values.get(name)!.slice()] as const)
    },
    async *each() {
      const copies = [...values].sort(([a], [b]) => (a < b ? -1 : 1))
      for (const [name, value] of copies) yield [bytesOf(name), value.slice()] as const
    },
    async write(changes) {
      for (const { key, value } of changes) {
        const name = nameOfRow(key)
        if (values.has(name) !== (value !== null)) sorted = undefined
        if (value === null) values.delete(name)
        else values.set(name, value.slice())
      }
    },
    async [Symbol.asyncDispose]() {
      values.clear()
      sorted = undefined
    }
  }
}

/** Index of the first of the ascending `names` that is not below `bound`. */
function firstAtLeast(names: readonly string[], bound: string): number {
  let low = 0
  let high = names.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (names[middle]! < bound) low = middle + 1
    else high = middle
  }
  return low
}

/** The key right after `key`, where the next page begins. */
export function rowAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.byteLength + 1)
  next.set(key)
  return next
}
