import type { Clock } from '../../base/ports.ts'
import type { Strangers } from '../strangers.ts'

export interface ChecksParts {
  clock: Clock
  strangers: Strangers
  life: AbortSignal
  /** Asks the pod about one sender. Never rejects. @returns false when the pod cannot be reached now. */
  check(id: string): Promise<boolean>
}

const parallel = 4

/** Asks pods about senders, a few at a time and at no more than a stranger's rate; those who cannot be asked wait to be woken. */
export class Checks implements AsyncDisposable {
  readonly #parts: ChecksParts
  readonly #waiting = new Set<string>()
  readonly #away = new Set<string>()
  readonly #running = new Set<Promise<void>>()
  #timer: Disposable | undefined

  constructor(parts: ChecksParts) {
    this.#parts = parts
  }

  add(id: string): void {
    if (!this.#away.has(id)) this.#waiting.add(id)
    this.#run()
  }

  forget(id: string): void {
    this.#waiting.delete(id)
    this.#away.delete(id)
    this.#parts.strangers.forget(id)
  }

  /** A pod may be back. */
  wake(): void {
    for (const id of this.#away) this.#waiting.add(id)
    this.#away.clear()
    this.#run()
  }

  #run(): void {
    const { clock, strangers, life } = this.#parts
    this.#timer?.[Symbol.dispose]()
    for (const id of this.#waiting) {
      if (life.aborted || this.#running.size >= parallel) return
      const waitMs = strangers.take(id, clock.now())
      if (waitMs > 0) {
        this.#timer = clock.after(waitMs, () => this.#run())
        return
      }
      this.#waiting.delete(id)
      const done: Promise<void> = this.#check(id).finally(() => {
        this.#running.delete(done)
        this.#run()
      })
      this.#running.add(done)
    }
  }

  async #check(id: string): Promise<void> {
    if (!(await this.#parts.check(id))) this.#away.add(id)
  }

  /** Resolves when nobody is being asked. */
  async quiet(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    await this.quiet()
  }
}
