import { sha256, toHex } from '../base/bytes.ts'
import { MuttrError } from '../base/errors.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { Entry, NoticeBody } from '../wire/notice.ts'
import { decodeStored, encodeStored } from '../wire/notice.ts'
import type { Addresses } from './addresses/addresses.ts'
import { dropHeld, handOver, hold } from './addresses/held.ts'
import { pretend } from './addresses/nobody.ts'
import { isOfKey, ownerId } from './addresses/rows.ts'
import { createBatches } from './batch.ts'
import { checkExpiry, deleteDevice, lessened, putBox, putDevice, readBox } from './boxes.ts'
import type { PodLimits } from './limits.ts'
import { podTimes } from './limits.ts'
import type { Locks } from './locks.ts'
import { createLocks } from './locks.ts'
import type { Quotas } from './office/quotas.ts'
import { createQuotas, noQuota } from './office/quotas.ts'
import type { Room } from './room.ts'
import { createRoom } from './room.ts'
import type { AccountId, BoxRow, DeviceRow } from './rows.ts'
import { deviceRow, mailLog, tables, under } from './rows.ts'

interface Incoming {
  readonly entry: Uint8Array
  /** SHA-256 of key and slip: two notices are one when both are. A stranger who learned the key cannot take its place. */
  readonly mark: Uint8Array
}
/** For an address that somebody has. */
interface Addressed extends Incoming {
  readonly address: string
  readonly nowMs: Millis
}

interface MailboxParts {
  state: State
  limits: PodLimits
  /** Whose they are, and what is done with what comes there. */
  addresses: Addresses
}

const batchMax = 64
const trimPage = 200
const attemptsMax = 16

