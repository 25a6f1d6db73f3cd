import { MuttrError } from '../../base/errors.ts'
import type { Clock, Millis } from '../../base/ports.ts'
import type { SqlDatabase } from '../../store/sql/sql.ts'

/** What a process says of itself to others over one PostgreSQL while it has their state for itself: it upgrades, renames or moves the pod. */
const mark = ' alone'
export const saysAlone = (format: string): string => `${format}${mark}`
/** @returns the format that a process said, whatever it does. */
export const formatSaid = (says: string): string =>
  says.endsWith(mark) ? says.slice(0, -mark.length) : says

/** 4 MiB a second, so far beyond the states that are upgraded while a unit starts. */
const patienceMs: Millis = 60 * 60_000
const lookEveryMs: Millis = 500

interface Parts {
  database: Pick<SqlDatabase, 'listeners'>
  clock: Clock
  signal: AbortSignal
  /** Once, when there is somebody to wait for. */
  onWait?: (() => void) | undefined
}

/**
 * Waits for another process that has the state for itself; when it is killed the server takes its word and its lock away.
 * @returns whether there was one. @throws {MuttrError} `CANCELLED`; `STATE_OLD` when it takes more than an hour
 */
export async function othersUpgraded({ database, clock, signal, onWait }: Parts): Promise<boolean> {
  const untilMs = clock.now() + patienceMs
  for (let waited = false; ; waited = true) {
    const isAtWork = (await database.listeners()).some(says => says?.endsWith(mark))
    if (!isAtWork) return waited
    if (!waited) onWait?.()
    if (clock.now() > untilMs)
      throw new MuttrError('STATE_OLD', 'another process has had the pod for itself for an hour', {
        hint: 'See what it does; when it is stopped, this one goes on.'
      })
    await pause(clock, signal)
  }
}

/** @throws {MuttrError} `CANCELLED` */
async function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  using _timer = clock.after(lookEveryMs, resolve)
  const stop = () => resolve()
  signal.addEventListener('abort', stop, { once: true })
  if (!signal.aborted) await promise
  signal.removeEventListener('abort', stop)
  if (signal.aborted) throw new MuttrError('CANCELLED', 'nobody waits for the upgrade any more')
}
