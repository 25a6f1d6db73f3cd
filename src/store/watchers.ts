/** Who waits for entries of a log, in this process. */
export class Watchers {
  readonly #calls = new Map<string, Set<() => void>>()

  add(log: string, call: () => void): Disposable {
    const calls = this.#calls.get(log) ?? new Set()
    // Later, so that what the watcher throws cannot fail the write that woke it.
    const own = () => queueMicrotask(() => calls.has(own) && call())
    this.#calls.set(log, calls.add(own))
    return {
      [Symbol.dispose]: () => {
        calls.delete(own)
        if (calls.size === 0 && this.#calls.get(log) === calls) this.#calls.delete(log)
      }
    }
  }

  /** @param logs all, unless told. */
  wake(logs: Iterable<string> = this.#calls.keys()): void {
    for (const log of new Set(logs)) for (const call of this.#calls.get(log) ?? []) call()
  }
}
