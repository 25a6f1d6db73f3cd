import { MuttrError } from '../base/errors.ts'
import type { Clock, Millis } from '../base/ports.ts'
import { Agenda } from './agenda.ts'
import { Dice } from './dice.ts'
import type { TraceSink } from './trace.ts'
import { TraceHash } from './trace.ts'
import { inTurns } from './turns.ts'

/** For {@link World}. */
export interface WorldOptions {
  /** The same seed, commit and version of Node give the same history. */
  seed: number
  /** What the clock says at the start. */
  startMs?: Millis
  trace?: TraceSink
}

/** While time passes. */
export interface PassOptions {
  signal?: AbortSignal
  /** Told now and then, at moments that do not depend on what the machine does. */
  onProgress?: (nowMs: Millis) => void
}

/** Early in 2027. */
const startMsUsual: Millis = 1_800_000_000_000

/**
 * Virtual time and dice. Time jumps from event to event; what an event sets off, however many promises deep, is over before the next
 * one. Nothing in a world may wait for anything outside of it.
 */
export class World {
  readonly clock: Clock
  readonly #seed: number
  readonly #agenda = new Agenda()
  readonly #dice = new Map<string, Dice>()
  readonly #hash = new TraceHash()
  readonly #sink: TraceSink | undefined
  #nowMs: Millis
  #events = 0
  #isDue: ((nextMs: Millis) => boolean) | undefined

  constructor({ seed, startMs = startMsUsual, trace }: WorldOptions) {
    this.#seed = seed
    this.#nowMs = startMs
    this.#sink = trace
    this.clock = { now: () => this.#nowMs, after: (delayMs, run) => this.after(delayMs, run) }
  }

  /** Virtual, since 1970. */
  get nowMs(): Millis {
    return this.#nowMs
  }

  /** Executed so far. */
  get events(): number {
    return this.#events
  }

  /** The stream of this purpose; the same one each time. */
  dice(purpose: string): Dice {
    let dice = this.#dice.get(purpose)
    if (!dice) this.#dice.set(purpose, (dice = new Dice(this.#seed, purpose)))
    return dice
  }

  /** Runs `run` once, in whole milliseconds from now, unless disposed before; never if it takes infinitely long. */
  after(delayMs: Millis, run: () => void): Disposable {
    if (Number.isNaN(delayMs)) throw new RangeError('a delay that is no number')
    if (delayMs === Number.POSITIVE_INFINITY) return { [Symbol.dispose]() {} }
    return this.#agenda.push(this.#nowMs + Math.max(0, Math.ceil(delayMs)), run)
  }

  /**
   * Lets things happen until `work` is settled.
   * @throws what `work` is rejected with, `CANCELLED`, and an Error when nothing is left to happen.
   */
  async run<T>(work: Promise<T>, options: PassOptions = {}): Promise<T> {
    await this.#until(work, options)
    return work
  }

  /** Lets `ms` of virtual time pass. @throws {MuttrError} `CANCELLED` */
  async pass(ms: Millis, options: PassOptions = {}): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    using _end = this.after(ms, resolve)
    await this.#until(promise, options)
  }

  async #until(work: Promise<unknown>, { signal, onProgress }: PassOptions): Promise<void> {
    let settled = false
    const settle = () => {
      settled = true
    }
    work.then(settle, settle)
    const checked = () => {
      if (signal?.aborted) throw new MuttrError('CANCELLED', 'the simulation was cancelled')
    }
    checked()
    await inTurns(
      () => settled || this.#happen(),
      () => {
        checked()
        onProgress?.(this.#nowMs)
      }
    )
  }

  /** Asks before each event, with when that is due, until the answer is yes. What is asked must not change anything. */
  watch(isDue: (nextMs: Millis) => boolean): void {
    this.#isDue = isDue
  }

  #happen(): false {
    const run = this.#agenda.pop()
    if (!run) throw new Error('the simulation has come to a halt')
    if (this.#isDue?.(this.#agenda.atMs)) this.#isDue = undefined
    this.#nowMs = this.#agenda.atMs
    this.#events += 1
    this.#hash.event(this.#nowMs)
    run()
    return false
  }

  /** Into the trace: always counted in {@link traceHash}, and handed to the sink where there is one. */
  note(type: string, ...fields: (string | number)[]): void {
    const note = { atMs: this.#nowMs, type, fields }
    this.#hash.note(note)
    this.#sink?.take(note)
  }

  /** SHA-256, in hex, of when every event was and of all notes so far. */
  get traceHash(): string {
    return this.#hash.value
  }
}
