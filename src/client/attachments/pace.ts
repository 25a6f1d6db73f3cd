import type { Millis } from '../../base/ports.ts'

export interface PaceOptions {
  /** Chunks under way at most. */
  most: number
  /** A chunk that takes longer shows that there are too many under way. */
  slowMs: Millis
}

/** Longest pause between two chunks. */
const gapMaxMs: Millis = 2_000

/**
 * How many chunks are under way at a time, and how long to wait before the next: more while they go well, half as many when one fails or
 * is slow, and slower while peers say that it is too much for them. Reads no clock.
 */
export class Pace {
  readonly #o: PaceOptions
  #window = 2
  #gapMs = 0

  constructor(options: PaceOptions) {
    this.#o = options
  }

  get window(): number {
    return Math.floor(this.#window)
  }

  get gapMs(): Millis {
    return this.#gapMs
  }

  /** @param limited peers that refused because we ask too much of them. */
  done(tookMs: Millis, limited: boolean): void {
    const { most, slowMs } = this.#o
    if (limited) this.#gapMs = Math.min(gapMaxMs, Math.max(20, this.#gapMs * 1.5))
    else this.#gapMs = this.#gapMs < 1 ? 0 : this.#gapMs * 0.98
    if (tookMs > slowMs) this.failed()
    else this.#window = Math.min(most, this.#window + 1 / this.window)
  }

  failed(): void {
    this.#window = Math.max(1, this.#window / 2)
  }
}
