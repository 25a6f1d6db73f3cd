export interface Locks {
  /** Runs `work` when all former work under `key` has ended. */
  run<T>(key: string, work: () => Promise<T>): Promise<T>
}

/** One at a time per key, within this process. What must hold between processes is guarded by `insert` instead. */
export function createLocks(): Locks {
  const tails = new Map<string, Promise<unknown>>()
  return {
    run(key, work) {
      const result = (tails.get(key) ?? Promise.resolve()).then(work)
      const tail = result
        .catch(() => undefined)
        .then(() => {
          if (tails.get(key) === tail) tails.delete(key)
        })
      tails.set(key, tail)
      return result
    }
  }
}
