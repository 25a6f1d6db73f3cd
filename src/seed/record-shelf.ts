import { equalBytes } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Clock } from '../base/ports.ts'
import type { SeedStore } from '../store/store.ts'
import type { VerifyRecord } from '../wire/record.ts'
import { compareRecords, decodeRecord, readRecord } from '../wire/record.ts'
import { createTurns } from './turns.ts'

export interface RecordShelf {
  /**
   * Checks a record in full and keeps it, unless a better one stands there.
   * @returns its key, and the better one.
   * @throws {MuttrError} `RECORD_INVALID`, `STORE_FULL`, `DISK_FULL`
   */
  put(frame: Uint8Array): Promise<{ key: Uint8Array; newer: Uint8Array | null }>
}

interface Parts {
  clock: Clock
  store: Pick<SeedStore, 'getRecord' | 'putRecord'>
  verifyRecord?: VerifyRecord | undefined
}

/** Compares and writes one after the other for each key, so that of two puts at once the better one stays. */
export function createRecordShelf({ clock, store, verifyRecord }: Parts): RecordShelf {
  const inTurn = createTurns()
  return {
    async put(frame) {
      const record = await readRecord(frame, { verifyRecord, nowMs: clock.now() })
      const { key } = record
      const newer = await inTurn(key, async () => {
        const nowMs = clock.now()
        const there = await store.getRecord(key, nowMs)
        if (there && !equalBytes(there, frame) && compareRecords(decodeRecord(there), record) < 0)
          return there
        await store.putRecord(key, frame, nowMs + limits.recordLifeMs)
        return null
      })
      return { key, newer }
    }
  }
}