const markOf = (n: Pick<NoticeBody, 'key' | 'slip'>): Uint8Array => sha256(n.key, n.slip)
const kept = (): undefined => undefined
const noRoom = (): never => {
  throw new MuttrError('LIMIT_EXCEEDED', 'no room for another notice')
}
const busy = (): never => {
  throw new MuttrError('LIMIT_EXCEEDED', 'the mailbox is being changed; try again')
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
  readonly #keep: (account: AccountId, incoming: Addressed) => Promise<void>
  readonly #keepForNobody: (address: string, incoming: Incoming) => Promise<void>
  readonly #quotas: Quotas
  readonly #addresses: Addresses
  readonly #room: Room

  private constructor({ state, limits: bounds, addresses }: MailboxParts) {
    this.#state = state
    this.#limits = bounds
    this.#room = createRoom(state, bounds)
    this.#addresses = addresses
    this.#quotas = createQuotas(state)
    this.#keep = createBatches(this.#locks, batchMax, (key, all) => this.#keepAll(key, all))
    this.#keepForNobody = createBatches(this.#locks, batchMax, async (_, all) => {
      await this.#pretend(all)
      return all.map(() => kept)
    })
  }

  static async open(parts: MailboxParts) {
    const mailbox = new Mailbox(parts)
    await mailbox.recount()
    return mailbox
  }

  /** Counts anew what there is. */
  recount(): Promise<void> {
    return this.#room.recount()
  }

  usage(): { notices: number; bytes: number } {
    return this.#room.usage()
  }

  /**
   * Keeps a notice for whoever has its address. Nobody's notice, and one for a mailbox that is full, costs as much and resolves just
   * the same: else who fills a mailbox could see whether an address is anybody's.
   * @throws {MuttrError} `BLOB_EXPIRED`; `LIMIT_EXCEEDED` when the pod as a whole is full; `DISK_FULL`
   */
  async deliver(notice: NoticeBody, nowMs: Millis): Promise<void> {
    checkExpiry(notice.expiryMs, nowMs)
    if (!this.#room.has()) noRoom()
    const address = toHex(notice.address)
    const row = await this.#addresses.find(address, nowMs)
    const incoming = { entry: encodeStored({ ...notice, takenMs: nowMs }), mark: markOf(notice) }
    if (row && row.policy !== 'ignore')
      await this.#keep(ownerId(row.owner), { ...incoming, address, nowMs })
    else await this.#keepForNobody(address, incoming)
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
      const isOver = ({ expiryMs }: NoticeBody) => expiryMs <= nowMs
      const held = await dropHeld(this.#state, { owner: account }, isOver)
      this.#dropped(account, held)
      const devices = await this.#devices(account)
      const live = devices.filter(({ row }) => row.untilMs > nowMs)
      const done = live.length > 0 ? Math.min(...live.map(({ row }) => row.cursor)) : 0
      const gone = devices.filter(d => !live.includes(d))
      const trimmed = await this.#trim(
        account,
        (sequence, expiryMs) => sequence <= done || expiryMs <= nowMs,
        gone.map(d => deleteDevice(account, d.device))
      )
      return held.count + trimmed
    })
  }

  /** Whoever holds the key of an address has what stands up to here: there are no devices to wait for. */
  taken(owner: string, through: number): Promise<number> {
    return this.#locks.run(owner, () => this.#trim(owner, sequence => sequence <= through))
  }

  /** What waits for an account. */
  async usageOf(account: AccountId): Promise<{ notices: number; bytes: number }> {
    const { count, bytes } = await this.#box(account)
    return { notices: count, bytes }
  }

  /** Drops all that waits for an account, and its devices. A page at a time: what is left of it a sweep drops. */
  async clear(account: AccountId): Promise<number> {
    const dropped = await this.#locks.run(account, () => this.#trim(account, () => true))
    const held = await this.dropHeld(account)
    await this.forget(account)
    return dropped + held
  }

  /** Hands over what waited at an address to be asked for. @returns how many */
  handOver(account: AccountId, address: string): Promise<number> {
    return this.#locks.run(account, () => handOver(this.#state, account, address))
  }

  /** Drops what waits to be asked for, at one address or at all. @returns how many */
  dropHeld(account: AccountId, address?: string): Promise<number> {
    return this.#locks.run(account, async () => {
      const where = { owner: account, ...(address !== undefined && { address }) }
      const held = await dropHeld(this.#state, where)
      this.#dropped(account, held)
      return held.count
    })
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

  #box(account: AccountId): Promise<BoxRow> {
    return readBox(this.#state, account)
  }

  async #devices(account: AccountId): Promise<{ device: string; row: DeviceRow }[]> {
    const rows = await this.#state.list(tables.devices, under(account))
    return rows.map(({ key, value }) => ({
      device: key.slice(account.length + 1),
      row: deviceRow.decode(value)
    }))
  }

  /** Keeps what came for one account, in one write. */
  async #keepAll(
    account: AccountId,
    incoming: readonly Addressed[],
    attempt = 1
  ): Promise<(() => undefined)[]> {
    const before = await this.#box(account)
    // One read for either, as for nobody's.
    const quota = isOfKey(account)
      ? await this.#room.meet(account).then(() => noQuota)
      : await this.#quotas.of(account)
    let box = before
    const changes: Change[] = []
    const marks = new Set<string>()
    const results: (() => undefined)[] = []
    const lost: Incoming[] = []
    const used = new Map<string, Uint8Array[]>()
    for (const { entry, mark, address, nowMs } of incoming) {
      const seen = toHex(mark)
      const key = `${account}/${seen}`
      const known = marks.has(seen) || (await this.#state.get(tables.seen, key)) !== undefined
      const isFull = !known && this.#room.isFull(account, { before, box, quota }, entry.byteLength)
      results.push(isFull === 'pod' ? noRoom : kept)
      if (isFull === 'account') lost.push({ entry, mark })
      if (known || isFull) continue
      // Read under the lock: what is held after its policy became another would be asked for by nobody.
      const row = await this.#addresses.find(address, nowMs)
      const isTaken = row && row.policy !== 'ignore' && ownerId(row.owner) === account
      const uses = isTaken && (await this.#use({ mark, address, uses: row.uses }, used))
      if (!uses) {
        lost.push({ entry, mark })
        continue
      }
      marks.add(seen)
      const { byteLength } = entry
      const head = box.head + Number(row.policy === 'pull')
      box = { ...box, head, count: box.count + 1, bytes: box.bytes + byteLength }
      changes.push(
        ...uses,
        { type: 'insert', table: tables.seen, key, value: new Uint8Array() },
        row.policy === 'pull'
          ? { type: 'append', log: mailLog(account), entry }
          : hold({ owner: account, address, mark: seen }, entry)
      )
    }
    if (lost.length > 0) await this.#pretend(lost)
    if (changes.length === 0) return results
    const { ok, sequences } = await this.#state.write([...changes, putBox(account, box)])
    // Another process kept one of them meanwhile: look again.
    if (!ok) return attempt < attemptsMax ? this.#keepAll(account, incoming, attempt + 1) : busy()
    this.#room.changed(account, {
      count: box.count - before.count,
      bytes: box.bytes - before.bytes
    })
    // Another process appended too: catch up, so that `head` stays close to the truth.
    const head = sequences.at(-1) ?? box.head
    if (head > box.head) await this.#state.write([putBox(account, { ...box, head })])
    return results
  }

  #dropped(owner: string, { count, bytes }: { count: number; bytes: number }): void {
    this.#room.changed(owner, { count: -count, bytes: -bytes })
  }

  /** @param used marks that the same write counts, by address. @returns undefined for an address that is used up */
  async #use(
    { mark, address, uses }: { mark: Uint8Array; address: string; uses: number | null },
    used: Map<string, Uint8Array[]>
  ): Promise<Change[] | undefined> {
    if (uses === null) return []
    const also = used.get(address) ?? []
    const changes = await this.#addresses.use(address, { uses, mark, also })
    if (changes && changes.length > 0) used.set(address, [...also, mark])
    return changes
  }

  #pretend(incoming: readonly Incoming[]): Promise<void> {
    return pretend({ state: this.#state, quotas: this.#quotas }, incoming)
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
      changes.push({ type: 'trim', log: mailLog(account), through: trimmed })
      changes.push(putBox(account, { ...lessened(box, count, bytes), head, trimmed }))
    }
    if (changes.length > 0) await this.#state.write(changes)
    this.#dropped(account, { count, bytes })
    return count === trimPage ? count + (await this.#trim(account, dead)) : count
  }
}
