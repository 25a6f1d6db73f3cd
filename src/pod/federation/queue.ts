import { sha256, toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import type { QueueNews, QueueRequest, QueueState } from '../../wire/federation.ts'
import { createBatches } from '../batch.ts'
import type { PodLimits } from '../limits.ts'
import { createLocks } from '../locks.ts'
import type { AccountId } from '../rows.ts'
import { tables, under } from '../rows.ts'
import { rowsOf } from '../scan.ts'
import type { QueueRow } from './rows.ts'
import { queueRow } from './rows.ts'

/** Whose notice it is, and who is told what became of it. */
export interface Sender {
  readonly account: AccountId
  /** Device key, hex. */
  readonly device: string
}

/** A notice in the queue, in memory: everything but its bytes. */
export interface Queued extends Sender {
  /** `ACCOUNT/HASH` */
  readonly key: string
  readonly hostname: string
  readonly pin: string | null
  readonly takenMs: Millis
  readonly expiryMs: Millis
}

/** What a device is told of a notice of its own. */
export interface Told extends Sender {
  readonly news: QueueNews
}

type Bounds = Pick<
  PodLimits,
  'queuePerAccountMax' | 'queuePerPodMax' | 'queueMax' | 'queueDonePerAccountMax'
>

/** What waits for one pod: of each account, oldest first, but what was put off behind the rest. */
interface Lane {
  size: number
  readonly accounts: Map<AccountId, Map<string, Queued>>
}

interface Incoming {
  readonly entry: Queued
  readonly notice: Uint8Array
}

const batchMax = 64
const keyOf = (account: AccountId, hash: Uint8Array): string => `${account}/${toHex(hash)}`
const hashOf = ({ key, account }: Queued): Uint8Array =>
  new Uint8Array(Buffer.from(key.slice(account.length + 1), 'hex'))

/**
 * Notices that a pod's people gave it for other pods: on the disk before anybody is told so, until they are settled, and then what became
 * of them, until the sender has taken it. Which is tried when is for the {@link Forwarder} to say.
 * Source: docs/protocol/federation.md#the-queue
 */
export class Queue {
  readonly #state: State
  readonly #bounds: Bounds
  readonly #write: (key: string, incoming: Incoming) => Promise<void>
  /** Waiting, by the other pod's hostname. */
  readonly #waiting = new Map<string, Lane>()
  /** All that wait, and all that are settled (oldest first), of an account. */
  readonly #ofAccount = new Map<AccountId, { waiting: number; settled: Map<string, Queued> }>()
  #count = 0

  private constructor(state: State, bounds: Bounds) {
    this.#state = state
    this.#bounds = bounds
    this.#write = createBatches(createLocks(), batchMax, (_, all) => this.#keep(all))
  }

  static async open({ state, limits }: { state: State; limits: Bounds }): Promise<Queue> {
    const queue = new Queue(state, limits)
    await queue.adopt(Number.POSITIVE_INFINITY)
    return queue
  }

  /** Takes up what stands in the state from before `untilMs`: of a former run, or of another process of the pod that may be gone. */
  async adopt(untilMs: Millis): Promise<void> {
    const found: { entry: Queued; isSettled: boolean }[] = []
    for await (const { key, value } of rowsOf(this.#state, tables.queue)) {
      const { notice: _, settled, ...row } = queueRow.decode(value)
      const account = key.slice(0, key.indexOf('/'))
      const entry = { ...row, key, account }
      if (row.takenMs <= untilMs) found.push({ entry, isSettled: settled !== null })
    }
    found.sort((a, b) => a.entry.takenMs - b.entry.takenMs)
    for (const { entry, isSettled } of found) {
      if (!isSettled) this.#insert(entry)
      else {
        this.#remove(entry)
        this.#mine(entry.account).settled.set(entry.key, entry)
      }
    }
  }

  usage(): { queued: number } {
    return { queued: this.#count }
  }

  /** Hostnames of pods for which something waits. */
  hostnames(): string[] {
    return [...this.#waiting.keys()]
  }

  countFor(hostname: string): number {
    return this.#waiting.get(hostname)?.size ?? 0
  }

  /** Resolves when it is on the disk; one that is there already is left as it is. @throws {MuttrError} `LIMIT_EXCEEDED`, `DISK_FULL` */
  async add(sender: Sender, request: QueueRequest, nowMs: Millis): Promise<void> {
    const { notice, hostname, expiryMs } = request
    const { account, device } = sender
    const key = keyOf(account, sha256(notice))
    if (this.#has(hostname, account, key) || this.#mine(account).settled.has(key)) return
    const pin = request.pin === null ? null : toHex(request.pin)
    const entry = { key, account, device, hostname, pin, takenMs: nowMs, expiryMs }
    this.#checkRoom(entry)
    // Counted before it is written, so that many at once keep the bounds; tried when it is written.
    this.#mine(account).waiting++
    this.#count++
    try {
      await this.#write('queue', { entry, notice })
    } catch (err) {
      this.#mine(account).waiting--
      this.#count--
      throw err
    }
    this.#mine(account).waiting--
    this.#count--
    this.#insert(entry)
  }

  /** Some that wait for a pod: of each account in turn, so that none waits behind another's. */
  waiting(hostname: string, max: number): Queued[] {
    const lane = this.#waiting.get(hostname)
    const turns = [...(lane?.accounts.values() ?? [])].map(all => all.values())
    const found: Queued[] = []
    for (let open = turns; open.length > 0 && found.length < max; )
      open = open.filter(turn => {
        const next = found.length < max ? turn.next() : undefined
        if (next?.value) found.push(next.value)
        return next?.done === false
      })
    return found
  }

  /** They are tried after the others of their account. */
  putOff(entries: readonly Queued[]): void {
    for (const entry of entries) {
      const all = this.#waiting.get(entry.hostname)?.accounts.get(entry.account)
      if (all?.delete(entry.key)) all.set(entry.key, entry)
    }
  }

  /** With the sealed bytes of each that is still there. */
  async load(entries: readonly Queued[]): Promise<{ entry: Queued; notice: Uint8Array }[]> {
    const rows = await Promise.all(
      entries.map(async entry => ({ entry, row: await this.#row(entry.key) }))
    )
    return rows.flatMap(({ entry, row }) => {
      if (row?.settled === null) return [{ entry, notice: row.notice }]
      // Another process of the pod was faster, or its sender wants it no more.
      this.#remove(entry)
      return []
    })
  }

  /** Writes down what became of notices, in one write. @returns what to tell their senders. */
  async settle(settled: readonly { entry: Queued; state: QueueState }[]): Promise<Told[]> {
    const changes = settled.map(
      ({ entry: { key, account: _, ...rest }, state }): Change => ({
        type: 'put',
        table: tables.queue,
        key,
        value: queueRow.encode({ ...rest, notice: new Uint8Array(), settled: state })
      })
    )
    const over = this.#tooMany(settled.map(({ entry }) => entry))
    if (changes.length > 0) await this.#state.write([...changes, ...over.map(drop)])
    for (const { entry } of settled) {
      this.#remove(entry)
      this.#mine(entry.account).settled.set(entry.key, entry)
    }
    for (const { key, account } of over) this.#mine(account).settled.delete(key)
    return settled.map(({ entry, state }) => tell(entry, state))
  }

  /** What became of notices of an account; of one that waits, what `queuedFor` says of its pod. */
  states(
    account: AccountId,
    hashes: readonly Uint8Array[],
    queuedFor: (hostname: string) => QueueState
  ): Promise<QueueState[]> {
    return Promise.all(
      hashes.map(async (hash): Promise<QueueState> => {
        const row = await this.#row(keyOf(account, hash))
        return row ? (row.settled ?? queuedFor(row.hostname)) : { type: 'unknown' }
      })
    )
  }

  /** Their sender has written down what became of them, or wants no more of it: they are forgotten, also when they wait. */
  async done(account: AccountId, hashes: readonly Uint8Array[]): Promise<void> {
    const { settled } = this.#mine(account)
    const known: Queued[] = []
    for (const hash of hashes) {
      const key = keyOf(account, hash)
      const row = await this.#row(key)
      if (row) known.push({ ...row, key, account })
    }
    if (known.length > 0) await this.#state.write(known.map(drop))
    for (const entry of known) {
      settled.delete(entry.key)
      this.#remove(entry)
    }
    this.#tidy(account)
  }

  /** Nothing of an account is kept any more. */
  async forget(account: AccountId): Promise<void> {
    const drops: Change[] = []
    for await (const row of rowsOf(this.#state, tables.queue, under(account))) drops.push(drop(row))
    for (let at = 0; at < drops.length; at += batchMax)
      await this.#state.write(drops.slice(at, at + batchMax))
    const waiting = [...this.#waiting.values()].flatMap(({ accounts }) => [
      ...(accounts.get(account)?.values() ?? [])
    ])
    for (const entry of waiting) this.#remove(entry)
    this.#mine(account).settled.clear()
    this.#tidy(account)
  }

  /** Drops what has expired. @returns what to tell the senders of those that waited in vain. */
  async expire(nowMs: Millis): Promise<Told[]> {
    const old = [...this.#waiting.values()].flatMap(({ accounts }) =>
      [...accounts.values()].flatMap(all => [...all.values()].filter(isOld(nowMs)))
    )
    const told = [...this.#ofAccount.values()].flatMap(({ settled }) =>
      [...settled.values()].filter(isOld(nowMs))
    )
    for (let at = 0; at < old.length + told.length; at += batchMax)
      await this.#state.write([...old, ...told].slice(at, at + batchMax).map(drop))
    for (const entry of old) this.#remove(entry)
    for (const { account, key } of told) {
      this.#mine(account).settled.delete(key)
      this.#tidy(account)
    }
    return old.map(entry => tell(entry, { type: 'expired' }))
  }

  async #keep(incoming: readonly Incoming[]): Promise<(() => void)[]> {
    await this.#state.write(
      incoming.map(({ entry: { key, account: _, ...rest }, notice }) => ({
        type: 'put',
        table: tables.queue,
        key,
        value: queueRow.encode({ ...rest, notice, settled: null })
      }))
    )
    return incoming.map(() => () => undefined)
  }

  async #row(key: string): Promise<QueueRow | undefined> {
    const value = await this.#state.get(tables.queue, key)
    return value && queueRow.decode(value)
  }

  /** @throws {MuttrError} `LIMIT_EXCEEDED` */
  #checkRoom({ account, hostname }: Queued): void {
    const { queueMax, queuePerAccountMax, queuePerPodMax } = this.#bounds
    const full =
      this.#count >= queueMax ||
      this.#mine(account).waiting >= queuePerAccountMax ||
      this.countFor(hostname) >= queuePerPodMax
    this.#tidy(account)
    if (full) throw new MuttrError('LIMIT_EXCEEDED', 'too many notices wait to be passed on')
  }

  /** The settled ones that are forgotten, oldest first, so that so many more have room. */
  #tooMany(more: readonly Queued[]): Queued[] {
    const counts = new Map<AccountId, number>()
    for (const { account } of more) counts.set(account, (counts.get(account) ?? 0) + 1)
    return [...counts].flatMap(([account, count]) => {
      const { settled } = this.#mine(account)
      const over = Math.max(0, settled.size + count - this.#bounds.queueDonePerAccountMax)
      return settled.values().take(over).toArray()
    })
  }

  #mine(account: AccountId) {
    const known = this.#ofAccount.get(account) ?? { waiting: 0, settled: new Map() }
    this.#ofAccount.set(account, known)
    return known
  }

  #tidy(account: AccountId): void {
    const { waiting, settled } = this.#mine(account)
    if (waiting === 0 && settled.size === 0) this.#ofAccount.delete(account)
  }

  #has(hostname: string, account: AccountId, key: string): boolean {
    return this.#waiting.get(hostname)?.accounts.get(account)?.has(key) === true
  }

  #insert(entry: Queued): void {
    const { hostname, account, key } = entry
    if (this.#has(hostname, account, key)) return
    const lane = this.#waiting.get(hostname) ?? { size: 0, accounts: new Map() }
    const all = lane.accounts.get(account) ?? new Map<string, Queued>()
    this.#waiting.set(hostname, lane)
    lane.accounts.set(account, all.set(key, entry))
    lane.size++
    this.#mine(account).waiting++
    this.#count++
  }

  #remove({ hostname, account, key }: Queued): void {
    const lane = this.#waiting.get(hostname)
    const all = lane?.accounts.get(account)
    if (!lane || !all?.delete(key)) return
    lane.size--
    if (all.size === 0) lane.accounts.delete(account)
    if (lane.size === 0) this.#waiting.delete(hostname)
    this.#mine(account).waiting--
    this.#count--
    this.#tidy(account)
  }
}

const drop = ({ key }: Pick<Queued, 'key'>): Change => ({
  type: 'delete',
  table: tables.queue,
  key
})

const isOld =
  (nowMs: Millis) =>
  ({ expiryMs }: Queued): boolean =>
    expiryMs <= nowMs

const tell = (entry: Queued, state: QueueState): Told => ({
  account: entry.account,
  device: entry.device,
  news: { hash: hashOf(entry), state }
})
