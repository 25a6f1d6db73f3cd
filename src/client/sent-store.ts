import { MuttrError } from '../base/errors.ts'
import type { Log } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { Closet } from './closet.ts'
import type { Journal } from './devices/journal.ts'
import type { Conversations, Member } from './mailbox/conversations.ts'
import { snippetOf } from './mailbox/plain-text.ts'
import type { SentRow } from './sent-rows.ts'
import { encodeSentRow, sentPastTable, sentTable } from './sent-rows.ts'
import type { SentSecret } from './sent-secrets.ts'
import { decodeBlobRow, decodeSecret, encodeBlobRow, encodeSecret } from './sent-secrets.ts'
import type { SentStore } from './sent-shape.ts'
import { dropRow, putRow, sortableTime } from './table.ts'

export interface SentStoreParts {
  state: State
  log: Log
  conversations: Pick<Conversations, 'keep' | 'remove'>
  /** Undefined while the vault is locked. */
  closet: () => Closet | undefined
  /** What other devices of the person are told. */
  journal: Pick<Journal, 'noteSent'>
}

/** The table of letters that are not announced yet: by id, where their rows lie. */
export const waitingSent = 'outbox'
const tables = {
  secret: 'sent-text',
  blob: 'sent-blob',
  ids: 'sent-ids',
  pending: waitingSent,
  watch: 'sent-watch',
  /** What is over and not sealed yet. */
  over: 'sent-over'
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
/** Nor is anything asked or told for it. */
const isPast = (row: SentRow) => isOver(row) && !isWatched(row)

const text = (value: Uint8Array) => Buffer.from(value).toString('utf8')

export function createSentStore(parts: SentStoreParts): SentStore {
  const { state, log, conversations, closet, journal } = parts
  const rows = sentTable(state, log)
  const past = sentPastTable(state, log)
  const live = new Map<string, WeakRef<SentRow>>()
  const elsewhere = new WeakSet<SentRow>()
  const saving = new Map<string, { now: Promise<void>; next: Promise<void> | undefined }>()
  /** What other devices were told last of each letter. */
  const told = new Map<string, string>()

  /** The one object of a letter: the one in hand, else this. */
  function only(row: SentRow): SentRow {
    const known = live.get(row.id)?.deref()
    if (known) return known
    if (live.size >= liveMax)
      for (const [id, ref] of live) if (ref.deref() === undefined) live.delete(id)
    live.set(row.id, new WeakRef(row))
    return row
  }

  /** In the clear while something is done for it, also by a locked client; sealed after. */
  function rowChanges(row: SentRow): Change[] {
    const key = keyOf(row)
    const open = closet()
    if (elsewhere.has(row)) return open ? [past.put(key, row, open)] : []
    if (isPast(row) && open)
      return [past.put(key, row, open), rows.drop(key), dropRow(tables.over, row.id)]
    const over = isPast(row) ? [putRow(tables.over, row.id, Buffer.from(key))] : []
    return [rows.put(key, row), past.drop(key), ...over]
  }

  const changesOf = (row: SentRow): Change[] => {
    if (elsewhere.has(row)) return rowChanges(row)
    const place = Buffer.from(keyOf(row))
    return [
      ...rowChanges(row),
      isWaiting(row) ? putRow(tables.pending, row.id, place) : dropRow(tables.pending, row.id),
      isWatched(row) ? putRow(tables.watch, row.id, place) : dropRow(tables.watch, row.id),
      ...(isOver(row) ? [dropRow(tables.blob, row.id)] : []),
      ...telling(row, null)
    ]
  }

  /** Only what people see: not each attempt. */
  function telling(row: SentRow, secret: SentSecret | null): Change[] {
    const seen = [row.stage, row.receipt !== null, row.withdrawing !== null, row.waiting?.code]
    const now = [...seen, row.correctedBy, row.forgetAsked].join()
    if (told.get(row.id) === now) return []
    if (told.size >= liveMax) told.clear()
    told.set(row.id, now)
    return journal.noteSent(row.id, () => encodeSentRow(row), secret && encodeSecret(secret))
  }

  async function writeNow(row: SentRow): Promise<void> {
    await state.write(changesOf(row)).catch(err => {
      told.delete(row.id)
      throw err
    })
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

  /** What is not over and lies there nevertheless came from the device that sent it. */
  function ofPast<T extends SentRow | undefined>(row: T): T {
    if (row && !isPast(row)) elsewhere.add(row)
    return row
  }

  /** @throws {MuttrError} `VAULT_LOCKED` for one that is over, `HOME_DAMAGED` */
  async function read(key: string): Promise<SentRow | undefined> {
    const row = await rows.get(key)
    if (row) return row
    const open = closet()
    if (open) return ofPast(await past.get(key, open))
    if ((await state.get('sent-past', key)) === undefined) return undefined
    throw new MuttrError('VAULT_LOCKED', 'the vault is locked')
  }

  async function rowsOf(keys: string[]): Promise<SentRow[]> {
    const found: SentRow[] = []
    for (const key of keys) {
      const row = await read(key).catch(() => {
        log.warn('a sent letter is damaged')
        return undefined
      })
      if (row) found.push(only(row))
    }
    return found
  }

  async function secretOf(id: string, open: Closet): Promise<SentSecret> {
    const sealed = await state.get(tables.secret, id)
    if (!sealed) throw new MuttrError('HOME_DAMAGED', `the text of the sent letter ${id} is gone`)
    return decodeSecret(open.open(`sent ${id}`, sealed))
  }

  async function find(id: string): Promise<SentRow | undefined> {
    const key = await state.get(tables.ids, id)
    const row = key && (await read(text(key)))
    return row && only(row)
  }

  async function memberOfId(id: string, open: Closet): Promise<Member | undefined> {
    const row = await find(id)
    return row && memberOf(row, await secretOf(id, open), open)
  }

  const certificateTag = (fingerprint: string, open: Closet) =>
    open.tag(`certificate ${fingerprint}`)

  return {
    async insert({ row, secret, blob }, open, also) {
      const key = keyOf(row)
      const changes = [
        ...telling(row, secret),
        ...changesOf(only(row)),
        putRow(tables.ids, row.id, Buffer.from(key)),
        putRow(expiryTable, `${sortableTime(row.expiryMs)}-${row.id}`, Buffer.from(row.id)),
        putRow(tables.secret, row.id, open.seal(`sent ${row.id}`, encodeSecret(secret))),
        ...(blob ? [putRow(tables.blob, row.id, encodeBlobRow(blob))] : []),
        ...also
      ]
      const member = { ...memberOf(row, secret, open), sender: null }
      await conversations.keep(
        member,
        open,
        () => changes,
        async all => (await state.write(all)).ok
      )
    },
    async adopt(row, secret, open) {
      const secretRow = putRow(
        tables.secret,
        row.id,
        open.seal(`sent ${row.id}`, encodeSecret(secret))
      )
      await conversations.keep(
        { ...memberOf(row, secret, open), sender: null },
        open,
        () => [...changesOf(row), secretRow],
        async all => (await state.write(all)).ok
      )
    },
    async saveSealed(row, blob) {
      await state.write([...changesOf(row), putRow(tables.blob, row.id, encodeBlobRow(blob))])
    },
    save,
    changes: changesOf,
    async mirror(row, encoded, open, also) {
      const key = keyOf(row)
      const isHere = (await state.get(tables.ids, row.id)) !== undefined
      if (!isHere && !encoded) return false
      // In the clear lies what we do something for ourselves.
      if (await rows.get(key)) {
        await state.write(also)
        return true
      }
      const hand = live.get(row.id)?.deref()
      if (hand) {
        Object.assign(hand, row)
        elsewhere[isPast(row) ? 'delete' : 'add'](hand)
      }
      const changes = [past.put(key, row, open), ...also]
      if (isHere || !encoded) {
        await state.write(changes)
        return true
      }
      const secret = decodeSecret(encoded)
      const text = putRow(tables.secret, row.id, open.seal(`sent ${row.id}`, encoded))
      await conversations.keep(
        { ...memberOf(row, secret, open), sender: null },
        open,
        () => [...changes, putRow(tables.ids, row.id, Buffer.from(key)), text],
        async all => (await state.write(all)).ok
      )
      return true
    },
    mayGo: row => isPast(row) || elsewhere.has(row),
    async tell(ids) {
      const rows = await Promise.all(ids.map(find))
      return rows.flatMap(row =>
        row ? journal.noteSent(row.id, () => encodeSentRow(row), null) : []
      )
    },
    async remove(row, open, also = []) {
      const changes = [
        ...also,
        rows.drop(keyOf(row)),
        past.drop(keyOf(row)),
        ...Object.values(tables).map(table => dropRow(table, row.id))
      ]
      await conversations.remove(memberOf(row, await secretOf(row.id, open), open), open, changes)
    },
    isOver: isPast,
    isElsewhere: row => elsewhere.has(row),
    secret: secretOf,
    member: memberOfId,
    async *ids() {
      for (let gt: string | undefined; ; ) {
        const page = await state.list(tables.ids, { limit: 256, ...(gt !== undefined && { gt }) })
        for (const { key } of page) yield { direction: 'out', ref: key }
        if (page.length === 0) return
        gt = page.at(-1)!.key
      }
    },
    async blob(id) {
      const stored = await state.get(tables.blob, id)
      if (!stored) throw new MuttrError('HOME_DAMAGED', `the blob of the letter ${id} is gone`)
      return decodeBlobRow(stored)
    },
    async list({ limit }) {
      const open = closet()
      const range = { limit, reverse: true }
      const under = await rows.list(range)
      const over = open ? (await past.page(open, range)).rows : []
      for (const { value } of over) ofPast(value)
      const all = [...under, ...over].sort((a, b) => (a.key < b.key ? 1 : -1))
      return all.slice(0, limit).map(({ value }) => only(value))
    },
    async pending() {
      return rowsOf((await state.list(tables.pending)).map(({ value }) => text(value)))
    },
    async watched() {
      return rowsOf((await state.list(tables.watch)).map(({ value }) => text(value)))
    },
    async unwatch(id) {
      await state.write([dropRow(tables.watch, id)])
    },
    async keepCertificate(fingerprint, certificate, also = []) {
      const open = closet()
      if (!open) return
      const tag = certificateTag(fingerprint, open)
      const sealed = open.seal(`${certificates} ${tag}`, certificate)
      await state.write([putRow(certificates, tag, sealed), ...also])
    },
    async certificate(fingerprint) {
      const open = closet()
      if (!open) throw new MuttrError('VAULT_LOCKED', 'the vault is locked')
      const tag = certificateTag(fingerprint, open)
      const sealed = await state.get(certificates, tag)
      return sealed && open.open(`${certificates} ${tag}`, sealed)
    },
    async sweep(nowMs) {
      for (;;) {
        const over = await state.list(expiryTable, { lt: sortableTime(nowMs), limit: sweepMax })
        const changes = over.flatMap(({ key, value }) => [
          dropRow(expiryTable, key),
          dropRow(tables.blob, text(value))
        ])
        if (changes.length > 0) await state.write(changes)
        if (over.length < sweepMax) return
      }
    },
    find,
    async tidy() {
      for (const row of await rowsOf((await state.list(tables.over)).map(one => text(one.value))))
        await save(row)
    }
  }
}

/** What a conversation must know of a sent letter. */
function memberOf(row: SentRow, secret: SentSecret, closet: Closet): Member {
  const { id, from, to, sentMs, fingerprint } = row
  const { subject, mimeType, body, conversation, thread } = secret
  const shownIn = conversation ?? thread
  return {
    ...{ direction: 'out', ref: id, tag: closet.tag(`sent ${id}`) },
    thread: shownIn ? Buffer.from(shownIn).toString('hex') : id,
    ...{ atMs: sentMs, from, others: [{ alias: to, fingerprint }], subject },
    snippet: snippetOf(mimeType, Buffer.from(body).toString('utf8')),
    ...{ read: true, attachments: secret.attachments }
  }
}
