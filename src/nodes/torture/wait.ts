import type { Clock, Millis } from '../../base/ports.ts'

/** Resolves after a while, or when the signal aborts. */
export function pause(clock: Clock, ms: Millis, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = clock.after(Math.max(0, ms), resolve)
  const stop = () => resolve()
  if (signal?.aborted) resolve()
  signal?.addEventListener('abort', stop, { once: true })
  return promise.finally(() => {
    timer[Symbol.dispose]()
    signal?.removeEventListener('abort', stop)
  })
}

/** Aborts after a while: for calls to nodes that may be stopped. */
export function within(clock: Clock, ms: Millis): AbortSignal {
  const late = new AbortController()
  clock.after(ms, () => late.abort())
  return late.signal
}
