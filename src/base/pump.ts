import type { Action, Outbox } from './outbox.ts'
import type { Clock } from './ports.ts'

interface PumpParts {
  outbox: Outbox
  clock: Clock
  life: AbortSignal
  /** Does what is due; reports to the outbox, and never rejects. */
  act(action: Action): Promise<void>
  /** While it says no, nothing is begun. */
  mayBegin?(): boolean
}

/** Begins what an {@link Outbox} says is due, and sets the clock for what is due next. */
export class Pump implements AsyncDisposable {
  readonly #parts: PumpParts
  readonly #running = new Set<Promise<void>>()
  #timer: Disposable | undefined

  constructor(parts: PumpParts) {
    this.#parts = parts
  }

  /** To be called whenever something was added or woken. */
  run(): void {
    const { outbox, clock, life, act, mayBegin } = this.#parts
    if (life.aborted || mayBegin?.() === false) return
    for (const action of outbox.poll(clock.now())) this.also(act(action).finally(() => this.run()))
    this.#timer?.[Symbol.dispose]()
    const nextMs = outbox.nextMs()
    if (nextMs === undefined) return
    this.#timer = clock.after(Math.max(0, nextMs - clock.now()), () => this.run())
  }

  /** Lets `work`, which never rejects, go on as part of what is under way. */
  also(work: Promise<void>): void {
    const done: Promise<void> = work.finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  /** Resolves when nothing is under way. */
  async quiet(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    await this.quiet()
  }
}
