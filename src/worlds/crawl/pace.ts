import { MuttrError } from '../../base/errors.ts'
import type { Clock, Millis, Random } from '../../base/ports.ts'

/** Lets so many go in a second, with gaps of half to one and a half of the mean: what is asked does not beat in step with anything. */
export class Pace {
  readonly #clock: Clock
  readonly #random: Random
  readonly #gapMs: Millis
  #nextMs = Number.NEGATIVE_INFINITY

  constructor({ clock, random, perSecond }: { clock: Clock; random: Random; perSecond: number }) {
    this.#clock = clock
    this.#random = random
    this.#gapMs = 1_000 / perSecond
  }

  /** Resolves to the moment, when it is our turn. @throws {MuttrError} `CANCELLED` */
  async turn(signal: AbortSignal): Promise<Millis> {
    const nowMs = this.#clock.now()
    const atMs = Math.max(nowMs, this.#nextMs)
    this.#nextMs = atMs + this.#gapMs * (0.5 + this.#random.bytes(1)[0]! / 255)
    await waitFor(this.#clock, atMs - nowMs, signal)
    return this.#clock.now()
  }
}

/** @throws {MuttrError} `CANCELLED` */
export async function waitFor(clock: Clock, delayMs: Millis, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const cancel = () => reject(new MuttrError('CANCELLED', 'the crawl was ended'))
  if (signal.aborted) cancel()
  else if (delayMs <= 0) resolve()
  else {
    signal.addEventListener('abort', cancel, { once: true })
    clock.after(delayMs, resolve)
  }
  try {
    await promise
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}
