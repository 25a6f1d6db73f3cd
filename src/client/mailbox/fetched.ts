import { toHex } from '../../base/bytes.ts'
import { codeOf } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Outbox } from '../../base/outbox.ts'
import type { Clock, Log, Millis, PeerId, Random } from '../../base/ports.ts'
import { Pump } from '../../base/pump.ts'
import { throwDice } from '../../base/retry.ts'
import type { Change, State } from '../../store/state.ts'
import type { Blob } from '../../wire/blob.ts'
import type { Carried } from '../carried.ts'
import type { NoticeRow } from '../inbox-rows.ts'
import { noticeId } from '../inbox-rows.ts'
import type { Self } from '../self.ts'
import { decodeBlobRow, encodeBlobRow } from '../sent-secrets.ts'
import type { StrangerFetch } from '../stranger-fetch.ts'
import type { Strangers } from '../strangers.ts'

export interface FetchedParts {
  state: State
  self: Pick<Self, 'locked'>
  /** Nobody can tell now who wrote a letter: each is fetched as a stranger's. */
  strangerFetch: Pick<StrangerFetch, 'get'>
  /** What pods sent along is not fetched. */
  carried: Pick<Carried, 'take'>
  strangers: Strangers
  queue: Outbox
  clock: Clock
  random: Random
  log: Log
  emit: Emit
  life: AbortSignal
}

const table = 'fetched'
/** How many bytes each has, so that the sum is known without reading them. */
const sizes = 'fetched-sizes'
/** A thousand of the largest. */
const bytesMax = 256 * 1_024 * 1_024

/** What takes a letter that was fetched ahead from the disk, with the write that is done with it. */
export const fetchedDrops = (key: Uint8Array): Change[] =>
  [table, sizes].map(name => ({ type: 'delete', table: name, key: toHex(key) }))

/**
 * Letters that were fetched while the vault was locked: sealed as they came, to be opened when it is. Until then nobody knows who wrote
 * them, and so nothing that is fetched tells anybody what its reader thinks of its sender. Source: docs/protocol/letter.md#while-the-vault-is-locked
 */
export class Fetched implements AsyncDisposable {
  readonly #parts: FetchedParts
  readonly #pump: Pump
  readonly #notices = new Map<string, NoticeRow>()
  #bytes = 0

  constructor(parts: FetchedParts) {
    this.#parts = parts
    const { queue, clock, life, self } = parts
    this.#pump = new Pump({
      outbox: queue,
      clock,
      life,
      act: ({ type, id }) => (type === 'try' ? this.#try(id) : this.#forget(id)),
      mayBegin: () => self.locked
    })
  }

  /** Fetches what these announce, as long as the vault is locked. */
  async ahead(notices: readonly NoticeRow[]): Promise<void> {
    const { self, state, queue, clock } = this.#parts
    if (!self.locked) return
    const rows = await state.list(sizes)
    this.#bytes = rows.reduce((sum, { value }) => sum + Number(Buffer.from(value)), 0)
    const there = new Set(rows.map(({ key }) => key))
    for (const notice of notices) {
      if (there.has(toHex(notice.key))) continue
      const id = noticeId(notice)
      this.#notices.set(id, notice)
      queue.add({ id, expiryMs: notice.expiryMs, failures: 0, dueMs: clock.now() })
    }
    this.#pump.run()
  }

  /** The network or a pod is back. */
  wake(): void {
    const { queue, clock } = this.#parts
    queue.wake(clock.now())
    this.#pump.run()
  }

  /** The vault is open: from now on letters are fetched by who opens them. */
  unlocked(): void {
    for (const id of this.#notices.keys()) void this.#forget(id)
  }

  /** A letter that was fetched ahead, if it is undamaged, or that came along with its notice. */
  async get(key: Uint8Array): Promise<Blob | undefined> {
    const { state, log } = this.#parts
    const stored = await state.get(table, toHex(key))
    try {
      if (stored) return decodeBlobRow(stored)
    } catch (err) {
      log.warn('what was fetched is damaged, and is fetched again', { code: codeOf(err) })
    }
    const { blob, from } = this.#parts.carried.take(key) ?? {}
    if (blob && from) this.#tell(blob, from, 0)
    return blob
  }

  #tell({ key, sealed }: Blob, from: PeerId, ms: Millis): void {
    const sizeBytes = sealed.byteLength
    this.#parts.emit({ type: 'fetched', key: toHex(key), from, sizeBytes, ms })
  }

  async #forget(id: string): Promise<void> {
    const { queue, strangers } = this.#parts
    this.#notices.delete(id)
    strangers.forget(id)
    queue.finished(id)
  }

  async #try(id: string): Promise<void> {
    const { queue, clock, strangers, log, random, life } = this.#parts
    const notice = this.#notices.get(id)
    if (!notice) return queue.finished(id)
    const waitMs = strangers.take(id, clock.now())
    if (waitMs > 0) return queue.later(id, clock.now() + waitMs)
    try {
      await this.#fetch(notice)
      await this.#forget(id)
    } catch (err) {
      if (!life.aborted) log.debug('not fetched ahead', { code: codeOf(err) })
      queue.failed(id, clock.now(), throwDice(random))
    }
  }

  async #fetch({ key, pod, sizeBytes }: NoticeRow): Promise<void> {
    const { strangerFetch, state, clock, carried } = this.#parts
    if (this.#bytes + sizeBytes > bytesMax) return
    const startMs = clock.now()
    const { blob, from } = carried.take(key) ?? (await strangerFetch.get(pod, key))
    const name = toHex(key)
    const size = blob.sealed.byteLength
    this.#bytes += size
    await state.write([
      { type: 'put', table, key: name, value: encodeBlobRow(blob) },
      { type: 'put', table: sizes, key: name, value: Buffer.from(String(size)) }
    ])
    this.#tell(blob, from, clock.now() - startMs)
  }

  /** Resolves when nothing is being fetched. */
  async quiet(): Promise<void> {
    await this.#pump.quiet()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pump[Symbol.asyncDispose]()
  }
}
