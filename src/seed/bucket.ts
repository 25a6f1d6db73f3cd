import type { Millis } from '../base/ports.ts'

export interface Rate {
  burst: number
  perSecond: number
}

/** A token bucket: `burst` at once, then `perSecond`. */
export class Bucket {
  readonly #rate: Rate
  #left: number
  #atMs: Millis

  constructor(rate: Rate, nowMs: Millis) {
    this.#rate = rate
    this.#left = rate.burst
    this.#atMs = nowMs
  }

  /** @returns what is left now; below zero after more was taken than there was. */
  fill(nowMs: Millis): number {
    const gained = (Math.max(0, nowMs - this.#atMs) * this.#rate.perSecond) / 1_000
    this.#atMs = Math.max(this.#atMs, nowMs)
    this.#left = Math.min(this.#rate.burst, this.#left + gained)
    return this.#left
  }

  take(amount: number): void {
    this.#left -= amount
  }
}
