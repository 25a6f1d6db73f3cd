import { MuttrError } from '../../src/base/errors.ts'
import { memoryState } from '../../src/store/memory.ts'
import type { State } from '../../src/store/state.ts'

/** A state on a disk that is full when the test says so. */
export function fillingState(): { state: State; disk: { isFull: boolean } } {
  const kept = memoryState()
  const disk = { isFull: false }
  const state: State = {
    get: (table, key) => kept.get(table, key),
    list: (table, range) => kept.list(table, range),
    page: (log, after, limit) => kept.page(log, after, limit),
    rows: () => kept.rows(),
    watch: (log, wake) => kept.watch(log, wake),
    async write(changes) {
      if (disk.isFull) throw new MuttrError('DISK_FULL', 'no room')
      return kept.write(changes)
    },
    [Symbol.asyncDispose]: async () => undefined
  }
  return { state, disk }
}
