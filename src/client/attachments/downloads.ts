import { toHex } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Emit } from '../../base/events.ts'
import type { Clock, Log, Millis, Random } from '../../base/ports.ts'
import { readAlias } from '../../pod/alias.ts'
import type { Dht } from '../../seed/dht.ts'
import type { Spool } from '../../store/spool.ts'
import type { State } from '../../store/state.ts'
import type { Manifest } from '../../wire/attachment.ts'
import { decodeManifest, shapeOf } from '../../wire/attachment.ts'
import type { ReceivedAttachment, Transfer } from '../client.ts'
import type { Contacts } from '../contacts.ts'
import { failureOf } from '../failure.ts'
import type { Self } from '../self.ts'
import type { StrangerFetch } from '../stranger-fetch.ts'
import type { Ahead } from './ahead.ts'
import { contentsOf, fetchedNames, openDownload } from './download.ts'
import { FileFetch, isFinal } from './file-fetch.ts'
import type { InLive } from './in-live.ts'
import { aheadEvent, downloadEvent, inLiveOf, showDownload } from './in-live.ts'
import type { InRow, InSecret } from './in-rows.ts'
import { decodeInSecret, encodeInSecret, inTable } from './in-rows.ts'
import { sealedBytesOf } from './out-rows.ts'
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
  /** What a pod fetches for us. */
  ahead: Ahead
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

/** Files that came with letters: fetched from their holders, chunk by chunk, when the person asks. Source: docs/protocol/attachment.md#fetching */
export class Downloads implements AsyncDisposable {
  readonly #parts: DownloadsParts
  readonly #table: ReturnType<typeof inTable>
  /** By the letter's key and the file's index. */
  readonly #live = new Map<string, InLive>()

  constructor(parts: DownloadsParts) {
    this.#parts = parts
    this.#table = inTable(parts.state, parts.log)
  }

  /** Takes up what a former run left. */
  async start(): Promise<void> {
    const { spool, ahead } = this.#parts
    for (const { value } of await this.#table.list())
      this.#live.set(placeOf(value), inLiveOf(value))
    const rows = [...this.#live.values()].map(({ row }) => row)
    const known = new Set(rows.flatMap(({ id }) => Object.values(fetchedNames(id))))
    for (const name of await spool.names())
      if (name.startsWith('in-') && !known.has(name)) await spool.remove(name)
    const wanted = rows.filter(({ stage }) => stage !== 'here').map(({ id }) => id)
    await ahead.keepOnly(new Set(wanted))
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
  fetch(letter: LetterWithFiles, index: number): Promise<ReceivedAttachment> {
    return this.#ask(letter, index, 'fetching')
  }

  /** Fetches its keys alone, and has a pod of ours fetch the rest. @throws as {@link fetch} */
  fetchAhead(letter: LetterWithFiles, index: number): Promise<ReceivedAttachment> {
    return this.#ask(letter, index, 'ahead')
  }

  async #ask(
    letter: LetterWithFiles,
    index: number,
    wish: 'fetching' | 'ahead'
  ): Promise<ReceivedAttachment> {
    const { self, clock, random } = this.#parts
    const frame = frameOf(letter, index)
    const place = placeOf({ key: letter.key, index })
    const known = this.#live.get(place)
    if (known) {
      await this.#askAgain(known, wish)
      return this.#one(letter, index)
    }
    const { sizeBytes, expiryMs } = decodeManifest(frame)
    if (expiryMs <= clock.now())
      throw new MuttrError('BLOB_EXPIRED', 'the network has forgotten this file')
    const stage = sizeBytes === 0 ? 'fetching' : wish
    this.#checkRoom({ stage, sizeBytes })
    const id = toHex(random.bytes(16))
    const { fromAlias: from, fromFingerprint: fingerprint, to } = letter
    const secret = encodeInSecret({ from, fingerprint, to, manifest: frame })
    const live = inLiveOf({
      ...{ id, letter: letter.id, key: letter.key, index, createdMs: clock.now() },
      ...{ expiryMs, sizeBytes, stage, problem: null },
      secret: self.closet().seal(`fetched ${id}`, secret)
    })
    this.#live.set(place, live)
    await this.#asked(live)
    return this.#one(letter, index)
  }

  async #askAgain(live: InLive, wish: 'fetching' | 'ahead'): Promise<void> {
    const { row } = live
    if (row.stage === 'here' || (row.stage === 'fetching' && wish === 'ahead')) return
    if (row.stage === 'ahead' && wish === 'fetching') {
      this.#checkRoom({ stage: wish, sizeBytes: row.sizeBytes })
      live.stop.abort()
      await live.work
    }
    row.stage = wish
    row.problem = null
    await this.#asked(live)
  }

  async #asked(live: InLive): Promise<void> {
    const { row } = live
    await this.#save(row)
    if (row.stage === 'ahead') await this.#parts.ahead.plan(this.#aheadFile(row))
    this.#begin(live)
  }

