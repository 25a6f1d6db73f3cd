import type { SpoolFile } from '../../store/spool.ts'

const pageBytes = 64 * 1_024

/** What is known of a chunk; nothing, else. */
export const offered = 1
export const done = 2

/** How far each chunk of a file is: a byte for each, in a file, so that a killed process finds out, and no list is held in memory. */
export interface DoneMap {
  /** How many are done, and of them `bytesOf` together. */
  readonly count: number
  readonly bytes: number
  set(chunk: number, value: 0 | typeof offered | typeof done): Promise<void>
  /** In order, as they are found when they are asked for. */
  where(fits: (value: number) => boolean): AsyncGenerator<number>
}

/** @param bytesOf what a chunk counts for. */
export async function openDoneMap(
  file: SpoolFile,
  chunks: number,
  bytesOf: (chunk: number) => number
): Promise<DoneMap> {
  let [count, bytes] = [0, 0]
  const page = async (from: number): Promise<Uint8Array> => {
    const read = new Uint8Array(Math.min(pageBytes, chunks - from))
    read.set(await file.read(from, read.byteLength))
    return read
  }
  for (let from = 0; from < chunks; from += pageBytes)
    for (const [i, value] of (await page(from)).entries()) {
      if (value !== done) continue
      count += 1
      bytes += bytesOf(from + i)
    }
  return {
    get count() {
      return count
    },
    get bytes() {
      return bytes
    },
    async set(chunk, value) {
      const [before = 0] = await file.read(chunk, 1)
      await file.write(chunk, Uint8Array.of(value))
      const more = Number(value === done) - Number(before === done)
      count += more
      bytes += more * bytesOf(chunk)
    },
    async *where(fits) {
      for (let from = 0; from < chunks; from += pageBytes)
        for (const [i, value] of (await page(from)).entries()) if (fits(value)) yield from + i
    }
  }
}
