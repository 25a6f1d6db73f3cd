import { toHex } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { Clock } from '../../src/base/ports.ts'
import { verifyRecord } from '../../src/keys/record.ts'
import type { Acknowledgement, Dht } from '../../src/seed/dht.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { compareRecords, decodeRecord, readRecord } from '../../src/wire/record.ts'

/** A whole network's memory in one map: what is put anywhere is found everywhere, unless told otherwise. */
export interface FakeDht extends Dht {
  readonly blobs: Map<string, Blob>
  /** Frames by hex key. */
  readonly records: Map<string, Uint8Array>
  /** Every `putRecord` that was not refused, in order. */
  readonly recordPuts: Uint8Array[]
  /** Every `put` and `get` fails with this, until it is null again. */
  putFails: ErrorCode | null
  getFails: ErrorCode | null
  recordFails: ErrorCode | null
  /** How many copies a record gets. */
  recordCopies: number
  puts: number
  gets: number
  /** Called before each put answers; a test holds a put up with it. */
  beforePut: () => Promise<void>
  /** Who alone takes copies; null for eight holders. */
  onlyHolder: string | null
}

export function fakeDht(clock: Clock): FakeDht {
  const blobs = new Map<string, Blob>()
  const acknowledgement = (blob: Blob, i: number): Acknowledgement => ({
    holder: `holder-${i}`,
    key: blob.key,
    expiryMs: blob.header.expiryMs,
    storedMs: clock.now(),
    signature: new Uint8Array(64)
  })
  const dht: FakeDht = {
    blobs,
    records: new Map(),
    recordPuts: [],
    putFails: null,
    getFails: null,
    recordFails: null,
    recordCopies: 8,
    puts: 0,
    gets: 0,
    beforePut: async () => undefined,
    onlyHolder: null,
    async put(blob) {
      dht.puts++
      await dht.beforePut()
      if (dht.putFails) throw new MuttrError(dht.putFails, 'the network says no')
      blobs.set(toHex(blob.key), blob)
      if (dht.onlyHolder !== null) {
        const acknowledgements = [{ ...acknowledgement(blob, 0), holder: dht.onlyHolder }]
        const alone = { needed: 1, wanted: 1, smallNetwork: true, acknowledgements }
        return { ...alone, settled: Promise.resolve(alone) }
      }
      const all = Array.from({ length: 8 }, (_, i) => acknowledgement(blob, i))
      const progress = { needed: 5, wanted: 8, smallNetwork: false }
      const settled = Promise.resolve({ ...progress, acknowledgements: all })
      return { ...progress, acknowledgements: all.slice(0, 5), settled }
    },
    async get(key) {
      dht.gets++
      if (dht.getFails) throw new MuttrError(dht.getFails, 'the network says no')
      const blob = blobs.get(toHex(key))
      if (!blob) throw new MuttrError('BLOB_UNKNOWN', 'nobody has it')
      return { blob, from: 'holder-0', hops: 1 }
    },
    async putRecord(frame) {
      if (dht.recordFails) throw new MuttrError(dht.recordFails, 'the network says no')
      const record = await readRecord(frame, { verifyRecord, nowMs: clock.now() })
      const there = dht.records.get(toHex(record.key))
      if (there && compareRecords(decodeRecord(there), record) < 0)
        throw new MuttrError('RECORD_STALE', 'a newer one is stored')
      dht.records.set(toHex(record.key), frame)
      dht.recordPuts.push(frame)
      return { copies: dht.recordCopies }
    },
    async getRecord(key) {
      if (dht.recordFails) throw new MuttrError(dht.recordFails, 'the network says no')
      const frame = dht.records.get(toHex(key))
      if (!frame) throw new MuttrError('RECORD_UNKNOWN', 'no such record')
      return frame
    },
    nearest: async () => []
  }
  return dht
}
