import { toHex } from '../../base/bytes.ts'
import { MuttrError } from '../../base/errors.ts'
import type { Millis } from '../../base/ports.ts'

/** What was sealed anew for each request, so that one shown again is known for some time. */
export interface Seen {
  /** @throws {MuttrError} `BLIND_INVALID` when it was here before. */
  take(enc: Uint8Array, nowMs: Millis): void
}

/** Keeps the latest `max` for `keptMs`. One that fell out is answered once more: nothing that is asked blindly is done twice. */
export function createSeen({ max, keptMs }: { max: number; keptMs: Millis }): Seen {
  const until = new Map<string, Millis>()
  return {
    take(enc, nowMs) {
      const key = toHex(enc)
      const keptUntil = until.get(key)
      if (keptUntil !== undefined && keptUntil > nowMs)
        throw new MuttrError('BLIND_INVALID', 'the request was here before')
      until.delete(key)
      until.set(key, nowMs + keptMs)
      for (const [oldest, endMs] of until) {
        if (until.size <= max && endMs > nowMs) break
        until.delete(oldest)
      }
    }
  }
}
