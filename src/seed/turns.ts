import { toHex } from '../base/bytes.ts'

/** Does what belongs to one key one after the other; different keys do not wait for each other. */
export function createTurns() {
  const busy = new Map<string, Promise<unknown>>()
  return async <T>(key: Uint8Array, work: () => Promise<T>): Promise<T> => {
    const name = toHex(key)
    const turn = (busy.get(name) ?? Promise.resolve()).then(work, work)
    busy.set(name, turn)
    try {
      return await turn
    } finally {
      if (busy.get(name) === turn) busy.delete(name)
    }
  }
}
