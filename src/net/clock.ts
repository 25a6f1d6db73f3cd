import type { Clock } from '../base/ports.ts'

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, run) {
    // Longer than a timer can be (24.8 days) would fire at once.
    const timer = setTimeout(run, Math.min(delayMs, 0x7fff_ffff)).unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  }
}
