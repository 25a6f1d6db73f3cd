import type { Change } from '../state.ts'

type Name = `${string}\0${string}`
const nameOf = (table: string, key: string): Name => `${table}\0${key}`

export interface RowName {
  table: string
  key: string
}

/** Rows whose being there decides about one of these writes. */
export function askedBy(writes: readonly (readonly Change[])[]): RowName[] {
  const asked = new Map<Name, RowName>()
  for (const change of writes.flat())
    if (change.type === 'insert')
      asked.set(nameOf(change.table, change.key), { table: change.table, key: change.key })
  return [...asked.values()]
}

/** What a group of writes comes to, each decided after those before it. */
export interface Decided {
  /** For each write whether it is done. */
  readonly ok: readonly boolean[]
  /** Of those that are done, by row: what stands there in the end; null: nothing. */
  readonly rows: readonly (RowName & { value: Uint8Array | null; isNew: boolean })[]
  /** Of those that are done, in order. */
  readonly logs: readonly LogChange[]
}
type LogChange = Extract<Change, { type: 'append' | 'trim' }> & { write: number }

interface Staged extends RowName {
  value: Uint8Array | null
  /** An insert relied on it not being in the database. */
  isNew: boolean
}

/** @param there of {@link askedBy}, those that are in the database. */
export function decide(writes: readonly (readonly Change[])[], there: readonly RowName[]): Decided {
  const stored = new Set(there.map(({ table, key }) => nameOf(table, key)))
  const staged = new Map<Name, Staged>()
  const logs: LogChange[] = []
  const ok = writes.map((changes, write) => {
    const own = new Map<Name, Staged>()
    const ownLogs: LogChange[] = []
    for (const change of changes) {
      if ('log' in change) {
        ownLogs.push({ ...change, write })
        continue
      }
      const { table, key } = change
      const name = nameOf(table, key)
      const before = own.get(name) ?? staged.get(name)
      const isInsert = change.type === 'insert'
      if (isInsert && (before ? before.value !== null : stored.has(name))) return false
      const isNew = before?.isNew ?? (isInsert && !stored.has(name))
      own.set(name, { table, key, isNew, value: change.type === 'delete' ? null : change.value })
    }
    for (const [name, row] of own) staged.set(name, row)
    logs.push(...ownLogs)
    return true
  })
  return { ok, rows: [...staged.values()].sort(byName), logs }
}

/** Every process takes the rows' locks in one order, so that two seldom wait for each other. */
const byName = (a: RowName, b: RowName) => compare(a.table, b.table) || compare(a.key, b.key)
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** How many entries each log gets. */
export function appendsOf(logs: readonly LogChange[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { type, log } of logs)
    if (type === 'append') counts.set(log, (counts.get(log) ?? 0) + 1)
  return counts
}

export interface Numbered {
  /** Of each write, the sequences its appends got. */
  readonly sequences: readonly number[][]
  readonly entries: readonly { log: string; sequence: number; entry: Uint8Array }[]
  /** Of entries that were there before: to be dropped up to and including `through`. */
  readonly trims: ReadonlyMap<string, number>
}

/**
 * @param writes how many there are.
 * @param lasts of each log that gets entries: its last sequence with them.
 */
export function numbered(
  { logs }: Pick<Decided, 'logs'>,
  writes: number,
  lasts: ReadonlyMap<string, number>
): Numbered {
  const sequences = Array.from({ length: writes }, (): number[] => [])
  const fresh = new Map<string, Map<number, Uint8Array>>()
  const counts = appendsOf(logs)
  const trims = new Map<string, number>()
  const at = new Map<string, number>()
  for (const change of logs) {
    const { log } = change
    const count = counts.get(log) ?? 0
    const base = count > 0 ? lasts.get(log)! - count : Number.MAX_SAFE_INTEGER
    const last = at.get(log) ?? base
    const own = fresh.get(log) ?? new Map<number, Uint8Array>()
    fresh.set(log, own)
    if (change.type === 'append') {
      own.set(last + 1, change.entry)
      at.set(log, last + 1)
      sequences[change.write]!.push(last + 1)
      continue
    }
    const through = Math.min(change.through, last)
    trims.set(log, Math.max(trims.get(log) ?? 0, Math.min(through, base)))
    for (const sequence of own.keys()) if (sequence <= through) own.delete(sequence)
  }
  const entries = [...fresh].flatMap(([log, own]) =>
    [...own].map(([sequence, entry]) => ({ log, sequence, entry }))
  )
  return { sequences, entries, trims }
}
