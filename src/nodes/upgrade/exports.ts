import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { concatBytes } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'
import { syncFolder, unwritable } from '../../config/home.ts'
import type { StateSum } from '../../store/copy-state.ts'
import { sumOf } from '../../store/copy-state.ts'
import type { Content, WholeState } from '../../store/state.ts'
import { encodeBackupItem, readBackupItems } from '../../wire/backup.ts'
import { podContents, podItems } from '../pod-items.ts'

/** A pod's whole state in a file of its home, from before an upgrade. Source: docs/protocol/store.md#versions */
export interface Export {
  readonly path: string
  /** Of the state in it. */
  readonly version: number
  readonly madeMs: Millis
  readonly sizeBytes: number
  /** The first digits of {@link StateSum.digest}. */
  readonly digest: string
}

/** Older ones are removed when another has been made. */
const exportsKept = 2
const writeBytes = 256 * 1024
const digestDigits = 16

const nameOf = (version: number, madeMs: Millis, digest: string): string =>
  `pod-${version}-${madeMs}-${digest.slice(0, digestDigits)}.export`

/** Newest first. */
export async function listExports(folder: string): Promise<Export[]> {
  const names = await readdir(folder).catch(err => {
    if (err.code === 'ENOENT') return []
    throw err
  })
  const found: Export[] = []
  for (const name of names) {
    const [, version, madeMs, digest] = /^pod-(\d+)-(\d+)-([0-9a-f]{16})\.export$/.exec(name) ?? []
    if (digest === undefined) continue
    const path = join(folder, name)
    const { size: sizeBytes } = await stat(path)
    found.push({ path, version: Number(version), madeMs: Number(madeMs), sizeBytes, digest })
  }
  return found.sort((a, b) => b.madeMs - a.madeMs)
}

/**
 * Writes all of a state into a file, and reads it again. Until it is whole it has another name.
 * @throws {MuttrError} `DISK_FULL`, `DISK_FAILED`, `HOME_DAMAGED`, `CANCELLED`
 */
export async function makeExport(
  folder: string,
  state: Pick<WholeState, 'contents'>,
  o: { version: number; nowMs: Millis; fingerprint: string; signal: AbortSignal }
): Promise<{ made: Export; sum: StateSum }> {
  const partial = join(folder, 'unfinished')
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const written = await sumOf(writing(partial, state, o), o.signal)
    const read = await sumOf(contentsOf(partial), o.signal)
    if (read.digest !== written.digest)
      throw new MuttrError('HOME_DAMAGED', `what was written to ${folder} is not what is read`)
    const path = join(folder, nameOf(o.version, o.nowMs, read.digest))
    await rename(partial, path)
    await syncFolder(folder)
    const [made] = (await listExports(folder)).filter(one => one.path === path)
    return { made: made!, sum: read }
  } catch (err) {
    await rm(partial, { force: true })
    throw unwritable(err, folder)
  }
}

/** Writes as it is read. */
async function* writing(
  path: string,
  state: Pick<WholeState, 'contents'>,
  { nowMs, fingerprint }: { nowMs: Millis; fingerprint: string }
): AsyncGenerator<Content> {
  const file = await open(path, 'w', 0o600)
  try {
    let waiting = [encodeBackupItem({ type: 'head', madeMs: nowMs, fingerprint })]
    let bytes = 0
    let rows = 0
    const flush = async () => {
      await file.writeFile(concatBytes(...waiting))
      waiting = []
      bytes = 0
    }
    for await (const item of podItems(state)) {
      const encoded = encodeBackupItem(item)
      rows += 1
      bytes += encoded.byteLength
      waiting.push(encoded)
      if (bytes >= writeBytes) await flush()
      const { type: _, ...content } = item
      yield content
    }
    waiting.push(encodeBackupItem({ type: 'end', rows }))
    await flush()
    await file.sync()
  } finally {
    await file.close()
  }
}

/** @throws {MuttrError} `BACKUP_INVALID` when it is not whole */
export const contentsOf = (path: string): AsyncGenerator<Content> =>
  podContents(readBackupItems(createReadStream(path)))

/** What is in an export, when that is what was put in. @throws {MuttrError} `BACKUP_INVALID`, `CANCELLED` */
export async function checkedExport(found: Export, signal: AbortSignal): Promise<StateSum> {
  const sum = await sumOf(contentsOf(found.path), signal)
  if (sum.digest.startsWith(found.digest)) return sum
  throw new MuttrError('BACKUP_INVALID', `${found.path} is not what was written`)
}

export async function pruneExports(folder: string): Promise<void> {
  for (const { path } of (await listExports(folder)).slice(exportsKept))
    await rm(path, { force: true })
}
