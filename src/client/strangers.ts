import type { Millis } from '../base/ports.ts'

/** How fast letters of people we do not know are fetched: they cost us a lookup, and anybody can announce one. */
export interface Strangers {
  /** @returns 0 when one may be fetched now, else how long to wait before asking again. */
  take(nowMs: Millis): Millis
}

/** @param burst fetched at once after a quiet time. @param everyMs one more in this time. */
export function createStrangers({ burst = 60, everyMs = 1_000 } = {}): Strangers {
  /** When the bucket was, or will be, full. */
  let fullMs = Number.NEGATIVE_INFINITY
  return {
    take(nowMs) {
      const from = Math.max(fullMs, nowMs)
      const overMs = from + everyMs - (nowMs + burst * everyMs)
      if (overMs > 0) return overMs
      fullMs = from + everyMs
      return 0
    }
  }
}
