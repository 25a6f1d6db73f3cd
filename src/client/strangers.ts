import type { Millis } from '../base/ports.ts'

/** How fast letters of people we do not know are fetched: they cost us a lookup, and anybody can announce one. */
export interface Strangers {
  /**
   * Gives a letter its turn, once: who waits has it booked, so that a crowd does not try again and again.
   * @returns 0 when it may be fetched now, else how long until its turn.
   */
  take(id: string, nowMs: Millis): Millis
  /** How long until the turn that was booked before; 0 without one. */
  booked(id: string, nowMs: Millis): Millis
  /** It will never be fetched. */
  forget(id: string): void
}

/** @param burst fetched at once after a quiet time. @param everyMs one more in this time. */
export function createStrangers({ burst = 60, everyMs = 1_000 } = {}): Strangers {
  /** When the bucket was, or will be, full. */
  let fullMs = Number.NEGATIVE_INFINITY
  const turns = new Map<string, Millis>()
  const booked = (id: string, nowMs: Millis) => Math.max(0, (turns.get(id) ?? 0) - nowMs)
  return {
    take(id, nowMs) {
      if (!turns.has(id)) {
        fullMs = Math.max(fullMs, nowMs) + everyMs
        turns.set(id, fullMs - burst * everyMs)
      }
      const waitMs = booked(id, nowMs)
      if (waitMs === 0) turns.delete(id)
      return waitMs
    },
    booked,
    forget: id => void turns.delete(id)
  }
}
