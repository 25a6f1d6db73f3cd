import type { ErrorCode } from '../../base/errors.ts'
import { codeOf } from '../../base/errors.ts'
import type { Clock, Random } from '../../base/ports.ts'
import { readAlias } from '../../pod/alias.ts'
import type { Dht } from '../../seed/dht.ts'
import type { Spool } from '../../store/spool.ts'
import type { Blob } from '../../wire/blob.ts'
import type { Contacts } from '../contacts.ts'
import type { StrangerFetch } from '../stranger-fetch.ts'
import type { Ahead, AheadFile } from './ahead.ts'
import { ChunkRun } from './chunk-run.ts'
import { done } from './done-map.ts'
import type { OpenDownload } from './download.ts'
import { roomStep } from './download.ts'
import type { InLive } from './in-live.ts'
import type { InSecret } from './in-rows.ts'
import { throughLevels } from './levels.ts'
import type { SpoolCaps } from './room.ts'
import { noRoom } from './room.ts'

interface FetchParts {
  dht: Pick<Dht, 'get'>
  spool: Spool
  caps: SpoolCaps
  contacts: Pick<Contacts, 'known'>
  strangerFetch: StrangerFetch
  ahead: Ahead
  clock: Clock
  random: Random
  live: InLive
  secret: InSecret
  download: OpenDownload
  signal: AbortSignal
  tell(always?: boolean): void
}

/** Of fetching. */
export const fetchPace = { most: 8, slowMs: 10_000 }
/** No other attempt brings another file. */
const final: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ATTACHMENT_INVALID',
  'BLOB_INVALID',
  'BLOB_RELEASED',
  'BLOB_EXPIRED'
])
/** A pod that fetches nothing ahead, or never so much, or lets us in no more. */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...final,
  'METHOD_UNKNOWN',
  'PEER_REFUSED',
  'IDENTIFY_REFUSED'
])

export const isFinal = (err: unknown): boolean => final.has(codeOf(err) ?? 'INTERNAL')
const isRefusal = (err: unknown): boolean => refusals.has(codeOf(err) ?? 'INTERNAL')

/** Brings the chunks of one file here, those that are missing: from the pod that fetched them ahead, else from their holders. */
export class FileFetch {
  readonly #parts: FetchParts

  constructor(parts: FetchParts) {
    this.#parts = parts
    const { live, download } = parts
    live.haveBytes = download.done.bytes
    live.rate.reset()
  }

  /** @throws {MuttrError} what no other attempt can heal; `CANCELLED` */
  all(): Promise<void> {
    return this.#levels(this.#parts.download.levels)
  }

  /** Fetches the keys, and tells them to a pod, however long that takes. @throws as {@link all} */
  async handOver(file: Omit<AheadFile, 'keyOf'>): Promise<void> {
    const { download, ahead } = this.#parts
    await this.#levels(download.levels.slice(0, -1))
    const tell = async (_: number, signal: AbortSignal): Promise<boolean> => {
      await ahead.handOver({ ...file, keyOf: download.keyOf }, signal)
      return false
    }
    await this.#run(once(), tell, isRefusal).catch(async err => {
      if (codeOf(err) === 'CANCELLED') throw err
      await ahead.refused(file.id, err)
    })
  }

  #levels(levels: OpenDownload['levels']): Promise<void> {
    return throughLevels(this.#parts.download, levels, missing =>
      this.#run(missing, (chunk, signal) => this.#chunk(chunk, signal), isFinal)
    )
  }

  async #run(
    chunks: AsyncIterable<number>,
    work: (chunk: number, signal: AbortSignal) => Promise<boolean>,
    isOver: (err: unknown) => boolean
  ): Promise<void> {
    const { live, clock, random, signal, tell } = this.#parts
    live.run = new ChunkRun({
      ...{ ...fetchPace, clock, random, signal, chunks, work, isFinal: isOver },
      onProblem: problem => {
        live.row.problem = problem && { code: problem.code, message: problem.message }
        if (problem) live.rate.reset()
        tell(true)
      }
    })
    await live.run.run()
  }

  async #chunk(chunk: number, signal: AbortSignal): Promise<boolean> {
    const { spool, caps, ahead, live, download, tell } = this.#parts
    if (chunk % 16 === 0 && (await spool.freeBytes()) - roomStep < caps.reserveBytes) throw noRoom()
    const key = await download.keyOf(chunk)
    const { sealed } =
      (await ahead.take(live.row.id, chunk, key, signal)) ?? (await this.#get(key, signal))
    await download.keep(chunk, sealed)
    await download.done.set(chunk, done)
    live.haveBytes = download.done.bytes
    tell()
    return false
  }

  /** What somebody sent whom we do not know was put where that somebody chose: who fetches it there is seen. */
  async #get(key: Uint8Array, signal: AbortSignal): Promise<Blob> {
    const { dht, contacts, strangerFetch, secret } = this.#parts
    const { from, fingerprint, to } = secret
    const known = await contacts.known(from).catch(() => undefined)
    const isContact = known?.certificate.fingerprint === fingerprint
    const getting = isContact
      ? dht.get(key, { signal })
      : strangerFetch.get(readAlias(to).hostname, key)
    return (await getting).blob
  }
}

async function* once(): AsyncGenerator<number> {
  yield 0
}