  /** What the pod of the alias that it came to is to fetch. */
  #aheadFile(row: InRow) {
    const { id, sizeBytes, expiryMs } = row
    const pod = readAlias(this.#secret(row).to).hostname
    return { id, pod, chunks: shapeOf(sizeBytes).levels[0]!.count, expiryMs }
  }

  /** What a pod fetches for us it fetches no more. */
  async pause(letter: LetterWithFiles, index: number): Promise<ReceivedAttachment> {
    const live = this.#live.get(placeOf({ key: letter.key, index }))
    if (live?.row.stage === 'ahead') await this.#drop(live)
    else if (live?.row.stage === 'fetching') {
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

  async *#contents(live: InLive, manifest: Manifest): AsyncGenerator<Uint8Array> {
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

  /** @throws {MuttrError} `DISK_FULL` when there would be more here than may be. */
  #checkRoom(more: Pick<InRow, 'stage' | 'sizeBytes'>): void {
    const rows = [...this.#live.values()].map(({ row }) => row)
    const bytes = [...rows, more].reduce((sum, row) => sum + keptBytesOf(row), 0)
    if (bytes > this.#parts.caps.inBytes) throw noRoom()
  }

  #begin(live: InLive): void {
    const { life, self, log, ahead } = this.#parts
    const { id, stage } = live.row
    const isDue = stage === 'fetching' || (stage === 'ahead' && ahead.row(id)?.stage === 'asking')
    if (!isDue || self.locked || life.aborted || live.isBusy) return
    live.stop = new AbortController()
    const signal = AbortSignal.any([life, live.stop.signal])
    live.isBusy = true
    live.work = this.#fetch(live, signal)
      .catch(async err => {
        if (codeOf(err) === 'CANCELLED') return
        if (!isFinal(err)) log.warn('a fetch broke', { err })
        live.row.stage = 'lost'
        live.row.problem = failureOf(err)
        await this.#save(live.row)
        await ahead.drop(id)
        this.#tell(live, true)
      })
      .catch(err => log.warn('a fetch is not written', { err }))
      .finally(() => {
        live.run = undefined
        live.isBusy = false
      })
  }

  async #fetch(live: InLive, signal: AbortSignal): Promise<void> {
    const { spool, ahead } = this.#parts
    const { row } = live
    const secret = this.#secret(row)
    const manifest = decodeManifest(secret.manifest)
    await using download = await openDownload(spool, row.id, manifest)
    const fetching = new FileFetch({
      ...this.#parts,
      ...{ live, secret, download, signal, tell: always => this.#tell(live, always) }
    })
    if (row.stage === 'ahead') return await fetching.handOver(this.#aheadFile(row))
    await fetching.all()
    row.stage = 'here'
    row.problem = null
    await this.#save(row)
    this.#tell(live, true)
    await ahead.drop(row.id)
  }

  /** A pod has more of it than before, or less. */
  aheadChanged(id: string): void {
    const live = this.#withId(id)
    const shown = live && this.#parts.ahead.show(id, live.row.sizeBytes)
    if (shown) this.#parts.emit(aheadEvent(live, shown))
  }

  /** A pod knows nothing of it any more. */
  aheadForgotten(id: string): void {
    const live = this.#withId(id)
    if (live) this.#begin(live)
  }

  #withId(id: string): InLive | undefined {
    return [...this.#live.values()].find(({ row }) => row.id === id)
  }

  async #save(row: InRow): Promise<void> {
    await this.#parts.state.write([this.#table.put(row.id, row)])
  }

  async #drop(live: InLive): Promise<void> {
    const { state, spool } = this.#parts
    live.stop.abort()
    await live.work
    await this.#parts.ahead.drop(live.row.id)
    this.#live.delete(placeOf(live.row))
    await state.write([this.#table.drop(live.row.id)])
    for (const name of Object.values(fetchedNames(live.row.id))) await spool.remove(name)
  }

  #shown(live: InLive, idle: ReceivedAttachment): ReceivedAttachment {
    const { id, sizeBytes } = live.row
    const { ahead, clock } = this.#parts
    return showDownload(live, idle, ahead.show(id, sizeBytes), clock.now())
  }

  #tell(live: InLive, always = false): void {
    const { clock, emit } = this.#parts
    const nowMs = clock.now()
    live.rate.at(live.haveBytes, nowMs)
    if (live.rate.due(nowMs) || always) emit(downloadEvent(live, nowMs))
  }
}

const placeOf = ({ key, index }: { key: string; index: number }): string => `${key}-${index}`

function frameOf({ manifests }: LetterWithFiles, index: number): Uint8Array {
  const frame = manifests[index]
  if (!frame) throw new MuttrError('ATTACHMENT_UNKNOWN', `the letter has no file ${index}`)
  return frame
}

/** Of a file that a pod fetches only the keys lie here. */
const keptBytesOf = ({ stage, sizeBytes }: Pick<InRow, 'stage' | 'sizeBytes'>): number =>
  sealedBytesOf(stage === 'ahead' ? (shapeOf(sizeBytes).levels[1]?.bytes ?? 0) : sizeBytes)
