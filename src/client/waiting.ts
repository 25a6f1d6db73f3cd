import { MuttrError } from '../base/errors.ts'
import type { Clock, Millis } from '../base/ports.ts'

const cancelled = () => new MuttrError('CANCELLED', 'the request was cancelled')

/** Stops waiting, not the work, when `signal` aborts. @throws {MuttrError} `CANCELLED` */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  if (signal.aborted) {
    work.catch(() => undefined)
    throw cancelled()
  }
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(cancelled())
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Stops waiting, not the work, after `timeoutMs`. @throws {MuttrError} what `late` makes */
export async function within<T>(
  work: Promise<T>,
  { clock, timeoutMs, late }: { clock: Clock; timeoutMs: Millis; late: () => MuttrError }
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  using _timer = clock.after(timeoutMs, () => reject(late()))
  return await Promise.race([work, promise])
}
