import { signal } from '@preact/signals'

/** The page's own clock and timers, all read here. */
export const clock = {
  now: (): number => Date.now(),
  /** Runs once, `delayMs` from now, unless disposed before. */
  after(delayMs: number, run: () => void): Disposable {
    const timer = setTimeout(run, delayMs)
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  }
}

/** The time as far as what is shown goes: it moves twice a minute, so that "3 minutes ago" stays true, and with every event. */
export const nowMs = signal(clock.now())
export const lookAtClock = (): void => void (nowMs.value = clock.now())
const tick = () => {
  lookAtClock()
  clock.after(30_000, tick)
}
clock.after(30_000, tick)

/** Calls `run` when no more calls came for `delayMs`, and at the latest after four times that. */
export function gathered(delayMs: number, run: () => void): () => void {
  let timer: Disposable | undefined
  let sinceMs: number | undefined
  const fire = () => {
    sinceMs = undefined
    timer = undefined
    run()
  }
  return () => {
    sinceMs ??= clock.now()
    timer?.[Symbol.dispose]()
    timer = clock.after(Math.max(0, Math.min(delayMs, sinceMs + 4 * delayMs - clock.now())), fire)
  }
}
