import { limits } from '../../base/limits.ts'
import type { Millis, Session } from '../../base/ports.ts'
import { queueNews } from '../../wire/federation.ts'
import { podMethods } from '../../wire/pod-methods.ts'
import { podTimes } from '../limits.ts'
import type { Served } from '../session.ts'
import type { Told } from './queue.ts'

/** Tells the devices that are here what became of notices of theirs. Who does not hear it asks later. */
export function tellNews(
  sessions: Iterable<[Session, Served]>,
  told: readonly Told[],
  nowMs: Millis
): void {
  const byDevice = Map.groupBy(told, ({ account, device }) => `${account}/${device}`)
  if (byDevice.size === 0) return
  for (const [session, served] of sessions) {
    const here = served.identity(nowMs)
    const own = here && byDevice.get(`${here.account}/${here.device}`)
    for (let at = 0; at < (own?.length ?? 0); at += limits.queueAskMax) {
      const news = own!.slice(at, at + limits.queueAskMax).map(t => t.news)
      const options = { timeoutMs: podTimes.pushTimeoutMs }
      session
        .request(podMethods.queueNews, queueNews.encode({ news }), options)
        .catch(() => undefined)
    }
  }
}
