import type { Spool, SpoolFile } from '../../store/spool.ts'
import { chunkAt, shapeOf } from '../../wire/attachment.ts'
import type { Blob } from '../../wire/blob.ts'
import { blobKey, checkSealed, encodeBlobHeader } from '../../wire/blob.ts'
import type { DoneMap } from './done-map.ts'
import { openDoneMap } from './done-map.ts'
import type { OutRow } from './out-rows.ts'
import { headerOf, recordBytes, spotOf } from './out-rows.ts'

/** What lies in the spool for one file: its sealed chunks, a record of each, and how far each is. */
export const spoolNames = (id: string) => ({
  chunks: `${id}.chunks`,
  records: `${id}.records`,
  done: `${id}.done`
})

/** A sealed file's chunks, at hand while something is done with them. */
export interface OpenUpload extends AsyncDisposable {
  readonly done: DoneMap
  /** Without the bytes; for what only the header is needed. */
  header(chunk: number): Promise<Uint8Array>
  /** @throws {MuttrError} `BLOB_INVALID` when the disk has something else. */
  blob(chunk: number): Promise<Blob>
  /** Everything written is on the disk. */
  sync(): Promise<void>
}

export async function openUpload(
  spool: Spool,
  { id, sizeBytes, expiryMs }: OutRow
): Promise<OpenUpload> {
  await using stack = new AsyncDisposableStack()
  const open = async (name: string): Promise<SpoolFile> => stack.use(await spool.open(name))
  const names = spoolNames(id)
  const [chunks, records, doneFile] = [
    await open(names.chunks),
    await open(names.records),
    await open(names.done)
  ]
  const shape = shapeOf(sizeBytes)
  const inFile = shape.levels[0]!.count
  const bytesOf = (chunk: number) => (chunk < inFile ? chunkAt(shape, chunk).contentBytes : 0)
  const done = await openDoneMap(doneFile, shape.chunks, bytesOf)
  const headerAt = async (chunk: number) => {
    const record = await records.read(chunk * recordBytes, recordBytes)
    return headerOf(chunkAt(shape, chunk), expiryMs, record)
  }
  const all = stack.move()
  return {
    done,
    header: async chunk => encodeBlobHeader(await headerAt(chunk)),
    async blob(chunk) {
      const header = await headerAt(chunk)
      const sealed = await chunks.read(spotOf(chunk), header.lengthBytes)
      checkSealed(header, sealed)
      const headerBytes = encodeBlobHeader(header)
      return { key: blobKey(headerBytes), header, headerBytes, sealed }
    },
    sync: () => doneFile.sync(),
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}
