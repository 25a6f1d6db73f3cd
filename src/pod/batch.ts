import type { Locks } from './locks.ts'

/**
 * Work that costs as much for many items as for one, since it ends in a write to the disk: what comes for a key while that
 * key is busy waits, and goes together.
 * @param work settles for all its items at once.
 */
export function createBatches<T, R>(
  locks: Locks,
  batchMax: number,
  work: (key: string, items: readonly T[]) => Promise<readonly (() => R)[]>
): (key: string, item: T) => Promise<R> {
  interface Waiting {
    item: T
    resolve(value: R): void
    reject(err: unknown): void
  }
  const queues = new Map<string, Waiting[]>()

  const drain = async (key: string): Promise<void> => {
    const queue = queues.get(key)
    const batch = queue?.splice(0, batchMax) ?? []
    if (queue?.length === 0) queues.delete(key)
    if (batch.length === 0) return
    try {
      const results = await work(
        key,
        batch.map(({ item }) => item)
      )
      for (const [i, { resolve, reject }] of batch.entries())
        try {
          resolve(results[i]!())
        } catch (err) {
          reject(err)
        }
    } catch (err) {
      for (const { reject } of batch) reject(err)
    }
  }

  return (key, item) =>
    new Promise<R>((resolve, reject) => {
      const queue = queues.get(key) ?? []
      queues.set(key, queue)
      queue.push({ item, resolve, reject })
      void locks.run(key, () => drain(key))
    })
}
