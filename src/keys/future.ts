import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'

/** To the minute, UTC. */
const minute = (ms: Millis): string =>
  Math.abs(ms) < 8e15 ? `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC` : 'never'

/** Dated later than anything made by now can be, whoever's clock it is that is wrong. */
const isFuture = (madeMs: Millis, nowMs: Millis): boolean => madeMs > nowMs + limits.clockSkewMs

/**
 * Refuses what is dated in the future, with a code of its own: it is no forgery, and with the right time it holds, so that nobody gives it up.
 * @throws {MuttrError} `CLOCK_WRONG`
 */
export function refuseFuture(what: string, madeMs: Millis, nowMs: Millis): void {
  if (!isFuture(madeMs, nowMs)) return
  const clocks = `is dated ${minute(madeMs)}, and the clock of this machine says ${minute(nowMs)}`
  throw new MuttrError('CLOCK_WRONG', `${what} ${clocks}`)
}

/** When a signature is checked: at its own time where that has not come yet. */
export const checkedAt = (madeMs: Millis, nowMs: Millis): Date =>
  new Date(Math.max(madeMs, nowMs + limits.clockSkewMs))
