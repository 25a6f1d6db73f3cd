import type { Log } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import { literal, nullable, oneOf, text, tuple } from '../wire/cbor.ts'
import type { AccountId, Row } from './rows.ts'
import { row } from './rows.ts'

/** What all processes of a pod are told. */
export type News =
  /** What the pod has decided about an account has changed. */
  | { readonly what: 'standing'; readonly account: AccountId }
  /** There is an account now, whose devices may be here already. */
  | { readonly what: 'account'; readonly account: AccountId }
  /** Devices that speak for a key are let in no more, but those that are behind. */
  | { readonly what: 'gone'; readonly pin: string }
  /** A device, by its key, is let in no more. */
  | { readonly what: 'dismissed'; readonly account: AccountId; readonly device: string }
  /** The pod's own settings have. */
  | { readonly what: 'settings' }
  /** What the operator says of other pods has. */
  | { readonly what: 'peers' }
  /** The pod has other names. */
  | { readonly what: 'names' }

export interface NewsWatch extends AsyncDisposable {
  /** Resolves when everything written so far was handed over. */
  settled(): Promise<void>
  /** Drops what every process has read long ago. */
  sweep(): Promise<void>
}

const log = 'news'
const pageRows = 500
/** So much stays, for a process that is slow. */
const kept = 1_000

const id = text(64, 64)
const newsRow: Row<News> = row(
  'news',
  tuple(
    literal(1),
    oneOf('standing', 'account', 'gone', 'settings', 'dismissed', 'peers', 'names'),
    nullable(id),
    nullable(id)
  ),
  ([, what, subject, device]): News => {
    if (what === 'settings' || what === 'peers' || what === 'names') return { what }
    if (subject === null) throw new TypeError('about nobody')
    if (what === 'gone') return { what, pin: subject }
    if (what !== 'dismissed') return { what, account: subject }
    if (device === null) throw new TypeError('no device')
    return { what, account: subject, device }
  },
  news => {
    if (news.what === 'settings' || news.what === 'peers' || news.what === 'names')
      return [1, news.what, null, null]
    if (news.what === 'gone') return [1, news.what, news.pin, null]
    return [1, news.what, news.account, news.what === 'dismissed' ? news.device : null]
  }
)

/** To be written with what it tells of. */
export const newsOf = (news: News): Change => ({
  type: 'append',
  log,
  entry: newsRow.encode(news)
})

/** Hands over what is told from now on, one after the other. */
export async function watchNews(
  state: State,
  told: (news: News) => Promise<void>,
  warn: Log['warn']
): Promise<NewsWatch> {
  let cursor = 0
  let last: Promise<void> = Promise.resolve()
  const read = async (): Promise<void> => {
    for (;;) {
      const page = await state.page(log, cursor, pageRows)
      for (const { sequence, entry } of page) {
        cursor = sequence
        await told(newsRow.decode(entry)).catch(err => warn('pod.news-failed', { err }))
      }
      if (page.length < pageRows) return
    }
  }
  const wake = (): void => {
    last = last.then(read).catch(err => warn('pod.news-unread', { err }))
  }
  // Watched before the end is looked for: what is written in between wakes us.
  const skipped = Promise.withResolvers<void>()
  last = skipped.promise
  const watch = state.watch(log, wake)
  for (;;) {
    const page = await state.page(log, cursor, pageRows)
    cursor = page.at(-1)?.sequence ?? cursor
    if (page.length < pageRows) break
  }
  skipped.resolve()
  return {
    settled() {
      wake()
      return last
    },
    async sweep() {
      // What could not be read when it came.
      wake()
      await last
      if (cursor > kept) await state.write([{ type: 'trim', log, through: cursor - kept }])
    },
    async [Symbol.asyncDispose]() {
      watch[Symbol.dispose]()
      await last
    }
  }
}
