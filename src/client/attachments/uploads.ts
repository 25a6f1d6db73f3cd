import { toHex } from '../../base/bytes.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import { limits } from '../../base/limits.ts'
import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import { foldHostname } from '../../pod/alias.ts'
import type { Spool } from '../../store/spool.ts'
import type { State } from '../../store/state.ts'
import type { Manifest } from '../../wire/attachment.ts'
import { expiryAt } from '../../wire/blob.ts'
import type { Attachment, AttachOptions } from '../client.ts'
import { failureOf } from '../failure.ts'
import type { Self } from '../self.ts'
import type { ChunkDhtParts } from './chunk-dht.ts'
import { putChunk, releaseChunk } from './chunk-dht.ts'
import { ChunkRun } from './chunk-run.ts'
import { done, offered } from './done-map.ts'
import { fileName } from './file-name.ts'
import type { Live } from './live.ts'
import { doneOf, liveOf, showUpload, uploadEvent } from './live.ts'
import { checkOptions } from './options.ts'
import type { OutRow, OutSecret } from './out-rows.ts'
import { decodeOutSecret, encodeOutSecret, outTable, retractOf } from './out-rows.ts'
import type { SpoolCaps } from './room.ts'
import { checkRoom, noRoom, spooledBytes } from './room.ts'
import { sealFile } from './sealing.ts'
import type { OpenUpload } from './upload.ts'
import { openUpload, spoolNames } from './upload.ts'

export interface UploadsParts extends ChunkDhtParts {
  state: State
  spool: Spool
  caps: SpoolCaps
  self: Self
  clock: Clock
  random: Random
  log: Log
  emit: Emit
  life: AbortSignal
  /** Its letters may go. */
  onStored(row: OutRow): void
}

/** Room is looked for so much at a time. */
const roomBytes = 4 * 2 ** 20
/** Each goes to five seeds at once. Twice as many were no faster, and took more memory: docs/benchmarks.md. */
const pace = { most: 4, slowMs: 10_000 }
const final: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BLOB_EXPIRED', 'BLOB_INVALID'])

/** Files that go out: sealed into the spool, stored chunk by chunk, taken back. Source: docs/protocol/attachment.md#sending */
export class Uploads implements AsyncDisposable {
  readonly #parts: UploadsParts
  readonly #table: ReturnType<typeof outTable>
  readonly #live = new Map<string, Live>()

  constructor(parts: UploadsParts) {
    this.#parts = parts
    this.#table = outTable(parts.state, parts.log)
  }

