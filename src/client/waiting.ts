import { MuttrError } from '../base/errors.ts'
import type { Clock, Millis } from '../base/ports.ts'

/** Stops waiting, not the work, when `signal` aborts. @throws {MuttrError} `CANCELLED` */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(new MuttrError('CANCELLED', 'the request was cancelled'))
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Stops waiting, not the work, after `timeoutMs`. @throws {MuttrError} `PEER_TIMEOUT` */
export async function within<T>(
  work: Promise<T>,
  { clock, timeoutMs }: { clock: Clock; timeoutMs: Millis }
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  using _timer = clock.after(timeoutMs, () => reject(new MuttrError('PEER_TIMEOUT', 'too late')))
  return await Promise.race([work, promise])
}
