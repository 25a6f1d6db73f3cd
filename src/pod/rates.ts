import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Rate } from './limits.ts'

export interface Rates {
  /** @throws {MuttrError} `LIMIT_EXCEEDED` when `key` has used up what it may. */
  take(key: string, nowMs: Millis): void
  /** The same where nobody is told why: false when it has. An error with its stack costs more than some requests. */
  allows(key: string, nowMs: Millis): boolean
}

/**
 * Token buckets, one per key, in memory. Counts in one number: the moment at which a bucket is full again. Full ones need no
 * memory; of the others at most `keysMax` are kept.
 */
export function createRates(
  what: string,
  { burst, everyMs }: Rate,
  { keysMax = 10_000 }: { keysMax?: number } = {}
): Rates {
  const fullAt = new Map<string, Millis>()
  const spanMs = burst * everyMs
  const allows = (key: string, nowMs: Millis): boolean => {
    const next = Math.max(fullAt.get(key) ?? nowMs, nowMs) + everyMs
    if (next > nowMs + spanMs) return false
    fullAt.delete(key)
    fullAt.set(key, next)
    if (fullAt.size > keysMax) fullAt.delete(leastMissed(fullAt))
    return true
  }
  return {
    allows,
    take(key, nowMs) {
      if (!allows(key, nowMs)) throw new MuttrError('LIMIT_EXCEEDED', `too many ${what}`)
    }
  }
}

const lookedAtMax = 64

/** Of those unused longest the one that is full soonest: else many names used once would wash out the one that was used up. */
function leastMissed(fullAt: ReadonlyMap<string, Millis>): string {
  let [found, soonest, looked] = ['', Number.POSITIVE_INFINITY, 0]
  for (const [key, atMs] of fullAt) {
    if (atMs < soonest) [found, soonest] = [key, atMs]
    looked += 1
    if (looked === lookedAtMax) break
  }
  return found
}
