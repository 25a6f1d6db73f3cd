/** What happens, for one reader, who takes it in order and hears how it ended. Nothing is lost while nobody reads. */
export class Steps<T extends { type: string }> implements AsyncIterable<T> {
  readonly #waiting: T[] = []
  readonly #onLeft: () => void
  #wake = Promise.withResolvers<void>()
  #end: { error: Error | undefined } | undefined

  /** @param onLeft called when the reader stops before the end. */
  constructor(onLeft: () => void) {
    this.#onLeft = onLeft
  }

  push(step: T): void {
    this.#waiting.push(step)
    this.#wake.resolve()
  }

  /** In the place of one of its type that nobody has taken yet. */
  replace(step: T): void {
    if (this.#waiting.at(-1)?.type === step.type) this.#waiting.pop()
    this.push(step)
  }

  /** @param error thrown to the reader after what waits. */
  end(error?: Error): void {
    this.#end ??= { error }
    this.#wake.resolve()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        this.#wake = Promise.withResolvers()
        const step = this.#waiting.shift()
        if (step) yield step
        else if (!this.#end) await this.#wake.promise
        else if (this.#end.error) throw this.#end.error
        else return
      }
    } finally {
      this.#onLeft()
    }
  }
}
