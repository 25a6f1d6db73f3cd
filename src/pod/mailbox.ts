import { sha256, toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { Entry, NoticeBody } from '../wire/notice.ts'
import { decodeStored, encodeStored } from '../wire/notice.ts'
import type { PodLimits } from './limits.ts'
import { createLocks } from './locks.ts'
import type { AccountId, BoxRow, DeviceRow } from './rows.ts'
import { addressRow, boxRow, deviceRow, mailLog, tables, under } from './rows.ts'

/**
 * The notices of a pod's accounts: kept until every device of the account acknowledged them, or they expire.
 * Decides over the state alone, with time as an argument, so that several processes may do it over one database.
 */
export interface Mailbox {
  /**
   * Keeps a notice for whoever has its address. Nobody's notice costs as much and resolves just the same.
   * @throws {MuttrError} `BLOB_EXPIRED`, `LIMIT_EXCEEDED`, `DISK_FULL`
   */
  deliver(notice: NoticeBody, nowMs: Millis): Promise<void>
  /** Where a device's playback starts, and the last notice there is. `after` is what the device says it has. */
  position(
    account: AccountId,
    device: string,
    after: number
  ): Promise<{ from: number; head: number }>
  /** Entries after a sequence that have not expired; `through` is where the next page starts. */
  page(
    account: AccountId,
    after: number,
    limit: number,
    nowMs: Millis
  ): Promise<{ entries: Entry[]; through: number }>
  /** Moves a device's cursor forward, and drops what no device waits for any more. */
  acknowledge(account: AccountId, device: string, through: number, nowMs: Millis): Promise<void>
  /** Remembers a device from now on; nothing is dropped before it acknowledged, or its statement ended. */
  meet(
    account: AccountId,
    device: string,
    o: { peer: PeerId; untilMs: Millis; nowMs: Millis }
  ): Promise<void>
  /** Drops what has expired from one account's mailbox, and devices whose statements have. */
  sweep(account: AccountId, nowMs: Millis): Promise<number>
  usage(): { notices: number; bytes: number }
}

interface Parts {
  state: State
  limits: PodLimits
}

const emptyBox: BoxRow = { head: 0, trimmed: 0, count: 0, bytes: 0 }
const nobodySlots = 1_024
const trimPage = 500

/** Two notices are one when blob and slip are: a stranger who learns the key cannot take the place of the sender's. */
const fingerprintOf = (n: Pick<NoticeBody, 'key' | 'slip'>): string => toHex(sha256(n.key, n.slip))

export async function createMailbox({ state, limits: bounds }: Parts): Promise<Mailbox> {
  const locks = createLocks()
  const total = { notices: 0, bytes: 0 }
  for await (const { value } of rowsOf(state, tables.boxes)) {
    const box = boxRow.decode(value)
    total.notices += box.count
    total.bytes += box.bytes
  }

  const readBox = async (account: AccountId): Promise<BoxRow> => {
    const row = await state.get(tables.boxes, account)
    return row ? boxRow.decode(row) : emptyBox
  }
  const putBox = (account: AccountId, box: BoxRow): Change => ({
    type: 'put',
    table: tables.boxes,
    key: account,
    value: boxRow.encode(box)
  })
  const devicesOf = async (account: AccountId) =>
    (await state.list(tables.devices, under(account))).map(({ key, value }) => ({
      device: key.slice(account.length + 1),
      row: deviceRow.decode(value)
    }))
  const putDevice = (account: AccountId, device: string, row: DeviceRow): Change => ({
    type: 'put',
    table: tables.devices,
    key: `${account}/${device}`,
    value: deviceRow.encode(row)
  })

  const keep = async (account: AccountId, notice: NoticeBody, nowMs: Millis): Promise<void> => {
    const entry = encodeStored({ ...notice, takenMs: nowMs })
    const seenKey = `${account}/${fingerprintOf(notice)}`
    if (await state.get(tables.seen, seenKey)) return
    const box = await readBox(account)
    const size = entry.byteLength
    if (
      box.count >= bounds.noticesPerAccountMax ||
      box.bytes + size > bounds.noticeBytesPerAccountMax ||
      total.notices >= bounds.noticesMax ||
      total.bytes + size > bounds.noticeBytesMax
    )
      throw new MuttrError('LIMIT_EXCEEDED', 'no room for another notice')
    const next = {
      ...box,
      head: box.head + 1,
      count: box.count + 1,
      bytes: box.bytes + size
    }
    const { ok, sequences } = await state.write([
      { type: 'insert', table: tables.seen, key: seenKey, value: new Uint8Array() },
      { type: 'append', log: mailLog(account), entry },
      putBox(account, next)
    ])
    if (!ok) return // another process kept it meanwhile
    total.notices += 1
    total.bytes += size
    // Another process appended too: catch up, so that `head` stays close to the truth.
    const [sequence = next.head] = sequences
    if (sequence > next.head) await state.write([putBox(account, { ...next, head: sequence })])
  }

  const keepForNobody = async (notice: NoticeBody, nowMs: Millis): Promise<void> => {
    const entry = encodeStored({ ...notice, takenMs: nowMs })
    const slot = String((notice.key[0]! * 256 + notice.key[1]!) % nobodySlots)
    await state.get(tables.seen, `nobody/${fingerprintOf(notice)}`)
    await state.get(tables.boxes, 'nobody')
    await state.write([
      { type: 'put', table: tables.nobody, key: `seen/${slot}`, value: new Uint8Array() },
      { type: 'put', table: tables.nobody, key: `mail/${slot}`, value: entry },
      { type: 'put', table: tables.nobody, key: 'box', value: boxRow.encode(emptyBox) }
    ])
  }

  /** Drops entries from the front for as long as `dead` says so. */
  const trim = async (
    account: AccountId,
    dead: (sequence: number, expiryMs: Millis) => boolean,
    also: Change[] = []
  ): Promise<number> => {
    const box = await readBox(account)
    let { trimmed } = box
    let [count, bytes] = [0, 0]
    const changes: Change[] = []
    const entries = await state.page(mailLog(account), trimmed, trimPage)
    for (const { sequence, entry } of entries) {
      const notice = decodeStored(entry)
      if (!dead(sequence, notice.expiryMs)) break
      trimmed = sequence
      count += 1
      bytes += entry.byteLength
      changes.push({
        type: 'delete',
        table: tables.seen,
        key: `${account}/${fingerprintOf(notice)}`
      })
    }
    if (count > 0) {
      changes.push({ type: 'trim', log: mailLog(account), through: trimmed })
      const rest = { count: Math.max(0, box.count - count), bytes: Math.max(0, box.bytes - bytes) }
      changes.push(putBox(account, { head: Math.max(box.head, trimmed), trimmed, ...rest }))
    }
    if (changes.length + also.length > 0) await state.write([...also, ...changes])
    total.notices = Math.max(0, total.notices - count)
    total.bytes = Math.max(0, total.bytes - bytes)
    return count === trimPage ? count + (await trim(account, dead)) : count
  }

  return {
    async deliver(notice, nowMs) {
      checkExpiry(notice.expiryMs, nowMs)
      const row = await state.get(tables.addresses, toHex(notice.address))
      const address = row && addressRow.decode(row)
      if (address && address.untilMs > nowMs)
        await locks.run(address.account, () => keep(address.account, notice, nowMs))
      else await locks.run('nobody', () => keepForNobody(notice, nowMs))
    },
    async position(account, device, after) {
      const { head } = await readBox(account)
      const row = await state.get(tables.devices, `${account}/${device}`)
      const cursor = row ? deviceRow.decode(row).cursor : 0
      // A device that claims more than there is speaks of another mailbox: one that a pod lost.
      return { from: after <= head ? Math.max(after, cursor) : cursor, head }
    },
    async page(account, after, limit, nowMs) {
      const found = await state.page(mailLog(account), after, limit)
      return {
        entries: found
          .filter(({ entry }) => decodeStored(entry).expiryMs > nowMs)
          .map(({ sequence, entry }) => ({ sequence, frame: entry })),
        through: found.at(-1)?.sequence ?? after
      }
    },
    acknowledge: (account, device, through, nowMs) =>
      locks.run(account, async () => {
        const devices = await devicesOf(account)
        const mine = devices.find(d => d.device === device)
        if (!mine) return // no account yet, or the device was forgotten: nothing is kept for it
        const { head } = await readBox(account)
        const cursor = Math.max(mine.row.cursor, Math.min(through, head))
        if (cursor === mine.row.cursor) return
        const waiting = devices
          .filter(d => d !== mine && d.row.untilMs > nowMs)
          .map(d => d.row.cursor)
        const done = Math.min(cursor, ...waiting)
        const moved = putDevice(account, device, { ...mine.row, cursor, seenMs: nowMs })
        await trim(account, sequence => sequence <= done, [moved])
      }),
    meet: (account, device, { peer, untilMs, nowMs }) =>
      locks.run(account, async () => {
        const devices = await devicesOf(account)
        const known = devices.find(d => d.device === device)?.row
        const live = devices.filter(d => d.row.untilMs > nowMs && d.device !== device)
        if (live.length >= bounds.devicesPerAccountMax)
          throw new MuttrError('LIMIT_EXCEEDED', `more than ${live.length} devices`)
        const cursor = known?.cursor ?? 0
        await state.write([
          putDevice(account, device, { peer, untilMs, cursor, seenMs: nowMs }),
          ...devices
            .filter(d => d.row.untilMs <= nowMs && d.device !== device)
            .map(d => deleteDevice(account, d.device))
        ])
      }),
    sweep: (account, nowMs) =>
      locks.run(account, async () => {
        const devices = await devicesOf(account)
        const gone = devices.filter(d => d.row.untilMs <= nowMs)
        const live = devices.filter(d => d.row.untilMs > nowMs)
        const done = live.length > 0 ? Math.min(...live.map(d => d.row.cursor)) : 0
        const changes = gone.map(d => deleteDevice(account, d.device))
        const dead = (sequence: number, expiryMs: Millis) => sequence <= done || expiryMs <= nowMs
        return await trim(account, dead, changes)
      }),
    usage: () => ({ ...total })
  }
}

const deleteDevice = (account: AccountId, device: string): Change => ({
  type: 'delete',
  table: tables.devices,
  key: `${account}/${device}`
})

/** The same for known and unknown addresses. @throws {MuttrError} `BLOB_EXPIRED` */
function checkExpiry(expiryMs: Millis, nowMs: Millis): void {
  const furthestMs = nowMs + limits.blobLifeMsMax + limits.expiryStepMs + limits.clockSkewMs
  if (expiryMs <= nowMs || expiryMs > furthestMs)
    throw new MuttrError('BLOB_EXPIRED', 'the notice has expired, or would live too long')
}

/** All rows of a table, a page at a time. */
export async function* rowsOf(
  state: State,
  table: string,
  range: { gte?: string; lt?: string } = {}
): AsyncGenerator<{ key: string; value: Uint8Array }> {
  const limit = 500
  let from: { gte?: string; gt?: string } = range.gte === undefined ? {} : { gte: range.gte }
  for (;;) {
    const rows = await state.list(table, {
      ...from,
      ...(range.lt === undefined ? {} : { lt: range.lt }),
      limit
    })
    yield* rows
    if (rows.length < limit) return
    from = { gt: rows.at(-1)!.key }
  }
}
