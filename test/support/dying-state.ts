import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'

/** A disk whose machine dies before the write after the next `writes`. */
export function dyingState() {
  const kept = memoryState()
  const { promise: killed, resolve } = Promise.withResolvers<void>()
  let left = Number.POSITIVE_INFINITY
  let kill = () => {}
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
      return kept.write(changes)
    },
    [Symbol.asyncDispose]: async () => undefined
  }
  return {
    ...{ state, killed },
    killAfter(writes: number, how: () => void) {
      left = writes
      kill = how
    }
  }
}
