import { MuttrError } from '../../base/errors.ts'
import type { Clock, Failure, Millis, Random } from '../../base/ports.ts'
import type { Schedule } from '../../base/retry.ts'
import { retryDelayMs, throwDice } from '../../base/retry.ts'
import { failureOf } from '../failure.ts'
import type { PaceOptions } from './pace.ts'
import { Pace } from './pace.ts'

/** A chunk that failed, and with it most likely the next: the network is away. */
const schedule: Schedule = { firstMs: 1_000, maxMs: 10 * 60_000 }

export interface ChunkRunParts extends PaceOptions {
  clock: Clock
  random: Random
  signal: AbortSignal
  /** What is to be done, once each; read as it is needed. */
  chunks: AsyncIterable<number>
  /** @returns whether peers said that it is too much for them. */
  work(chunk: number, signal: AbortSignal): Promise<boolean>
  /** No second attempt can heal it: the run ends with it. */
  isFinal(err: unknown): boolean
  /** What holds it up, null when it goes on. */
  onProblem(problem: (Failure & { retryAtMs: Millis }) | null): void
}

/**
 * Does something with thousands of chunks, a few at a time, and tries again what failed for as long as it takes. Holds no list of them,
 * only those under way and those that failed.
 */
export class ChunkRun {
  readonly #parts: ChunkRunParts
  readonly #pace: Pace
  readonly #again: number[] = []
  #running = 0
  #failures = 0
  #notBeforeMs = 0
  #wake: () => void = () => undefined

  constructor(parts: ChunkRunParts) {
    this.#parts = parts
    this.#pace = new Pace(parts)
  }

  /** The network is back: what waits goes on at once. */
  wake(): void {
    this.#failures = 0
    this.#notBeforeMs = 0
    this.#wake()
  }

  /** Resolves when all is done. @throws {MuttrError} what `isFinal` says yes to; `CANCELLED` */
  async run(): Promise<void> {
    const ended = new AbortController()
    const signal = AbortSignal.any([this.#parts.signal, ended.signal])
    const source = this.#parts.chunks[Symbol.asyncIterator]()
    let final: unknown
    let isDry = false
    const stop = () => this.#wake()
    signal.addEventListener('abort', stop)
    try {
      while (!signal.aborted) {
        const waitMs = this.#notBeforeMs - this.#parts.clock.now()
        if (waitMs > 0 || this.#running >= this.#pace.window) {
          await this.#rest(waitMs > 0 ? waitMs : undefined)
          continue
        }
        let chunk = this.#again.shift()
        if (chunk === undefined && !isDry) {
          const next = await source.next()
          isDry = next.done === true
          if (!next.done) chunk = next.value
        }
        if (chunk === undefined) {
          if (this.#running === 0) break
          await this.#rest()
          continue
        }
        this.#notBeforeMs = this.#parts.clock.now() + this.#pace.gapMs
        void this.#one(chunk, signal).catch(err => {
          final ??= err
          ended.abort()
        })
      }
      while (this.#running > 0) await this.#rest()
    } finally {
      signal.removeEventListener('abort', stop)
      await source.return?.()
    }
    if (final !== undefined) throw final
    if (signal.aborted) throw new MuttrError('CANCELLED', 'the transfer was stopped')
  }

  async #one(chunk: number, signal: AbortSignal): Promise<void> {
    const { clock, random, work, isFinal, onProblem } = this.#parts
    const startMs = clock.now()
    this.#running += 1
    try {
      const limited = await work(chunk, signal)
      this.#pace.done(clock.now() - startMs, limited)
      if (this.#failures > 0) onProblem(null)
      this.#failures = 0
    } catch (err) {
      if (signal.aborted) return
      if (isFinal(err)) throw err
      this.#again.push(chunk)
      this.#pace.failed()
      this.#failures += 1
      const retryAtMs = clock.now() + retryDelayMs(schedule, this.#failures, throwDice(random))
      this.#notBeforeMs = retryAtMs
      onProblem({ ...failureOf(err), retryAtMs })
    } finally {
      this.#running -= 1
      this.#wake()
    }
  }

  /** Until a chunk has ended, somebody wakes us, or the time is over. */
  async #rest(delayMs?: Millis): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    if (delayMs === undefined) return promise
    using _timer = this.#parts.clock.after(delayMs, resolve)
    await promise
  }
}
