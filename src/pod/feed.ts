import type { Session } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import type { AlongBlob } from '../wire/along.ts'
import { pushAlong } from '../wire/along.ts'
import type { Entry } from '../wire/notice.ts'
import { push } from '../wire/pod.ts'
import { podMethods } from '../wire/pod-methods.ts'
import { podTimes } from './limits.ts'
import type { AccountId } from './rows.ts'
import { mailLog } from './rows.ts'

/** Hands new notices to one listening session: one push at a time, so that a slow one is never sent faster than it reads. */
export interface Feed extends Disposable {
  /** Begins after `head`, or where a former call left off when that is further on. */
  start(account: AccountId, head: number): void
}

interface Parts {
  session: Session
  state: State
  page(account: AccountId, after: number): Promise<{ entries: readonly Entry[]; through: number }>
  /** What goes along with these. */
  along(entries: readonly Entry[]): Promise<readonly AlongBlob[]>
  /** The device has answered a push of so many. */
  onPushed(count: number): void
  /** A push was not answered: the session is of no use any more. */
  onStuck(err: unknown): void
}

export function createFeed({ session, state, page, along, onPushed, onStuck }: Parts): Feed {
  const stop = new AbortController()
  let current: { account: AccountId; sent: number; watch: Disposable } | undefined
  let busy = false
  let again = false

  const drain = async (): Promise<void> => {
    while (current && !stop.signal.aborted) {
      const { account, sent } = current
      const { entries, through } = await page(account, sent)
      if (through === sent) return
      if (entries.length > 0) {
        const blobs = await along(entries)
        const options = { timeoutMs: podTimes.pushTimeoutMs, signal: stop.signal }
        if (blobs.length === 0)
          await session.request(podMethods.notices, push.encode({ entries }), options)
        else {
          const frame = pushAlong.encode({ entries, blobs })
          await session.request(podMethods.noticesAlong, frame, options)
        }
        onPushed(entries.length)
      }
      current.sent = through
    }
  }

  const wake = async (): Promise<void> => {
    again = true
    if (busy) return
    busy = true
    try {
      while (again) {
        again = false
        await drain()
      }
    } catch (err) {
      if (!stop.signal.aborted) onStuck(err)
    } finally {
      busy = false
    }
  }

  return {
    start(account, head) {
      if (stop.signal.aborted) return
      current ??= { account, sent: head, watch: state.watch(mailLog(account), () => void wake()) }
      void wake()
    },
    [Symbol.dispose]() {
      stop.abort()
      current?.watch[Symbol.dispose]()
    }
  }
}
