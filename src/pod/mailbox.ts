import { equalBytes, sha256, toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { Entry, NoticeBody } from '../wire/notice.ts'
import { decodeStored, encodeStored } from '../wire/notice.ts'
import { createBatches } from './batch.ts'
import type { PodLimits } from './limits.ts'
import { podTimes } from './limits.ts'
import type { Locks } from './locks.ts'
import { createLocks } from './locks.ts'
import type { Quota, Quotas } from './office/quotas.ts'
import { createQuotas } from './office/quotas.ts'
import type { AccountId, BoxRow, DeviceRow } from './rows.ts'
import { addressRow, boxRow, deviceRow, mailLog, tables, under } from './rows.ts'
import { rowsOf } from './scan.ts'

interface Incoming {
  readonly entry: Uint8Array
  /** SHA-256 of key and slip: two notices are one when both are. A stranger who learned the key cannot take its place. */
  readonly mark: Uint8Array
}

const emptyBox: BoxRow = { head: 0, trimmed: 0, count: 0, bytes: 0 }
const nobodySlots = 1_024
const batchMax = 64
const trimPage = 200

const markOf = (n: Pick<NoticeBody, 'key' | 'slip'>): Uint8Array => sha256(n.key, n.slip)
const kept = (): undefined => undefined
const noRoom = (): never => {
  throw new MuttrError('LIMIT_EXCEEDED', 'no room for another notice')
}

/**
 * The notices of a pod's accounts: kept until every device of the account acknowledged them, or they expire.
 * Decides over the state alone, with time as an argument, so that several processes may do it over one database: what two
 * of them must not do twice is an `insert`; the counts are hints that may lag by what is under way.
 */
export class Mailbox {
  readonly #state: State
  readonly #limits: PodLimits
  readonly #locks: Locks = createLocks()
  readonly #keep: (account: AccountId, incoming: Incoming) => Promise<void>
  readonly #keepForNobody: (address: string, incoming: Incoming) => Promise<void>
  readonly #quotas: Quotas
  #notices = 0
  #bytes = 0

  private constructor(state: State, bounds: PodLimits) {
    this.#state = state
    this.#limits = bounds
    this.#quotas = createQuotas(state)
    this.#keep = createBatches(this.#locks, batchMax, (key, all) => this.#keepAll(key, all))
    this.#keepForNobody = createBatches(this.#locks, batchMax, (_, all) => this.#pretend(all))
  }

  static async open({ state, limits: bounds }: { state: State; limits: PodLimits }) {
    const mailbox = new Mailbox(state, bounds)
    await mailbox.recount()
    return mailbox
  }

  /** Adds up what there is: other processes have added to it and taken from it. */
  async recount(): Promise<void> {
    let [notices, bytes] = [0, 0]
    for await (const { value } of rowsOf(this.#state, tables.boxes)) {
      const box = boxRow.decode(value)
      notices += box.count
      bytes += box.bytes
    }
    this.#notices = notices
    this.#bytes = bytes
  }

  usage(): { notices: number; bytes: number } {
    return { notices: this.#notices, bytes: this.#bytes }
  }

  /**
   * Keeps a notice for whoever has its address. Nobody's notice, and one for a mailbox that is full, costs as much and resolves just
   * the same: else who fills a mailbox could see whether an address is anybody's.
   * @throws {MuttrError} `BLOB_EXPIRED`; `LIMIT_EXCEEDED` when the pod as a whole is full; `DISK_FULL`
   */
  async deliver(notice: NoticeBody, nowMs: Millis): Promise<void> {
    checkExpiry(notice.expiryMs, nowMs)
    if (!this.#hasRoom()) noRoom()
    const to = toHex(notice.address)
    const row = await this.#state.get(tables.addresses, to)
    const address = row && addressRow.decode(row)
    const incoming = { entry: encodeStored({ ...notice, takenMs: nowMs }), mark: markOf(notice) }
    if (address && address.untilMs > nowMs) await this.#keep(address.account, incoming)
    else await this.#keepForNobody(to, incoming)
  }

  /**
   * Where a device's playback starts, and the last notice there is.
   * @param after what the device says it has.
   */
  async position(
    account: AccountId,
    device: string,
    after: number
  ): Promise<{ from: number; head: number }> {
    const { head } = await this.#box(account)
    const row = await this.#state.get(tables.devices, `${account}/${device}`)
    const cursor = row ? deviceRow.decode(row).cursor : 0
    // A device that claims more than there is speaks of another mailbox: one that the pod lost.
    return { from: after <= head ? Math.max(after, cursor) : cursor, head }
  }

  /** Entries after a sequence that have not expired; `through` is where the next page starts. */
  async page(
    account: AccountId,
    after: number,
    limit: number,
    nowMs: Millis
  ): Promise<{ entries: Entry[]; through: number }> {
    const found = await this.#state.page(mailLog(account), after, limit)
    const live = found.filter(({ entry }) => decodeStored(entry).expiryMs > nowMs)
    return {
      entries: live.map(({ sequence, entry }) => ({ sequence, frame: entry })),
      through: found.at(-1)?.sequence ?? after
    }
  }

  /**
   * Remembers a device from now on: nothing is dropped before it acknowledged, or its statement ended.
   * @throws {MuttrError} `LIMIT_EXCEEDED`
   */
  meet(
    account: AccountId,
    device: string,
    { peer, untilMs, nowMs }: { peer: PeerId; untilMs: Millis; nowMs: Millis }
  ): Promise<void> {
    return this.#locks.run(account, async () => {
      const others = (await this.#devices(account)).filter(d => d.device !== device)
      const live = this.#roomFor(
        others.filter(({ row }) => row.untilMs > nowMs),
        nowMs
      )
      const known = await this.#state.get(tables.devices, `${account}/${device}`)
      const cursor = known ? deviceRow.decode(known).cursor : 0
      await this.#state.write([
        putDevice(account, device, { peer, untilMs, cursor, seenMs: nowMs }),
        ...others.filter(d => !live.includes(d)).map(d => deleteDevice(account, d.device))
      ])
    })
  }

  /** Moves a device's cursor forward, never back, and drops what no device waits for any more. */
  acknowledge(account: AccountId, device: string, through: number, nowMs: Millis): Promise<void> {
    return this.#locks.run(account, async () => {
      const devices = await this.#devices(account)
      const mine = devices.find(d => d.device === device)
      if (!mine) return // no account yet, or the device was forgotten: nothing is kept for it
      const { head } = await this.#box(account)
      const cursor = Math.max(mine.row.cursor, Math.min(through, head))
      if (cursor === mine.row.cursor) return
      const others = devices.filter(d => d !== mine && d.row.untilMs > nowMs)
      const done = Math.min(cursor, ...others.map(d => d.row.cursor))
      const moved = putDevice(account, device, { ...mine.row, cursor, seenMs: nowMs })
      await this.#trim(account, sequence => sequence <= done, [moved])
    })
  }

  /** Drops what has expired from one account's mailbox, and devices whose statements have. @returns notices dropped. */
  sweep(account: AccountId, nowMs: Millis): Promise<number> {
    return this.#locks.run(account, async () => {
      const devices = await this.#devices(account)
      const live = devices.filter(({ row }) => row.untilMs > nowMs)
      const done = live.length > 0 ? Math.min(...live.map(({ row }) => row.cursor)) : 0
      const gone = devices.filter(d => !live.includes(d))
      return await this.#trim(
        account,
        (sequence, expiryMs) => sequence <= done || expiryMs <= nowMs,
        gone.map(d => deleteDevice(account, d.device))
      )
    })
  }

  /** What waits for an account. */
  async usageOf(account: AccountId): Promise<{ notices: number; bytes: number }> {
    const { count, bytes } = await this.#box(account)
    return { notices: count, bytes }
  }

  /** Drops all that waits for an account, and its devices. A page at a time: what is left of it a sweep drops. */
  async clear(account: AccountId): Promise<number> {
    const dropped = await this.#locks.run(account, () => this.#trim(account, () => true))
    await this.forget(account)
    return dropped
  }

  async isEmpty(account: AccountId): Promise<boolean> {
    return (await this.#box(account)).count === 0
  }

  /** Forgets an account without aliases: its devices, cursors and counts. The caller made sure that nothing waits. */
  forget(account: AccountId): Promise<void> {
    return this.#locks.run(account, async () => {
      const devices = await this.#devices(account)
      await this.#state.write([
        ...devices.map(d => deleteDevice(account, d.device)),
        { type: 'delete', table: tables.boxes, key: account }
      ])
    })
  }

  /** Makes room for one more device by dropping the one away longest. @throws {MuttrError} `LIMIT_EXCEEDED` */
  #roomFor<T extends { row: DeviceRow }>(live: readonly T[], nowMs: Millis): readonly T[] {
    if (live.length < this.#limits.devicesPerAccountMax) return live
    const [away, ...rest] = live.toSorted((a, b) => a.row.seenMs - b.row.seenMs)
    if (away === undefined || away.row.seenMs + podTimes.deviceAwayMs > nowMs)
      throw new MuttrError('LIMIT_EXCEEDED', `${live.length} devices already`)
    return rest
  }

  async #box(account: AccountId): Promise<BoxRow> {
    const row = await this.#state.get(tables.boxes, account)
    return row ? boxRow.decode(row) : emptyBox
  }

  async #devices(account: AccountId): Promise<{ device: string; row: DeviceRow }[]> {
    const rows = await this.#state.list(tables.devices, under(account))
    return rows.map(({ key, value }) => ({
      device: key.slice(account.length + 1),
      row: deviceRow.decode(value)
    }))
  }

  /** Keeps what came for one account, in one write. */
  async #keepAll(account: AccountId, incoming: readonly Incoming[]): Promise<(() => undefined)[]> {
    const before = await this.#box(account)
    const quota = await this.#quotas.of(account)
    let box = before
    const changes: Change[] = []
    const marks = new Set<string>()
    const results: (() => undefined)[] = []
    const lost: Incoming[] = []
    for (const { entry, mark } of incoming) {
      const seen = toHex(mark)
      const key = `${account}/${seen}`
      const known = marks.has(seen) || (await this.#state.get(tables.seen, key)) !== undefined
      const isFull = !known && this.#isFull({ before, box, quota }, entry.byteLength)
      results.push(isFull === 'pod' ? noRoom : kept)
      if (isFull === 'account') lost.push({ entry, mark })
      if (known || isFull) continue
      marks.add(seen)
      const { byteLength } = entry
      box = { ...box, head: box.head + 1, count: box.count + 1, bytes: box.bytes + byteLength }
      changes.push(
        { type: 'insert', table: tables.seen, key, value: new Uint8Array() },
        { type: 'append', log: mailLog(account), entry }
      )
    }
    if (lost.length > 0) await this.#pretend(lost)
    if (changes.length === 0) return results
    const { ok, sequences } = await this.#state.write([...changes, putBox(account, box)])
    // Another process kept one of them meanwhile: look again.
    if (!ok) return await this.#keepAll(account, incoming)
    this.#notices += box.count - before.count
    this.#bytes += box.bytes - before.bytes
    // Another process appended too: catch up, so that `head` stays close to the truth.
    const head = sequences.at(-1) ?? box.head
    if (head > box.head) await this.#state.write([putBox(account, { ...box, head })])
    return results
  }

  #hasRoom(): boolean {
    const { noticesMax, noticeBytesMax } = this.#limits
    return this.#notices < noticesMax && this.#bytes + limits.noticeBytesMax <= noticeBytesMax
  }

  #isFull(
    { before, box, quota }: { before: BoxRow; box: BoxRow; quota: Quota },
    bytes: number
  ): 'account' | 'pod' | false {
    const bounds = this.#limits
    const podIsFull =
      this.#notices + box.count - before.count >= bounds.noticesMax ||
      this.#bytes + box.bytes - before.bytes + bytes > bounds.noticeBytesMax
    if (podIsFull) return 'pod'
    const isFull =
      box.count >= (quota.notices ?? bounds.noticesPerAccountMax) ||
      box.bytes + bytes > (quota.noticeBytes ?? bounds.noticeBytesPerAccountMax)
    return isFull && 'account'
  }

  /** For an address nobody has: reads and writes as much as {@link #keepAll}, into a ring that does not grow. */
  async #pretend(incoming: readonly Incoming[]): Promise<(() => undefined)[]> {
    await this.#state.get(tables.boxes, 'nobody')
    await this.#quotas.of('nobody')
    const changes: Change[] = []
    for (const { entry, mark } of incoming) {
      const slot = String((mark[0]! * 256 + mark[1]!) % nobodySlots)
      const last = await this.#state.get(tables.nobody, `seen/${slot}`)
      if (last && equalBytes(last, mark)) continue
      changes.push(
        { type: 'put', table: tables.nobody, key: `seen/${slot}`, value: mark },
        { type: 'put', table: tables.nobody, key: `mail/${slot}`, value: entry }
      )
    }
    if (changes.length > 0)
      await this.#state.write([
        ...changes,
        { type: 'put', table: tables.nobody, key: 'box', value: boxRow.encode(emptyBox) }
      ])
    return incoming.map(() => kept)
  }

  /** Drops entries from the front for as long as `dead` says so, and writes `also` with it. */
  async #trim(
    account: AccountId,
    dead: (sequence: number, expiryMs: Millis) => boolean,
    also: readonly Change[] = []
  ): Promise<number> {
    const box = await this.#box(account)
    const changes: Change[] = [...also]
    let [trimmed, count, bytes] = [box.trimmed, 0, 0]
    const entries = await this.#state.page(mailLog(account), trimmed, trimPage)
    for (const { sequence, entry } of entries) {
      const notice = decodeStored(entry)
      if (!dead(sequence, notice.expiryMs)) break
      const key = `${account}/${toHex(markOf(notice))}`
      changes.push({ type: 'delete', table: tables.seen, key })
      trimmed = sequence
      count += 1
      bytes += entry.byteLength
    }
    if (count > 0) {
      const head = Math.max(box.head, trimmed)
      const rest = { count: Math.max(0, box.count - count), bytes: Math.max(0, box.bytes - bytes) }
      changes.push({ type: 'trim', log: mailLog(account), through: trimmed })
      changes.push(putBox(account, { head, trimmed, ...rest }))
    }
    if (changes.length > 0) await this.#state.write(changes)
    this.#notices = Math.max(0, this.#notices - count)
    this.#bytes = Math.max(0, this.#bytes - bytes)
    return count === trimPage ? count + (await this.#trim(account, dead)) : count
  }
}

const putBox = (account: AccountId, box: BoxRow): Change => ({
  type: 'put',
  table: tables.boxes,
  key: account,
  value: boxRow.encode(box)
})

const putDevice = (account: AccountId, device: string, row: DeviceRow): Change => ({
  type: 'put',
  table: tables.devices,
  key: `${account}/${device}`,
  value: deviceRow.encode(row)
})

const deleteDevice = (account: AccountId, device: string): Change => ({
  type: 'delete',
  table: tables.devices,
  key: `${account}/${device}`
})

/** The same for known and unknown addresses. @throws {MuttrError} `BLOB_EXPIRED` */
export function checkExpiry(expiryMs: Millis, nowMs: Millis): void {
  const furthestMs = nowMs + limits.blobLifeMsMax + limits.expiryStepMs + limits.clockSkewMs
  if (expiryMs <= nowMs || expiryMs > furthestMs)
    throw new MuttrError('BLOB_EXPIRED', 'the notice has expired, or would live too long')
}
