import { MuttrError } from '../../base/errors.ts'
import { limits } from '../../base/limits.ts'
import { chunkCipher } from '../../keys/chunk.ts'
import type { Spool, SpoolFile } from '../../store/spool.ts'
import type { Manifest } from '../../wire/attachment.ts'
import { chunkAt, chunkKeyBytes, keyPlaceOf, shapeOf } from '../../wire/attachment.ts'
import type { DoneMap } from './done-map.ts'
import { openDoneMap } from './done-map.ts'
import { spotOf } from './out-rows.ts'

/** What lies in the spool for one file that is fetched. */
export const fetchedNames = (id: string) => ({ chunks: `in-${id}.chunks`, done: `in-${id}.done` })

/** A file that is being fetched, or read. Whatever it gives out was opened under the file's key for its place. */
export interface OpenDownload extends AsyncDisposable {
  readonly done: DoneMap
  /** Of each level from the topmost down, the chunks that are missing. */
  readonly levels: readonly { first: number; count: number }[]
  /** @throws {MuttrError} `ATTACHMENT_INVALID` when the chunk that has it is not what it should be */
  keyOf(chunk: number): Promise<Uint8Array>
  /** Checks sealed bytes and keeps them. @throws {MuttrError} `ATTACHMENT_INVALID`, `DISK_FULL` */
  keep(chunk: number, sealed: Uint8Array): Promise<void>
  /** What a chunk holds. @throws {MuttrError} `ATTACHMENT_INVALID` when the disk has something else */
  read(chunk: number): Promise<Uint8Array>
  sync(): Promise<void>
}

/** Opened chunks of keys at hand. */
const cachedMax = 2

export async function openDownload(
  spool: Spool,
  id: string,
  { sizeBytes, fileKey, roots }: Pick<Manifest, 'sizeBytes' | 'fileKey' | 'roots'>
): Promise<OpenDownload> {
  await using stack = new AsyncDisposableStack()
  const names = fetchedNames(id)
  const chunks: SpoolFile = stack.use(await spool.open(names.chunks))
  const doneFile: SpoolFile = stack.use(await spool.open(names.done))
  const cipher = await chunkCipher(fileKey)
  const shape = shapeOf(sizeBytes)
  const inFile = shape.levels[0]!.count
  const bytesOf = (chunk: number) => (chunk < inFile ? chunkAt(shape, chunk).contentBytes : 0)
  const done = await openDoneMap(doneFile, shape.chunks, bytesOf)
  const cached = new Map<number, Uint8Array>()

  const read = async (chunk: number) => {
    const place = chunkAt(shape, chunk)
    return cipher.open(place, await chunks.read(spotOf(chunk), place.sealedBytes))
  }
  const keysIn = async (chunk: number): Promise<Uint8Array> => {
    const known = cached.get(chunk)
    if (known) return known
    const keys = await read(chunk)
    if (cached.size >= cachedMax) cached.delete(cached.keys().next().value!)
    cached.set(chunk, keys)
    return keys
  }
  const all = stack.move()
  return {
    done,
    levels: shape.levels.map(({ first, count }) => ({ first, count })).reverse(),
    async keyOf(chunk) {
      const above = keyPlaceOf(shape, chunkAt(shape, chunk))
      if (above.chunk === null) return roots[above.at]!
      return (await keysIn(above.chunk)).slice(above.at, above.at + chunkKeyBytes)
    },
    async keep(chunk, sealed) {
      const place = chunkAt(shape, chunk)
      await cipher.open(place, sealed)
      await chunks.write(spotOf(chunk), sealed)
    },
    read,
    async sync() {
      await chunks.sync()
      await doneFile.sync()
    },
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}

/** Gives out a file chunk by chunk. @throws {MuttrError} `ATTACHMENT_WAITING` for one that the disk has spoiled, which is then fetched again */
export async function* contentsOf(
  download: OpenDownload,
  sizeBytes: number,
  onSpoiled: (chunk: number) => Promise<void>
): AsyncGenerator<Uint8Array> {
  const { count } = shapeOf(sizeBytes).levels[0]!
  for (let chunk = 0; chunk < count; chunk++) {
    const content = await download.read(chunk).catch(async cause => {
      await onSpoiled(chunk)
      throw new MuttrError('ATTACHMENT_WAITING', 'a piece was spoiled on this disk', {
        cause,
        hint: 'It is fetched again now.'
      })
    })
    yield content
  }
}

/** Room is looked for so much at a time. */
export const roomStep = 16 * limits.blobBytesMax
