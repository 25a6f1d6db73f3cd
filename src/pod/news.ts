import type { Log } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'

/** What all processes of a pod are told: an account whose standing changed, or (empty) the pod's settings. */
export interface News extends AsyncDisposable {
  /** Resolves when everything written so far was handed over. */
  settled(): Promise<void>
  /** Drops what every process has read long ago. */
  sweep(): Promise<void>
}

const log = 'news'
const pageRows = 500
/** So much stays, for a process that is slow. */
const kept = 1_000

/** To be written with what it tells of. @param about an account; nothing for the settings. */
export const newsOf = (about = ''): Change => ({
  type: 'append',
  log,
  entry: new Uint8Array(Buffer.from(about || 'settings'))
})

/** Hands over what is told from now on, one after the other. */
export async function watchNews(
  state: State,
  told: (about: string) => Promise<void>,
  warn: Log['warn']
): Promise<News> {
  let cursor = 0
  for (;;) {
    const page = await state.page(log, cursor, pageRows)
    cursor = page.at(-1)?.sequence ?? cursor
    if (page.length < pageRows) break
  }
  let last: Promise<void> = Promise.resolve()
  const read = async (): Promise<void> => {
    for (;;) {
      const page = await state.page(log, cursor, pageRows)
      for (const { sequence, entry } of page) {
        cursor = sequence
        const about = Buffer.from(entry).toString()
        await told(about === 'settings' ? '' : about)
      }
      if (page.length < pageRows) return
    }
  }
  const wake = (): void => {
    last = last.then(read).catch(err => warn('pod.news-failed', { err }))
  }
  const watch = state.watch(log, wake)
  return {
    settled() {
      wake()
      return last
    },
    async sweep() {
      if (cursor > kept) await state.write([{ type: 'trim', log, through: cursor - kept }])
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]()
      await last
    }
  }
}
