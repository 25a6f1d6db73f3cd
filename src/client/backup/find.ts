import { sha256, toHex } from '../../base/bytes.ts'
import { codeOf, MuttrError } from '../../base/errors.ts'
import type { Clock, Failure, Millis, Random } from '../../base/ports.ts'
import type { BackupKeys } from '../../keys/backup-record.ts'
import type { Dht } from '../../seed/dht.ts'
import type { Spool } from '../../store/spool.ts'
import { decodeRecord, recordKeyOf } from '../../wire/record.ts'
import type { BackupPlace } from '../../wire/records/backup.ts'
import { backupKind, decodeBackupPlace } from '../../wire/records/backup.ts'
import { ChunkRun } from '../attachments/chunk-run.ts'
import { done } from '../attachments/done-map.ts'
import { contentsOf, openDownload } from '../attachments/download.ts'
import { fetchPace } from '../attachments/file-fetch.ts'
import { throughLevels } from '../attachments/levels.ts'
import { sealedBytesOf } from '../attachments/out-rows.ts'
import { noRoom } from '../attachments/room.ts'

/** Holders that are away come back; chunks that nobody had so often are gone. */
const triesMax = 5

/**
 * Where the backup under these words lies. Only who has the words can have said so: the record is theirs, and nobody else can seal it.
 * @throws {MuttrError} `RECORD_UNKNOWN`, `BACKUP_INVALID`, `BLOB_EXPIRED`, and what a DHT throws
 */
export async function findBackup(
  keys: BackupKeys,
  { dht, clock, signal }: { dht: Pick<Dht, 'getRecord'>; clock: Clock; signal: AbortSignal }
): Promise<BackupPlace> {
  const frame = await dht
    .getRecord(recordKeyOf(backupKind, 0, keys.author), { signal })
    .catch(cause => {
      if (codeOf(cause) !== 'RECORD_UNKNOWN') throw cause
      throw new MuttrError('RECORD_UNKNOWN', 'this network has no backup under these words', {
        cause,
        hint: 'Check the words and the network. What was not renewed for 30 days is forgotten; a backup in a file opens with the same words.'
      })
    })
  const { kind, author, body } = decodeRecord(frame)
  const isTheirs = author.scheme === 0 && Buffer.from(author.bytes).equals(keys.author)
  if (kind !== backupKind || !isTheirs)
    throw new MuttrError('BACKUP_INVALID', 'the record of the backup has another author')
  const place = decodeBackupPlace(keys.open(body))
  if (place.expiryMs <= clock.now())
    throw new MuttrError('BLOB_EXPIRED', 'the network has forgotten the last backup')
  return place
}

export interface FetchBackupParts {
  dht: Pick<Dht, 'get'>
  clock: Clock
  random: Random
  /** For its sealed chunks, which are left there when this fails: another call goes on with them. */
  spool: Spool
  signal: AbortSignal
  /** Called with the bytes that are here, and what holds it up while something does. */
  onProgress(haveBytes: number, problem: (Failure & { retryAtMs: Millis }) | null): void
}

/**
 * Fetches the chunks of a backup, each checked as those of attachments are, then gives out what they hold.
 * @throws {MuttrError} `BACKUP_INVALID` for chunks that are not what they should be, or are gone; `DISK_FULL`, `CANCELLED`
 */
export async function* fetchBackup(
  place: BackupPlace,
  { dht, clock, random, spool, signal, onProgress }: FetchBackupParts
): AsyncGenerator<Uint8Array> {
  if (sealedBytesOf(place.sizeBytes) > (await spool.freeBytes())) throw noRoom()
  await using download = await openDownload(spool, idOf(place), place)
  const tries = new Map<number, number>()
  const bring = async (chunk: number, stop: AbortSignal): Promise<boolean> => {
    const key = await download.keyOf(chunk)
    const { blob } = await dht.get(key, { signal: stop }).catch(err => {
      const count = (tries.get(chunk) ?? 0) + 1
      tries.set(chunk, count)
      if (codeOf(err) === 'BLOB_UNKNOWN' && count >= triesMax) throw gone(err)
      throw err
    })
    await download.keep(chunk, blob.sealed)
    await download.done.set(chunk, done)
    onProgress(download.done.bytes, null)
    return false
  }
  const isFinal = (err: unknown): boolean => finals.has(codeOf(err) ?? 'INTERNAL')
  onProgress(download.done.bytes, null)
  try {
    await throughLevels(download, download.levels, chunks =>
      new ChunkRun({
        ...{ ...fetchPace, clock, random, signal, chunks, work: bring, isFinal },
        onProblem: problem => onProgress(download.done.bytes, problem)
      }).run()
    )
    yield* contentsOf(download, place.sizeBytes, chunk => download.done.set(chunk, 0))
  } catch (err) {
    throw asOfBackup(err)
  }
}

const idOf = ({ roots }: BackupPlace): string => toHex(sha256(...roots)).slice(0, 32)

const finals: ReadonlySet<string> = new Set([
  'ATTACHMENT_INVALID',
  'BACKUP_INVALID',
  'BLOB_INVALID',
  'BLOB_RELEASED',
  'BLOB_EXPIRED',
  'DISK_FULL',
  'DISK_FAILED'
])

const gone = (cause: unknown): MuttrError =>
  new MuttrError('BACKUP_INVALID', 'a piece of the backup is not in the network any more', {
    cause
  })

function asOfBackup(err: unknown): unknown {
  const code = codeOf(err)
  if (code === 'BLOB_RELEASED' || code === 'BLOB_EXPIRED') return gone(err)
  if (code === 'ATTACHMENT_INVALID' || code === 'BLOB_INVALID')
    return new MuttrError('BACKUP_INVALID', 'a piece of the backup is not what its record says', {
      cause: err
    })
  return err
}
