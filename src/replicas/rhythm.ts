import type { Millis } from '../base/ports.ts'

/** How often something is said again; every time is a fifth up or down, so that not all do it at once. */
export interface RhythmOptions {
  readonly everyMs: Millis
  /** After a failure, and while too few took it; doubling, up to {@link everyMs}. */
  readonly retryMs: Millis
  /** What was said when by the process before. */
  readonly last?: { readonly saying: string; readonly atMs: Millis } | undefined
}

/**
 * When a record is put: at once when it would say something new, again after a while, sooner when it failed. Sans-IO: is told the time
 * and what came of it.
 */
export class Rhythm {
  readonly #options: RhythmOptions
  #saying: string | undefined
  #nextMs: Millis = Number.NEGATIVE_INFINITY
  #failures = 0

  constructor(options: RhythmOptions) {
    this.#options = options
    const { last, everyMs } = options
    if (!last) return
    this.#saying = last.saying
    this.#nextMs = last.atMs + everyMs
  }

  /** When the same is due again. */
  get nextMs(): Millis {
    return this.#nextMs
  }

  isDue(saying: string, nowMs: Millis): boolean {
    return saying !== this.#saying || nowMs >= this.#nextMs
  }

  /**
   * @param went `well`, `thinly` when fewer took it than should, `badly` when it failed.
   * @param dice from 0 to 1 (excluded).
   */
  said(saying: string, went: 'well' | 'thinly' | 'badly', nowMs: Millis, dice: number): void {
    const { everyMs, retryMs } = this.#options
    this.#failures = went === 'well' ? 0 : saying === this.#saying ? this.#failures + 1 : 1
    this.#saying = saying
    const doubled = retryMs * 2 ** Math.min(this.#failures - 1, 40)
    const waitMs = this.#failures === 0 ? everyMs : Math.min(doubled, everyMs)
    this.#nextMs = nowMs + Math.round(waitMs * (0.8 + 0.4 * dice))
  }
}
