import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'

/** A disk whose machine dies before the write after the next `writes`. */
export function dyingState() {
  const kept = memoryState()
  const { promise: killed, resolve } = Promise.withResolvers<void>()
  let left = Number.POSITIVE_INFINITY
  let kill = () => {}
  const written = new Set<string>()
  const state: State = {
    get: (table, key) => kept.get(table, key),
    list: (table, range) => kept.list(table, range),
    page: (log, after, limit) => kept.page(log, after, limit),
    rows: () => kept.rows(),
    watch: (log, wake) => kept.watch(log, wake),
    async write(changes) {
      if (left-- === 0) {
        kill()
        resolve()
        return new Promise<never>(() => undefined)
      }
      for (const change of changes) if ('table' in change) written.add(change.table)
      return kept.write(changes)
    },
    [Symbol.asyncDispose]: async () => undefined
  }
  return {
    ...{ state, killed },
    /** Whether something was written to a table since its end was told. */
    hasWritten: (table: string): boolean => written.has(table),
    killAfter(writes: number, how: () => void) {
      left = writes
      written.clear()
      kill = how
    }
  }
}
