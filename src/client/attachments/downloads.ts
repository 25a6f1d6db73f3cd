import { toHex } from '../../base/bytes.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import { readAlias } from '../../pod/alias.ts'
import type { Dht } from '../../seed/dht.ts'
import type { Spool } from '../../store/spool.ts'
import type { State } from '../../store/state.ts'
import type { Manifest } from '../../wire/attachment.ts'
import { decodeManifest } from '../../wire/attachment.ts'
import type { Blob } from '../../wire/blob.ts'
import type { ReceivedAttachment, Transfer } from '../client.ts'
import type { Contacts } from '../contacts.ts'
import { failureOf } from '../failure.ts'
import type { Self } from '../self.ts'
import type { StrangerFetch } from '../stranger-fetch.ts'
import { ChunkRun } from './chunk-run.ts'
import { done } from './done-map.ts'
import type { OpenDownload } from './download.ts'
import { contentsOf, fetchedNames, openDownload, roomStep } from './download.ts'
import type { InRow, InSecret } from './in-rows.ts'
import { decodeInSecret, encodeInSecret, inTable } from './in-rows.ts'
import { sealedBytesOf } from './out-rows.ts'
import { Rate } from './rate.ts'
import type { SpoolCaps } from './room.ts'
import { noRoom } from './room.ts'
import { untouched } from './show.ts'

export interface DownloadsParts {
  dht: Pick<Dht, 'get'>
  state: State
  spool: Spool
  caps: SpoolCaps
  self: Self
  contacts: Pick<Contacts, 'known'>
  strangerFetch: StrangerFetch
  clock: Clock
  random: Random
  log: Log
  emit: Emit
  life: AbortSignal
}

/** A received letter, as far as its files are concerned. */
export interface LetterWithFiles {
  id: string
  key: string
  fromAlias: string
  fromFingerprint: string
  to: string
  manifests: readonly Uint8Array[]
}

/** A file that was asked for, while the client runs. */
interface Live {
  readonly row: InRow
  readonly rate: Rate
  haveBytes: number
  stop: AbortController
  run: ChunkRun | undefined
  isBusy: boolean
  work: Promise<void>
}

const pace = { most: 8, slowMs: 10_000 }
/** No other attempt brings another file. */
const final: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ATTACHMENT_INVALID',
  'BLOB_INVALID',
  'BLOB_RELEASED',
  'BLOB_EXPIRED'
])

/** Files that came with letters: fetched from their holders, chunk by chunk, when the person asks. Source: docs/protocol/attachment.md#fetching */
export class Downloads implements AsyncDisposable {
  readonly #parts: DownloadsParts
  readonly #table: ReturnType<typeof inTable>
  /** By the letter's key and the file's index. */
  readonly #live = new Map<string, Live>()

  constructor(parts: DownloadsParts) {
    this.#parts = parts
    this.#table = inTable(parts.state, parts.log)
  }

