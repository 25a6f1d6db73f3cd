import type { Context } from 'hono'
import { failureOf } from '../base/failure.ts'
import type { Clock, Failure } from '../base/ports.ts'
import { eventStream } from './sse.ts'

/** How work ended that was told of as it went on: a stream that has begun can only say within itself that it failed. */
export type Failed = { type: 'failed'; error: Failure }

type Work<News, End> = (signal: AbortSignal, tell: (news: News) => void) => Promise<End>

/** Work that goes on as long as somebody listens to how it does. */
export function newsOf<News extends { type: string }, End extends { type: string }>(
  c: Context,
  clock: Clock,
  work: Work<News, End>
): Response {
  const ended = new AbortController()
  const signal = AbortSignal.any([ended.signal, c.req.raw.signal])
  const events = newsUntil<News, End>(tell => work(signal, tell))
  return c.body(eventStream({ events, clock, onEnd: () => ended.abort() }), 200, {
    'Content-Type': 'text/event-stream'
  })
}

/** How far it is, as often as that is asked for, and how it ended. */
async function* newsUntil<News, End>(
  work: (tell: (news: News) => void) => Promise<End>
): AsyncGenerator<News | End | Failed> {
  let latest: News | undefined
  let more = Promise.withResolvers<null>()
  const end = work(news => {
    latest = news
    more.resolve(null)
  }).catch((err): Failed => ({ type: 'failed', error: failureOf(err) }))
  for (;;) {
    const last = await Promise.race([end, more.promise])
    if (last) return yield last
    more = Promise.withResolvers()
    if (latest) yield latest
  }
}
