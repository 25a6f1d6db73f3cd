import type { Clock } from '../base/ports.ts'
import type { SeedStore } from '../store/store.ts'
import { checkExpiry } from '../wire/blob.ts'
import type { Tombstone } from '../wire/tombstone.ts'
import { encodeTombstone, isNews, mergeTombstones, readTombstone } from '../wire/tombstone.ts'
import { createTurns } from './turns.ts'

/** What stands under a key after a tombstone was shown. */
interface Shelved {
  readonly key: Uint8Array
  readonly stands: Tombstone
  /** What stands there, where it says more than what was shown. */
  readonly more: Uint8Array | null
}

export interface TombstoneShelf {
  /**
   * Checks a tombstone in full and keeps it; where one stands already, all that both say.
   * @param admit called when nothing was known of its blob here: such a tombstone takes space that no put paid for.
   * @throws {MuttrError} `BLOB_INVALID`, `BLOB_EXPIRED`, `STORE_FULL`, `DISK_FULL`, `WIRE_TOO_LARGE`, what `admit` throws
   */
  put(frame: Uint8Array, admit?: () => void): Promise<Shelved>
}

interface Parts {
  clock: Clock
  store: Pick<SeedStore, 'getTombstone' | 'putTombstone' | 'holding'>
}

/** Merges and writes one after the other for each key, so that of two tombstones at once neither is lost. Source: docs/protocol/blob.md#release */
export function createTombstoneShelf({ clock, store }: Parts): TombstoneShelf {
  const inTurn = createTurns()
  return {
    async put(frame, admit) {
      const { key, header, ...shown } = readTombstone(frame)
      checkExpiry(header, clock.now())
      return inTurn(key, async () => {
        const there = await store.getTombstone(key, clock.now())
        if (there === undefined) {
          if (admit && (await store.holding([key], clock.now()))[0] === 'none') admit()
          await store.putTombstone(key, frame, header.expiryMs)
          return { key, stands: shown, more: null }
        }
        const before = readTombstone(there)
        const stands = mergeTombstones(before, shown)
        const merged = encodeTombstone(stands)
        if (isNews(before, shown)) await store.putTombstone(key, merged, header.expiryMs)
        return { key, stands, more: isNews(shown, stands) ? merged : null }
      })
    }
  }
}