  /** Takes up what a former run left. */
  async start(): Promise<void> {
    const { spool } = this.#parts
    for (const { value } of await this.#table.list()) this.#live.set(placeOf(value), liveOf(value))
    const rows = [...this.#live.values()].map(({ row }) => row)
    const known = new Set(rows.flatMap(({ id }) => Object.values(fetchedNames(id))))
    for (const name of await spool.names())
      if (name.startsWith('in-') && !known.has(name)) await spool.remove(name)
    this.wake()
  }

  /** The files of a letter as they are now. */
  show({ key, manifests }: Pick<LetterWithFiles, 'key' | 'manifests'>): ReceivedAttachment[] {
    const nowMs = this.#parts.clock.now()
    return manifests.map((frame, index) => {
      const idle = untouched(frame, index, nowMs)
      const live = this.#live.get(placeOf({ key, index }))
      return live ? this.#shown(live, idle) : idle
    })
  }

  /** All that were asked for, newest first. @throws {MuttrError} `VAULT_LOCKED` */
  list(): Transfer[] {
    const all = [...this.#live.values()].sort((a, b) => b.row.createdMs - a.row.createdMs)
    return all.map(live => {
      const { manifest, from } = this.#secret(live.row)
      const { letter, index } = live.row
      const idle = untouched(manifest, index, this.#parts.clock.now())
      return { direction: 'in' as const, letter, from, ...this.#shown(live, idle) }
    })
  }

  /** @throws {MuttrError} `ATTACHMENT_UNKNOWN`, `ATTACHMENT_INVALID`, `BLOB_EXPIRED`, `DISK_FULL` */
  async fetch(letter: LetterWithFiles, index: number): Promise<ReceivedAttachment> {
    const { self, clock, random, caps } = this.#parts
    const frame = frameOf(letter, index)
    const place = placeOf({ key: letter.key, index })
    const known = this.#live.get(place)
    if (known) {
      if (known.row.stage !== 'here' && known.row.stage !== 'fetching') {
        known.row.stage = 'fetching'
        known.row.problem = null
        await this.#save(known.row)
      }
      this.#begin(known)
      return this.#one(letter, index)
    }
    const { sizeBytes, expiryMs } = decodeManifest(frame)
    if (expiryMs <= clock.now())
      throw new MuttrError('BLOB_EXPIRED', 'the network has forgotten this file')
    if (this.#keptBytes() + sealedBytesOf(sizeBytes) > caps.inBytes) throw noRoom()
    const id = toHex(random.bytes(16))
    const { fromAlias: from, fromFingerprint: fingerprint, to } = letter
    const secret = encodeInSecret({ from, fingerprint, to, manifest: frame })
    const live = liveOf({
      ...{ id, letter: letter.id, key: letter.key, index, createdMs: clock.now() },
      ...{ expiryMs, sizeBytes, stage: 'fetching', problem: null },
      secret: self.closet().seal(`fetched ${id}`, secret)
    })
    this.#live.set(place, live)
    await this.#save(live.row)
    this.#begin(live)
    return this.#one(letter, index)
  }

  async pause(letter: LetterWithFiles, index: number): Promise<ReceivedAttachment> {
    const live = this.#live.get(placeOf({ key: letter.key, index }))
    if (live?.row.stage === 'fetching') {
      live.row.stage = 'paused'
      live.stop.abort()
      await live.work
      await this.#save(live.row)
      this.#tell(live, true)
    }
    return this.#one(letter, index)
  }

  /** Forgets what is here of it. */
  async forget(letter: LetterWithFiles, index: number): Promise<ReceivedAttachment> {
    const live = this.#live.get(placeOf({ key: letter.key, index }))
    if (live) await this.#drop(live)
    return this.#one(letter, index)
  }

  /** The letter is deleted. */
  async forgetLetter(key: string): Promise<void> {
    for (const live of [...this.#live.values()]) if (live.row.key === key) await this.#drop(live)
  }

  /** All of it, checked piece by piece. @throws {MuttrError} `ATTACHMENT_UNKNOWN`, `ATTACHMENT_WAITING` while it is not all here */
  async open(letter: LetterWithFiles, index: number): Promise<AsyncIterable<Uint8Array>> {
    const manifest = decodeManifest(frameOf(letter, index))
    const live = this.#live.get(placeOf({ key: letter.key, index }))
    if (live?.row.stage !== 'here')
      throw new MuttrError('ATTACHMENT_WAITING', 'not all of the file is here', {
        hint: 'Fetch it first.'
      })
    return this.#contents(live, manifest)
  }

  async *#contents(live: Live, manifest: Manifest): AsyncGenerator<Uint8Array> {
    await using download = await openDownload(this.#parts.spool, live.row.id, manifest)
    yield* contentsOf(download, manifest.sizeBytes, async chunk => {
      await download.done.set(chunk, 0)
      live.row.stage = 'fetching'
      await this.#save(live.row)
      this.#begin(live)
    })
  }

  /** The network is back, or the vault is open. */
  wake(): void {
    for (const live of this.#live.values()) {
      live.run?.wake()
      this.#begin(live)
    }
  }

  /** Forgets what was not all here when the network forgot it. What is here stays. */
  async sweep(nowMs: Millis): Promise<void> {
    for (const live of [...this.#live.values()])
      if (live.row.expiryMs <= nowMs && live.row.stage !== 'here') await this.#drop(live)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { stop } of this.#live.values()) stop.abort()
    await Promise.all([...this.#live.values()].map(({ work }) => work))
  }

  #one(letter: LetterWithFiles, index: number): ReceivedAttachment {
    frameOf(letter, index)
    return this.show(letter)[index]!
  }

  #secret({ id, secret }: InRow): InSecret {
    return decodeInSecret(this.#parts.self.closet().open(`fetched ${id}`, secret))
  }

  #keptBytes(): number {
    return [...this.#live.values()].reduce((sum, { row }) => sum + sealedBytesOf(row.sizeBytes), 0)
  }

  #begin(live: Live): void {
    const { life, self, log } = this.#parts
    if (live.row.stage !== 'fetching' || self.locked || life.aborted || live.isBusy) return
    live.stop = new AbortController()
    const signal = AbortSignal.any([life, live.stop.signal])
    live.isBusy = true
    live.work = this.#fetch(live, signal)
      .catch(async err => {
        if (codeOf(err) === 'CANCELLED') return
        if (!final.has(codeOf(err) ?? 'INTERNAL')) log.warn('a fetch broke', { error: `${err}` })
        live.row.stage = 'lost'
        live.row.problem = failureOf(err)
        await this.#save(live.row)
        this.#tell(live, true)
      })
      .catch(err => log.warn('a fetch is not written', { error: `${err}` }))
      .finally(() => {
        live.run = undefined
        live.isBusy = false
      })
  }

  /** The topmost level first: it says where the next one lies. */
  async #fetch(live: Live, signal: AbortSignal): Promise<void> {
    const { row } = live
    const secret = this.#secret(row)
    const manifest = decodeManifest(secret.manifest)
    await using download = await openDownload(this.#parts.spool, row.id, manifest)
    live.haveBytes = download.done.bytes
    live.rate.reset()
    for (const { first, count } of download.levels) {
      const chunks = within(
        download.done.where(value => value !== done),
        first,
        first + count
      )
      live.run = this.#runOf(live, signal, chunks, chunk =>
        this.#chunk(live, secret, download, chunk)
      )
      await live.run.run()
    }
    await download.sync()
    row.stage = 'here'
    row.problem = null
    await this.#save(row)
    this.#tell(live, true)
  }

  #runOf(
    live: Live,
    signal: AbortSignal,
    chunks: AsyncIterable<number>,
    work: (chunk: number) => Promise<boolean>
  ): ChunkRun {
    const { clock, random } = this.#parts
    return new ChunkRun({
      ...{ ...pace, clock, random, signal, chunks, work },
      isFinal: err => final.has(codeOf(err) ?? 'INTERNAL'),
      onProblem: problem => {
        live.row.problem = problem && { code: problem.code, message: problem.message }
        if (problem) live.rate.reset()
        this.#tell(live, true)
      }
    })
  }

  async #chunk(
    live: Live,
    secret: InSecret,
    download: OpenDownload,
    chunk: number
  ): Promise<boolean> {
    const { spool, caps } = this.#parts
    if (chunk % 16 === 0 && (await spool.freeBytes()) - roomStep < caps.reserveBytes) throw noRoom()
    const blob = await this.#get(secret, await download.keyOf(chunk))
    await download.keep(chunk, blob.sealed)
    await download.done.set(chunk, done)
    live.haveBytes = download.done.bytes
    this.#tell(live)
    return false
  }

  /** What somebody sent whom we do not know was put where that somebody chose: who fetches it there is seen. */
  async #get({ from, fingerprint, to }: InSecret, key: Uint8Array): Promise<Blob> {
    const { dht, contacts, strangerFetch, life } = this.#parts
    const known = await contacts.known(from).catch(() => undefined)
    const isContact = known?.certificate.fingerprint === fingerprint
    const getting = isContact
      ? dht.get(key, { signal: life })
      : strangerFetch.get(readAlias(to).hostname, key)
    return (await getting).blob
  }

  async #save(row: InRow): Promise<void> {
    await this.#parts.state.write([this.#table.put(row.id, row)])
  }

  async #drop(live: Live): Promise<void> {
    const { state, spool } = this.#parts
    live.stop.abort()
    await live.work
    this.#live.delete(placeOf(live.row))
    await state.write([this.#table.drop(live.row.id)])
    for (const name of Object.values(fetchedNames(live.row.id))) await spool.remove(name)
  }

  #shown({ row, rate, haveBytes }: Live, idle: ReceivedAttachment): ReceivedAttachment {
    const nowMs = this.#parts.clock.now()
    const isOver = row.stage !== 'here' && row.expiryMs <= nowMs
    const moving = row.stage === 'fetching' ? rate.show(row.sizeBytes - haveBytes, nowMs) : {}
    const problem = row.problem && failureOf(new MuttrError(row.problem.code, row.problem.message))
    return { ...idle, haveBytes, ...moving, state: isOver ? 'expired' : row.stage, problem }
  }

  #tell({ row, rate, haveBytes }: Live, always = false): void {
    const { clock, emit } = this.#parts
    const nowMs = clock.now()
    rate.at(haveBytes, nowMs)
    if (!(rate.due(nowMs) || always)) return
    const { letter: id, index, stage: state, sizeBytes } = row
    const speed = rate.show(sizeBytes - haveBytes, nowMs)
    emit({
      ...{ type: 'transfer', direction: 'in', id, index, state, sizeBytes },
      ...{ doneBytes: haveBytes, ...speed }
    })
  }
}

const placeOf = ({ key, index }: { key: string; index: number }): string => `${key}-${index}`

const liveOf = (row: InRow): Live => ({
  row,
  rate: new Rate(),
  haveBytes: row.stage === 'here' ? row.sizeBytes : 0,
  stop: new AbortController(),
  run: undefined,
  isBusy: false,
  work: Promise.resolve()
})

function frameOf({ manifests }: LetterWithFiles, index: number): Uint8Array {
  const frame = manifests[index]
  if (!frame) throw new MuttrError('ATTACHMENT_UNKNOWN', `the letter has no file ${index}`)
  return frame
}

async function* within(
  chunks: AsyncIterable<number>,
  from: number,
  to: number
): AsyncGenerator<number> {
  for await (const chunk of chunks) if (chunk >= from && chunk < to) yield chunk
}
