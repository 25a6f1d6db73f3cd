import { codeOf } from '../../base/errors.ts'
import type { Action, Outbox } from '../../base/outbox.ts'
import type { Clock, Contact, Log, Random } from '../../base/ports.ts'
import { Pump } from '../../base/pump.ts'
import { throwDice } from '../../base/retry.ts'
import type { Dht } from '../../seed/dht.ts'
import { shapeOf } from '../../wire/attachment.ts'
import { blobKey } from '../../wire/blob.ts'
import type { OutRow } from './out-rows.ts'
import type { Uploads } from './uploads.ts'

interface ChunkWatchParts {
  dht: Pick<Dht, 'census'>
  uploads: Uploads
  outbox: Outbox
  clock: Clock
  random: Random
  log: Log
  life: AbortSignal
  relay(pod: string): Promise<Contact>
}

/** Chunks of one file that are looked at in one go: enough to notice when one in ten lacks a copy, however many there are. */
const sampleMax = 32

/**
 * Looks after stored files as {@link Watch} does after letters, by samples: asks the holders of a few chunks, gives copies where they
 * lack, and comes back soon to others where many lacked. Source: docs/protocol/attachment.md#the-watch
 */
export class ChunkWatch implements AsyncDisposable {
  readonly #parts: ChunkWatchParts
  readonly #pump: Pump

  constructor(parts: ChunkWatchParts) {
    this.#parts = parts
    const { outbox, clock, life } = parts
    this.#pump = new Pump({ outbox, clock, life, act: action => this.#act(action) })
  }

  start(): void {
    for (const row of this.#parts.uploads.rows()) if (row.stage === 'stored') this.watch(row)
  }

  /** It was stored, now or by a former run. */
  watch({ id, expiryMs, checks, checkMs }: OutRow): void {
    const { outbox, clock } = this.#parts
    const nowMs = clock.now()
    outbox.add({ id, expiryMs, failures: checks, dueMs: nowMs })
    if (checks === 0) outbox.failed(id, nowMs, throwDice(this.#parts.random))
    else outbox.later(id, checkMs)
    this.#pump.run()
  }

  async #act({ type, id }: Action): Promise<void> {
    const { outbox, uploads, clock, random, log, life } = this.#parts
    const row = uploads.row(id)
    if (type === 'expire' || row?.stage !== 'stored') return outbox.finished(id)
    try {
      const lacking = await this.#look(row)
      const dueMs = outbox.failed(id, clock.now(), throwDice(random))
      if (dueMs === undefined) return
      row.checks = lacking ? 1 : outbox.failures(id)
      row.checkMs = lacking ? clock.now() + 60_000 : dueMs
      outbox.later(id, row.checkMs)
      await uploads.save(row)
    } catch (err) {
      if (!life.aborted) log.debug('chunks are not looked after', { code: codeOf(err) })
      outbox.failed(id, clock.now(), throwDice(random))
    }
  }

  /** @returns whether more than one in four chunks lacked a copy. */
  async #look(row: OutRow): Promise<boolean> {
    const { dht, uploads, random, life, relay } = this.#parts
    const { chunks } = shapeOf(row.sizeBytes)
    const all = chunks <= sampleMax
    const count = Math.min(chunks, sampleMax)
    await using upload = await uploads.open(row)
    const way = row.via === null ? {} : { via: await relay(row.via) }
    let lacked = 0
    for (let i = 0; i < count; i++) {
      const chunk = all ? i : Math.floor(throwDice(random) * chunks)
      const blob = row.spooled ? await upload.blob(chunk) : undefined
      const key = blob?.key ?? blobKey(await upload.header(chunk))
      const how = { signal: life, ...way, ...(blob && { blob }) }
      const { holders, wanted } = await dht.census(key, how)
      if (holders.length < wanted) lacked += 1
    }
    return lacked > count / 4
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pump[Symbol.asyncDispose]()
  }
}
