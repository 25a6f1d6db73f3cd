import { done } from './done-map.ts'
import type { OpenDownload } from './download.ts'

/** Has all missing chunks of `levels` brought: the topmost level first, because it says where the next one lies. */
export async function throughLevels(
  download: OpenDownload,
  levels: OpenDownload['levels'],
  bring: (chunks: AsyncIterable<number>) => Promise<void>
): Promise<void> {
  for (const { first, count } of levels) {
    const missing = download.done.where(value => value !== done)
    await bring(within(missing, first, first + count))
  }
  await download.sync()
}

async function* within(
  chunks: AsyncIterable<number>,
  from: number,
  to: number
): AsyncGenerator<number> {
  for await (const chunk of chunks) if (chunk >= from && chunk < to) yield chunk
}
