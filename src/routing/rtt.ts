import type { Millis } from '../base/ports.ts'

const ceilingMs = 1_500

/** Smoothed round-trip time as TCP keeps it (RFC 6298), to tell a slow request from a usual one. */
export class RoundTrip {
  readonly #floorMs: Millis
  #smoothMs = 100
  #variationMs = 50
  #samples = 0

  constructor(floorMs: Millis) {
    this.#floorMs = floorMs
  }

  sample(ms: Millis): void {
    if (this.#samples === 0) {
      this.#smoothMs = ms
      this.#variationMs = ms / 2
    } else {
      this.#variationMs += (Math.abs(this.#smoothMs - ms) - this.#variationMs) / 4
      this.#smoothMs += (ms - this.#smoothMs) / 8
    }
    this.#samples += 1
  }

  /** After which another peer is asked beside the one that is slow. */
  get hedgeMs(): Millis {
    return Math.min(ceilingMs, Math.max(this.#floorMs, this.#smoothMs + 4 * this.#variationMs))
  }
}
