import type { Clock, Millis } from '../../src/base/ports.ts'

export interface FakeClock extends Clock {
  /** Moves on, running what falls due, in order. */
  advance(byMs: Millis): void
}

/** A clock that stands still until told. */
export function fakeClock(startMs: Millis = Date.UTC(2026, 0, 1)): FakeClock {
  let nowMs = startMs
  const timers = new Set<{ atMs: Millis; run: () => void }>()
  return {
    now: () => nowMs,
    after(delayMs, run) {
      const timer = { atMs: nowMs + delayMs, run }
      timers.add(timer)
      return { [Symbol.dispose]: () => void timers.delete(timer) }
    },
    advance(byMs) {
      const untilMs = nowMs + byMs
      for (;;) {
        const due = [...timers].filter(t => t.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
        if (!due) break
        timers.delete(due)
        nowMs = due.atMs
        due.run()
      }
      nowMs = untilMs
    }
  }
}
