import { MuttrError } from '../base/errors.ts'
import type { Clock, RequestOptions } from '../base/ports.ts'

interface Bounds extends RequestOptions {
  clock: Clock
  /** The node is closing. */
  closing: AbortSignal
}

/**
 * Runs what may hang for at most `timeoutMs`, and gives up at once when a signal says so, whether or not `run` obeys.
 * @throws {MuttrError} `PEER_TIMEOUT`, `CANCELLED`, or what `run` threw: a MuttrError as it is, all else as `PEER_UNREACHABLE`.
 */
export async function bounded<T>(
  what: string,
  { timeoutMs, signal, clock, closing }: Bounds,
  run: (signal: AbortSignal) => Promise<T>
): Promise<T> {
  const { promise: stopped, reject } = Promise.withResolvers<never>()
  const control = new AbortController()
  const stop = (err: MuttrError) => {
    reject(err)
    control.abort(err)
  }
  const cancel = () => stop(new MuttrError('CANCELLED', 'the request was cancelled'))
  using _ = clock.after(timeoutMs, () =>
    stop(new MuttrError('PEER_TIMEOUT', `${what}: not reached in ${timeoutMs} ms`))
  )
  const signals = [signal, closing].filter(s => s !== undefined)
  for (const s of signals) s.addEventListener('abort', cancel)
  try {
    if (signals.some(s => s.aborted)) cancel()
    return await Promise.race([stopped, control.signal.aborted ? stopped : run(control.signal)])
  } catch (cause) {
    if (cause instanceof MuttrError) throw cause
    throw new MuttrError('PEER_UNREACHABLE', `${what} cannot be reached`, { cause })
  } finally {
    for (const s of signals) s.removeEventListener('abort', cancel)
  }
}
