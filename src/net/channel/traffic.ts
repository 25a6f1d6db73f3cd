import type { Clock } from '../../base/ports.ts'

/** Bytes that may have been saved up: a second's worth, or one large payload. */
const burstLeast = 320 * 1024
const chunkLeast = 4 * 1024

/**
 * A token bucket that many channels wait at, in the order in which they came. What must not wait is only counted, and what comes
 * after it waits the longer.
 */
export class Valve {
  readonly #clock: Clock
  readonly #perMs: number
  readonly #burst: number
  readonly #waiting = new Set<() => void>()
  #left: number
  #atMs: number
  #timer: Disposable | undefined

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#perMs = bytesPerSecond / 1_000
    this.#burst = Math.max(bytesPerSecond, burstLeast)
    this.#left = this.#burst
    this.#atMs = clock.now()
  }

  /** What may go now; at 0 or below, nothing. */
  get leftBytes(): number {
    const nowMs = this.#clock.now()
    const gained = Math.max(0, nowMs - this.#atMs) * this.#perMs
    this.#atMs = nowMs
    this.#left = Math.min(this.#burst, this.#left + gained)
    return this.#left
  }

  /** Went, or came, whether it was allowed or not. */
  spend(bytes: number): void {
    this.#left = this.leftBytes - bytes
  }

  /** Calls `wake` once, when something may go: at once when that is now. */
  wait(wake: () => void): void {
    this.#waiting.add(wake)
    this.#serve()
  }

  #serve(): void {
    for (const wake of this.#waiting) {
      if (this.leftBytes <= 0) break
      this.#waiting.delete(wake)
      wake()
    }
    if (this.#waiting.size === 0 || this.#timer) return
    const delayMs = Math.ceil((chunkLeast - this.#left) / this.#perMs)
    this.#timer = this.#clock.after(Math.max(1, delayMs), () => {
      this.#timer = undefined
      this.#serve()
    })
  }
}

export interface TrafficOptions {
  /** Bytes per second; without it as much as there is. */
  upBytesPerSecond?: number | undefined
  downBytesPerSecond?: number | undefined
  /** Hears how much has come or gone. */
  onMoved?: ((bytes: number) => void) | undefined
}

/** What all channels of a node send and receive together. */
export class Traffic {
  readonly up: Valve | undefined
  readonly down: Valve | undefined
  inBytes = 0
  outBytes = 0
  readonly #onMoved: TrafficOptions['onMoved']

  constructor(clock: Clock, options: TrafficOptions = {}) {
    const { upBytesPerSecond, downBytesPerSecond, onMoved } = options
    this.#onMoved = onMoved
    if (upBytesPerSecond !== undefined) this.up = new Valve(clock, upBytesPerSecond)
    if (downBytesPerSecond !== undefined) this.down = new Valve(clock, downBytesPerSecond)
  }

  sent(bytes: number): void {
    this.outBytes += bytes
    this.up?.spend(bytes)
    this.#onMoved?.(bytes)
  }

  received(bytes: number): void {
    this.inBytes += bytes
    this.down?.spend(bytes)
    this.#onMoved?.(bytes)
  }
}
