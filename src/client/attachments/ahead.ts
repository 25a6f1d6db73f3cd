import { codeOf, MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import type { Action, Outbox } from '../../base/outbox.ts'
import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import { Pump } from '../../base/pump.ts'
import type { Schedule } from '../../base/retry.ts'
import { retryDelayMs, throwDice } from '../../base/retry.ts'
import type { State } from '../../store/state.ts'
import type { AheadStatus } from '../../wire/ahead.ts'
import { chunkContentBytes } from '../../wire/attachment.ts'
import type { Blob } from '../../wire/blob.ts'
import type { FetchedAhead } from '../client.ts'
import { failureOf } from '../failure.ts'
import type { Pods } from '../pods.ts'
import type { AheadRow } from './ahead-rows.ts'
import { aheadTable } from './ahead-rows.ts'

interface AheadParts {
  state: State
  pods: Pick<Pods, 'identified'>
  /** When a pod is asked again how far it is. */
  outbox: Outbox
  clock: Clock
  random: Random
  log: Log
  life: AbortSignal
  /** Something is known of it that was not. */
  onChange(id: string): void
  /** The pod knows nothing of it any more. */
  onForgotten(id: string): void
}

/** What a pod is to fetch. */
export interface AheadFile {
  readonly id: string
  readonly pod: string
  readonly chunks: number
  readonly expiryMs: Millis
  /** Of a chunk of the file. */
  keyOf(chunk: number): Promise<Uint8Array>
}

/** While the pod gets on; less and less often while it does not. */
const pollSchedule: Schedule = { firstMs: 10_000, maxMs: 10 * 60_000 }
/** A pod that failed to give a chunk is left alone so long: holders have it too. */
const restMs: Millis = 60_000

/** Files that a pod of ours fetches while we are away: what it was told, what it has, and what we take of it. Source: docs/protocol/ahead.md */
export class Ahead implements AsyncDisposable {
  readonly #parts: AheadParts
  readonly #table: ReturnType<typeof aheadTable>
  readonly #rows = new Map<string, AheadRow>()
  readonly #restUntilMs = new Map<string, Millis>()
  /** So often the pod was asked in vain, and once. */
  readonly #looks = new Map<string, number>()
  readonly #pump: Pump

  constructor(parts: AheadParts) {
    this.#parts = parts
    const { state, log, outbox, clock, life } = parts
    this.#table = aheadTable(state, log)
    this.#pump = new Pump({ outbox, clock, life, act: action => this.#act(action) })
  }

  /** Takes up what a former run left. */
  async start(): Promise<void> {
    for (const { value } of await this.#table.list()) {
      this.#rows.set(value.id, value)
      this.#look(value, 0)
    }
  }

  /** Of all others nobody here knows anything: a process ended before it had told the pod. */
  async keepOnly(ids: ReadonlySet<string>): Promise<void> {
    for (const id of [...this.#rows.keys()]) if (!ids.has(id)) await this.drop(id)
  }

  /** Undefined where no pod was asked, or is asked no more. */
  row(id: string): (AheadRow & { stage: FetchedAhead['state'] }) | undefined {
    const row = this.#rows.get(id)
    return row && row.stage !== 'dropping' ? { ...row, stage: row.stage } : undefined
  }

  show(id: string, sizeBytes: number): FetchedAhead | null {
    const row = this.row(id)
    if (!row) return null
    const { pod, stage: state, here, problem } = row
    const haveBytes = Math.min(sizeBytes, here * chunkContentBytes)
    const why = problem && failureOf(new MuttrError(problem.code, problem.message))
    return { pod, state, haveBytes, problem: why }
  }

  /** The person asks for it, although it may have been refused before. */
  async plan({ id, pod, chunks, expiryMs }: Omit<AheadFile, 'keyOf'>): Promise<void> {
    const known = this.row(id)
    if (known && known.stage !== 'refused') return
    await this.#save({
      ...{ id, pod, chunks, expiryMs, stage: 'asking', here: 0, lost: 0, problem: null }
    })
  }

  /** Tells the pod all keys that it does not know yet. @throws {MuttrError} what the pod refuses with, or that it is away */
  async handOver(
    { id, pod, chunks, expiryMs, keyOf }: AheadFile,
    signal: AbortSignal
  ): Promise<void> {
    const { ahead } = await this.#parts.pods.identified(pod, signal)
    const task = taskOf(id)
    let status = await ahead.ask({ task, chunks, expiryMs })
    while (status.keys < chunks) {
      signal.throwIfAborted()
      const from = status.keys
      const count = Math.min(limits.aheadKeysPageMax, chunks - from)
      const keys: Uint8Array[] = []
      for (let i = 0; i < count; i++) keys.push(await keyOf(from + i))
      status = await ahead.addKeys({ task, from, keys })
      if (status.keys <= from) throw new MuttrError('PEER_REFUSED', 'the pod takes no keys')
    }
    await this.#progress(id, status)
  }

  /** Nothing but another word of the person's changes that. */
  async refused(id: string, err: unknown): Promise<void> {
    const row = this.#rows.get(id)
    if (!row) return
    const { code, message } = failureOf(err)
    const refusal = code === 'METHOD_UNKNOWN' ? `${row.pod} fetches nothing ahead` : message
    await this.#save({ ...row, stage: 'refused', problem: { code, message: refusal } })
  }

  /**
   * A chunk that the pod has, checked as one from a holder is.
   * @returns undefined when it has to come from a holder, for whatever reason.
   */
  async take(
    id: string,
    chunk: number,
    key: Uint8Array,
    signal: AbortSignal
  ): Promise<Blob | undefined> {
    const row = this.row(id)
    if (!row || (row.stage !== 'fetching' && row.stage !== 'kept')) return undefined
    const { pods, clock, log } = this.#parts
    if (clock.now() < (this.#restUntilMs.get(id) ?? 0)) return undefined
    try {
      const { ahead } = await pods.identified(row.pod, signal)
      return await ahead.take(taskOf(id), chunk, key)
    } catch (err) {
      signal.throwIfAborted()
      log.debug('a chunk does not come from the pod', { code: codeOf(err) })
      this.#restUntilMs.set(id, clock.now() + restMs)
      return undefined
    }
  }

  /** Nobody wants it any more. The pod is told, now or later. */
  async drop(id: string): Promise<void> {
    const row = this.row(id)
    if (!row) return
    if (row.stage === 'refused') return this.#forget(row)
    await this.#save({ ...row, stage: 'dropping' })
  }

  /** The network is back. */
  wake(): void {
    const { outbox, clock } = this.#parts
    outbox.wake(clock.now())
    this.#restUntilMs.clear()
    this.#pump.run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pump[Symbol.asyncDispose]()
  }

  async #act({ type, id }: Action): Promise<void> {
    const { outbox, clock, random, pods, life, log } = this.#parts
    const row = this.#rows.get(id)
    try {
      if (!row || type === 'expire') {
        outbox.finished(id)
        if (row) await this.#forget(row)
        return
      }
      const { ahead } = await pods.identified(row.pod, life)
      if (row.stage === 'dropping') {
        await ahead.drop(taskOf(id))
        outbox.finished(id)
        return await this.#forget(row)
      }
      const status = await ahead.status(taskOf(id))
      outbox.finished(id)
      await this.#progress(id, status)
      // Dropped while the pod was asked: that was noted where this attempt has just ended.
      const now = this.#rows.get(id)
      if (now?.stage === 'dropping') this.#look(now, 0)
    } catch (err) {
      const isGone = codeOf(err) === 'ATTACHMENT_UNKNOWN' || codeOf(err) === 'METHOD_UNKNOWN'
      if (row && isGone) {
        outbox.finished(id)
        await this.#gone(row).catch(cause => log.warn('not written', { err: cause }))
        return
      }
      if (!life.aborted) log.debug('a pod says nothing of a file', { code: codeOf(err) })
      outbox.failed(id, clock.now(), throwDice(random))
    }
  }

  /** It has lost what it knew, or gave it up at the expiry: it is told again, unless nobody wants it any more. */
  async #gone(row: AheadRow): Promise<void> {
    if (row.stage === 'dropping') return this.#forget(row)
    await this.#save({ ...row, stage: 'asking', here: 0, lost: 0 })
    this.#parts.onForgotten(row.id)
  }

  async #progress(id: string, { here, lost }: AheadStatus): Promise<void> {
    const row = this.row(id)
    if (!row) return
    const isOver = here + lost >= row.chunks
    const gotOn = here > row.here || row.stage === 'asking'
    const looks = gotOn ? 1 : (this.#looks.get(id) ?? 0) + 1
    this.#looks.set(id, looks)
    await this.#save({ ...row, stage: isOver ? 'kept' : 'fetching', here, lost, problem: null })
    this.#look(row, retryDelayMs(pollSchedule, looks, throwDice(this.#parts.random)))
  }

  /** Asks the pod later how far it is, or that it drops it. */
  #look({ id, expiryMs }: AheadRow, delayMs: Millis): void {
    const { outbox, clock } = this.#parts
    const { stage } = this.#rows.get(id)!
    if (stage !== 'fetching' && stage !== 'dropping') return
    outbox.add({ id, expiryMs, failures: 0, dueMs: clock.now() + delayMs })
    if (stage === 'dropping') outbox.later(id, clock.now())
    this.#pump.run()
  }

  async #save(row: AheadRow): Promise<void> {
    this.#rows.set(row.id, row)
    await this.#parts.state.write([this.#table.put(row.id, row)])
    if (row.stage === 'dropping') this.#look(row, 0)
    else this.#parts.onChange(row.id)
  }

  async #forget({ id }: AheadRow): Promise<void> {
    this.#rows.delete(id)
    this.#restUntilMs.delete(id)
    this.#looks.delete(id)
    await this.#parts.state.write([this.#table.drop(id)])
  }
}

const taskOf = (id: string): Uint8Array => new Uint8Array(Buffer.from(id, 'hex'))