  /** Takes up what a former run left. What was being sealed then is gone with whoever was read from. */
  async start(): Promise<void> {
    const { spool } = this.#parts
    const rows = (await this.#table.list()).map(({ value }) => value)
    for (const row of rows) this.#live.set(row.id, liveOf(row))
    for (const live of [...this.#live.values()])
      if (live.row.stage === 'sealing') await this.#forget(live)
    const known = new Set([...this.#live.keys()].flatMap(id => Object.values(spoolNames(id))))
    for (const name of await spool.names())
      if (/^[0-9a-f]{32}\./.test(name) && !known.has(name)) await spool.remove(name)
    for (const live of this.#live.values()) this.#begin(live)
  }

  /**
   * Seals all that `source` gives; storing goes on when this has resolved. The `id` is dice unless told: 32 hex digits.
   * @throws {MuttrError} nothing is kept then: `VAULT_LOCKED`, `ATTACHMENT_INVALID`, `DISK_FULL`, `CANCELLED`
   */
  async attach(
    source: AsyncIterable<Uint8Array>,
    { name, type = 'application/octet-stream', via, signal, ...o }: AttachOptions & { id?: string }
  ): Promise<Attachment> {
    const { self, clock, random, life, spool, caps } = this.#parts
    const closet = self.closet()
    const nowMs = clock.now()
    const { lifeMs = limits.blobLifeMsDefault, sizeBytes } = o
    checkOptions({ type, lifeMs, sizeBytes })
    if (sizeBytes !== undefined)
      checkRoom(sizeBytes, [...this.#live.values()], caps, await spool.freeBytes())
    const id = o.id ?? toHex(random.bytes(16))
    const secret: OutSecret = {
      name: fileName(name, 0),
      mimeType: type,
      fileKey: random.bytes(32),
      retract: random.bytes(32)
    }
    const live = liveOf({
      id,
      createdMs: nowMs,
      expiryMs: expiryAt(nowMs + lifeMs),
      via: via === undefined ? null : foldHostname(via),
      sizeBytes: sizeBytes ?? 0,
      stage: 'sealing',
      paused: false,
      spooled: true,
      roots: [],
      problem: null,
      checks: 0,
      checkMs: 0,
      secret: closet.seal(`attachment ${id}`, encodeOutSecret(secret))
    })
    const { row } = live
    this.#live.set(id, live)
    try {
      await this.save(row)
      const names = spoolNames(id)
      await using chunks = await spool.open(names.chunks)
      await using records = await spool.open(names.records)
      const sealed = await sealFile(source, {
        ...{ secret, expiryMs: row.expiryMs, random, chunks, records },
        signal: AbortSignal.any([life, live.stop.signal, ...(signal ? [signal] : [])]),
        onChunk: async bytes => {
          if (
            Math.floor(bytes / roomBytes) !== Math.floor(live.sealedBytes / roomBytes) ||
            live.sealedBytes === 0
          )
            await this.#makeRoom()
          live.sealedBytes = bytes
          this.#tell(live)
        }
      })
      if (sizeBytes !== undefined && sealed.sizeBytes !== sizeBytes)
        throw new MuttrError('ATTACHMENT_INVALID', `${sealed.sizeBytes} of ${sizeBytes} bytes came`)
      Object.assign(row, { ...sealed, stage: 'storing' })
      await this.save(row)
    } catch (err) {
      await this.#forget(live)
      throw signal?.aborted ? new MuttrError('CANCELLED', 'the file was not taken') : err
    }
    this.#begin(live)
    return this.#show(live)
  }

  /** @throws {MuttrError} `VAULT_LOCKED` */
  list(): Attachment[] {
    return [...this.#live.values()]
      .filter(({ row }) => row.stage !== 'withdrawing')
      .sort((a, b) => b.row.createdMs - a.row.createdMs)
      .map(live => this.#show(live))
  }

  /** @throws {MuttrError} `ATTACHMENT_UNKNOWN`, `VAULT_LOCKED` */
  get(id: string): Attachment {
    return this.#show(this.#find(id))
  }

  row(id: string): OutRow | undefined {
    return this.#live.get(id)?.row
  }

  rows(): OutRow[] {
    return [...this.#live.values()].map(({ row }) => row)
  }

  /** What a letter says of it. @throws {MuttrError} `ATTACHMENT_UNKNOWN`, `ATTACHMENT_WAITING` while it is being sealed */
  async manifest(id: string): Promise<Manifest> {
    const { row } = this.#find(id)
    if (row.stage !== 'storing' && row.stage !== 'stored')
      throw new MuttrError('ATTACHMENT_WAITING', `the file ${id} is not sealed yet`)
    const { name, mimeType, fileKey } = this.#secret(row)
    const { sizeBytes, expiryMs, roots } = row
    return { name, mimeType, sizeBytes, expiryMs, fileKey, roots }
  }

  async pause(id: string): Promise<Attachment> {
    const live = this.#find(id)
    if (live.row.stage === 'storing') {
      live.row.paused = true
      live.stop.abort()
      await live.work
      await this.save(live.row)
      this.#tell(live, true)
    }
    return this.#show(live)
  }

  async resume(id: string): Promise<Attachment> {
    const live = this.#find(id)
    if (live.row.paused) {
      live.row.paused = false
      await this.save(live.row)
      this.#begin(live)
      this.#tell(live, true)
    }
    return this.#show(live)
  }

  /** Forgets a file here, and takes back what holders have of it. Goes on after a restart. */
  async drop(id: string): Promise<void> {
    const live = this.#find(id)
    live.stop.abort()
    await live.work
    if (live.row.stage === 'sealing') return
    live.row.stage = 'withdrawing'
    live.row.paused = false
    await this.save(live.row)
    await this.#parts.spool.remove(spoolNames(id).chunks)
    live.row.spooled = false
    this.#begin(live)
  }

  /** The network is back, or the vault is open. */
  wake(): void {
    for (const live of this.#live.values()) {
      live.run?.wake()
      if (!live.run) this.#begin(live)
    }
  }

  /** Its chunks at hand; with their bytes only where they are still on this disk. */
  open(row: OutRow): Promise<OpenUpload> {
    return openUpload(this.#parts.spool, row)
  }

  /** Forgets what has expired. */
  async sweep(nowMs: Millis): Promise<void> {
    for (const live of [...this.#live.values()])
      if (live.row.expiryMs <= nowMs && live.row.stage !== 'sealing') await this.#forget(live)
  }

  /** Resolves when nothing is under way. */
  async quiet(): Promise<void> {
    await Promise.all([...this.#live.values()].map(({ work }) => work))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#live.values()) stop.abort()
    await this.quiet()
  }

  #find(id: string): Live {
    const live = this.#live.get(id)
    if (!live || live.row.stage === 'withdrawing')
      throw new MuttrError('ATTACHMENT_UNKNOWN', `no attachment ${id.slice(0, 40)}`)
    return live
  }

  #secret({ id, secret }: OutRow): OutSecret {
    return decodeOutSecret(this.#parts.self.closet().open(`attachment ${id}`, secret))
  }

  /** Goes on with what is to be done for it, if anything. */
  #begin(live: Live): void {
    const { life, self, log } = this.#parts
    const { stage, paused } = live.row
    const isDue = stage === 'storing' ? !paused : stage === 'withdrawing' && !self.locked
    if (!isDue || life.aborted || live.run) return
    live.stop = new AbortController()
    const work = stage === 'storing' ? this.#store(live) : this.#withdraw(live)
    live.work = work
      .catch(err => {
        if (codeOf(err) !== 'CANCELLED') log.warn('a transfer broke', { err })
      })
      .finally(() => {
        live.run = undefined
      })
  }

  /** Runs through the chunks that `fits` says, of a live file. */
  async #through(
    live: Live,
    upload: OpenUpload,
    fits: (value: number) => boolean,
    work: (chunk: number, signal: AbortSignal) => Promise<boolean>
  ): Promise<void> {
    const { clock, random, life } = this.#parts
    live.run = new ChunkRun({
      ...{ ...pace, clock, random, work },
      signal: AbortSignal.any([life, live.stop.signal]),
      chunks: upload.done.where(fits),
      isFinal: err => final.has(codeOf(err) ?? 'INTERNAL'),
      onProblem: problem => {
        live.row.problem = problem && { code: problem.code, message: problem.message }
        if (problem) live.rate.reset()
        this.#tell(live, true)
      }
    })
    await live.run.run()
  }

  async #store(live: Live): Promise<void> {
    const { row } = live
    await using upload = await this.open(row)
    live.storedBytes = upload.done.bytes
    live.rate.reset()
    try {
      await this.#through(
        live,
        upload,
        value => value !== done,
        async (chunk, signal) => {
          await upload.done.set(chunk, offered)
          const isTooMuch = await putChunk(this.#parts, row.via, await upload.blob(chunk), signal)
          await upload.done.set(chunk, done)
          live.storedBytes = upload.done.bytes
          this.#tell(live)
          return isTooMuch
        }
      )
    } catch (err) {
      if (codeOf(err) === 'CANCELLED') throw err
      row.stage = 'failed'
      row.problem = failureOf(err)
      await this.save(row)
      this.#tell(live, true)
      return
    }
    await upload.sync()
    row.stage = 'stored'
    row.problem = null
    await this.save(row)
    this.#tell(live, true)
    this.#parts.onStored(row)
  }

  async #withdraw(live: Live): Promise<void> {
    const { row } = live
    const { retract } = this.#secret(row)
    await using upload = await this.open(row)
    await this.#through(
      live,
      upload,
      value => value >= offered,
      async (chunk, signal) => {
        const headerBytes = await upload.header(chunk)
        const preimage = retractOf(retract, chunk)
        await releaseChunk(this.#parts, row.via, { headerBytes, retract: preimage }, signal)
        await upload.done.set(chunk, 0)
        return false
      }
    ).catch(err => {
      if (codeOf(err) !== 'BLOB_EXPIRED') throw err
    })
    await this.#forget(live)
  }

  /** Sealed copies of what is stored give way, the oldest first. @throws {MuttrError} `DISK_FULL` */
  async #makeRoom(): Promise<void> {
    const { caps, spool } = this.#parts
    for (;;) {
      const live = [...this.#live.values()]
      const usedBytes = live.reduce(
        (sum, { row, sealedBytes }) => sum + spooledBytes(row, sealedBytes),
        0
      )
      const isFull = usedBytes + roomBytes > caps.outBytes
      if (!isFull && (await spool.freeBytes()) - roomBytes >= caps.reserveBytes) return
      const rows = live
        .map(({ row }) => row)
        .filter(({ stage, spooled }) => spooled && stage === 'stored')
      const [oldest] = rows.sort((a, b) => a.createdMs - b.createdMs)
      if (!oldest) throw noRoom()
      oldest.spooled = false
      await this.save(oldest)
      await spool.remove(spoolNames(oldest.id).chunks)
    }
  }

  async save(row: OutRow): Promise<void> {
    await this.#parts.state.write([this.#table.put(row.id, row)])
  }

  async #forget(live: Live): Promise<void> {
    const { state, spool } = this.#parts
    const { id } = live.row
    live.stop.abort()
    this.#live.delete(id)
    await state.write([this.#table.drop(id)])
    for (const name of Object.values(spoolNames(id))) await spool.remove(name)
  }

  #show(live: Live): Attachment {
    return showUpload(live, this.#secret(live.row), this.#parts.clock.now())
  }

  #tell(live: Live, always = false): void {
    const { clock, emit } = this.#parts
    const nowMs = clock.now()
    live.rate.at(doneOf(live), nowMs)
    if (live.row.stage === 'withdrawing' || !(live.rate.due(nowMs) || always)) return
    emit(uploadEvent(live, nowMs))
  }
}
