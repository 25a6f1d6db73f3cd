import { MuttrError } from '../base/errors.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { Blob } from '../wire/blob.ts'
import type { Closet } from './closet.ts'
import type { SentRow } from './sent-rows.ts'
import { sentTable } from './sent-rows.ts'
import type { SentSecret } from './sent-secrets.ts'
import { decodeBlobRow, decodeSecret, encodeBlobRow, encodeSecret } from './sent-secrets.ts'
import { sortableTime } from './table.ts'

/**
 * Sent letters on the disk: the row that changes, what it says (sealed in the closet), and its blob until it is over. While anybody has
 * a letter's row in hand there is one such object, so that who stores it, who watches it and who shows it see the same.
 */
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
  /** Letters that are not announced yet. Damaged rows are left out, and logged. */
  pending(): Promise<SentRow[]>
  /** Letters that lie with holders, as far as is known. */
  watched(): Promise<SentRow[]>
  unwatch(id: string): Promise<void>
  /** A recipient's certificate beside a receipt, so that it can be shown when the contact has another. */
  keepCertificate(fingerprint: string, certificate: Uint8Array): Promise<void>
  certificate(fingerprint: string): Promise<Uint8Array | undefined>
  find(id: string): Promise<SentRow | undefined>
  /** Drops the blobs of letters that have expired by `nowMs`; what was sent stays on the list. */
  sweep(nowMs: Millis): Promise<void>
}

const tables = {
  secret: 'sent-text',
  blob: 'sent-blob',
  ids: 'sent-ids',
  pending: 'outbox',
  watch: 'sent-watch'
}
const certificates = 'sent-certificates'
/** What to drop when, by time. */
const expiryTable = 'sent-expiry'
const sweepMax = 1_000
/** Before rows that nobody has in hand are forgotten. */
const liveMax = 1_000
const keyOf = (row: SentRow) => `${sortableTime(row.sentMs)}-${row.id}`
const isWaiting = ({ stage }: SentRow) =>
  stage === 'draft' || stage === 'sealed' || stage === 'stored'
/** Withdrawn letters too: they may have been accepted before. One that was only written down was never anywhere. */
const isWatched = ({ stage, tombstone }: SentRow) =>
  stage === 'stored' || stage === 'announced' || (stage === 'withdrawn' && tombstone !== null)
/** Their blob is not needed any longer. */
const isOver = ({ stage }: SentRow) =>
  stage === 'accepted' || stage === 'withdrawn' || stage === 'expired'

export function createSentStore(state: State, log: Log): SentStore {
  const rows = sentTable(state, log)
  const live = new Map<string, WeakRef<SentRow>>()
  const saving = new Map<string, { now: Promise<void>; next: Promise<void> | undefined }>()
  const put = (table: string, key: string, value: Uint8Array): Change => ({
    type: 'put',
    table,
    key,
    value
  })
  const drop = (table: string, key: string): Change => ({ type: 'delete', table, key })

  /** The one object of a letter: the one in hand, else this. */
  function only(row: SentRow): SentRow {
    const known = live.get(row.id)?.deref()
    if (known) return known
    if (live.size >= liveMax)
      for (const [id, ref] of live) if (ref.deref() === undefined) live.delete(id)
    live.set(row.id, new WeakRef(row))
    return row
  }

  const changesOf = (row: SentRow): Change[] => {
    const place = Buffer.from(keyOf(row))
    return [
      rows.put(keyOf(row), row),
      isWaiting(row) ? put(tables.pending, row.id, place) : drop(tables.pending, row.id),
      isWatched(row) ? put(tables.watch, row.id, place) : drop(tables.watch, row.id),
      ...(isOver(row) ? [drop(tables.blob, row.id)] : [])
    ]
  }

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
      if (row) found.push(only(row))
    }
    return found
  }

  const text = (value: Uint8Array) => Buffer.from(value).toString('utf8')

  return {
    async insert(row, secret, blob, closet) {
      const key = keyOf(row)
      await state.write([
        ...changesOf(only(row)),
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
      return found.map(({ value }) => only(value))
    },
    async pending() {
      return rowsOf((await state.list(tables.pending)).map(({ value }) => text(value)))
    },
    async watched() {
      return rowsOf((await state.list(tables.watch)).map(({ value }) => text(value)))
    },
    async unwatch(id) {
      await state.write([drop(tables.watch, id)])
    },
    async keepCertificate(fingerprint, certificate) {
      await state.write([put(certificates, fingerprint, certificate)])
    },
    certificate: fingerprint => state.get(certificates, fingerprint),
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
      const row = key && (await rows.get(text(key)))
      return row && only(row)
    }
  }
}
