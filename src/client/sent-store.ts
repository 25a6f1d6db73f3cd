import { MuttrError } from '../base/errors.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { Blob } from '../wire/blob.ts'
import type { Closet } from './closet.ts'
import type { SentRow, SentSecret } from './sent-rows.ts'
import { decodeBlobRow, decodeSecret, encodeBlobRow, encodeSecret, sentTable } from './sent-rows.ts'
import { sortableTime } from './table.ts'

/** Sent letters on the disk: the row that changes, what it says (sealed in the closet), and its blob until it expires. */
export interface SentStore {
  /** The first write of a letter: all of it or nothing. */
  insert(row: SentRow, secret: SentSecret, blob: Blob | null, closet: Closet): Promise<void>
  /** Writes the row as it is then; calls that come while one is written share the next write. */
  save(row: SentRow): Promise<void>
  saveSealed(row: SentRow, blob: Blob): Promise<void>
  /** Takes back a letter that was never promised. */
  remove(row: SentRow): Promise<void>
  secret(id: string, closet: Closet): Promise<SentSecret>
  /** @throws {MuttrError} `HOME_DAMAGED` when it is not there. */
  blob(id: string): Promise<Blob>
  list(range: { limit: number }): Promise<SentRow[]>
  /** Letters that have not reached an end. Damaged rows are left out, and logged. */
  pending(): Promise<SentRow[]>
  find(id: string): Promise<SentRow | undefined>
  /** Drops the blobs of letters that have expired by `nowMs`; what was sent stays on the list. */
  sweep(nowMs: Millis): Promise<void>
}

const tables = { secret: 'sent-text', blob: 'sent-blob', ids: 'sent-ids', pending: 'outbox' }
/** What to drop when, by time. */
const expiryTable = 'sent-expiry'
const sweepMax = 1_000
const keyOf = (row: SentRow) => `${sortableTime(row.sentMs)}-${row.id}`
const isOver = (row: SentRow) => row.stage === 'announced' || row.stage === 'expired'

export function createSentStore(state: State, log: Log): SentStore {
  const rows = sentTable(state, log)
  const saving = new Map<string, { now: Promise<void>; next: Promise<void> | undefined }>()
  const put = (table: string, key: string, value: Uint8Array): Change => ({
    type: 'put',
    table,
    key,
    value
  })
  const drop = (table: string, key: string): Change => ({ type: 'delete', table, key })

  const changesOf = (row: SentRow): Change[] => [
    rows.put(keyOf(row), row),
    ...(isOver(row) ? [drop(tables.pending, row.id)] : []),
    ...(row.stage === 'expired' ? [drop(tables.blob, row.id)] : [])
  ]

  async function writeNow(row: SentRow): Promise<void> {
    await state.write(changesOf(row))
  }

  function save(row: SentRow): Promise<void> {
    const { id } = row
    const under = saving.get(id)
    if (under) {
      under.next ??= under.now
        .catch(() => undefined)
        .then(() => {
          saving.delete(id)
          return save(row)
        })
      return under.next
    }
    const now = writeNow(row).finally(() => {
      if (!saving.get(id)?.next) saving.delete(id)
    })
    saving.set(id, { now, next: undefined })
    return now
  }

  async function rowsOf(keys: string[]): Promise<SentRow[]> {
    const found: SentRow[] = []
    for (const key of keys) {
      const row = await rows.get(key).catch(() => {
        log.warn('a sent letter is damaged')
        return undefined
      })
      if (row) found.push(row)
    }
    return found
  }

  const text = (value: Uint8Array) => Buffer.from(value).toString('utf8')

  return {
    async insert(row, secret, blob, closet) {
      const key = keyOf(row)
      await state.write([
        ...changesOf(row),
        put(tables.pending, row.id, Buffer.from(key)),
        put(tables.ids, row.id, Buffer.from(key)),
        put(expiryTable, `${sortableTime(row.expiryMs)}-${row.id}`, Buffer.from(row.id)),
        put(tables.secret, row.id, closet.seal(`sent ${row.id}`, encodeSecret(secret))),
        ...(blob ? [put(tables.blob, row.id, encodeBlobRow(blob))] : [])
      ])
    },
    async saveSealed(row, blob) {
      await state.write([...changesOf(row), put(tables.blob, row.id, encodeBlobRow(blob))])
    },
    save,
    async remove(row) {
      await state.write([
        rows.drop(keyOf(row)),
        ...Object.values(tables).map(table => drop(table, row.id))
      ])
    },
    async secret(id, closet) {
      const sealed = await state.get(tables.secret, id)
      if (!sealed) throw new MuttrError('HOME_DAMAGED', `the text of the sent letter ${id} is gone`)
      return decodeSecret(closet.open(`sent ${id}`, sealed))
    },
    async blob(id) {
      const stored = await state.get(tables.blob, id)
      if (!stored) throw new MuttrError('HOME_DAMAGED', `the blob of the letter ${id} is gone`)
      return decodeBlobRow(stored)
    },
    async list({ limit }) {
      const found = await rows.list({ limit, reverse: true })
      return found.map(({ value }) => value)
    },
    async pending() {
      return rowsOf((await state.list(tables.pending)).map(({ value }) => text(value)))
    },
    async sweep(nowMs) {
      for (;;) {
        const over = await state.list(expiryTable, { lt: sortableTime(nowMs), limit: sweepMax })
        const changes = over.flatMap(({ key, value }) => [
          drop(expiryTable, key),
          drop(tables.blob, text(value))
        ])
        if (changes.length > 0) await state.write(changes)
        if (over.length < sweepMax) return
      }
    },
    async find(id) {
      const key = await state.get(tables.ids, id)
      return key && rows.get(text(key))
    }
  }
}
