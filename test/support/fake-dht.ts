import { toHex } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { Clock } from '../../src/base/ports.ts'
import type { Acknowledgement, Dht } from '../../src/seed/dht.ts'
import type { Blob } from '../../src/wire/blob.ts'

/** A whole network's memory in one map: what is put anywhere is found everywhere, unless told otherwise. */
export interface FakeDht extends Dht {
  readonly blobs: Map<string, Blob>
  /** Every `put` and `get` fails with this, until it is null again. */
  putFails: ErrorCode | null
  getFails: ErrorCode | null
  puts: number
  gets: number
  /** Called before each put answers; a test holds a put up with it. */
  beforePut: () => Promise<void>
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
  const missing = async (): Promise<never> => {
    throw new MuttrError('RECORD_UNKNOWN', 'no records here')
  }
  const dht: FakeDht = {
    blobs,
    putFails: null,
    getFails: null,
    puts: 0,
    gets: 0,
    beforePut: async () => undefined,
    async put(blob) {
      dht.puts++
      await dht.beforePut()
      if (dht.putFails) throw new MuttrError(dht.putFails, 'the network says no')
      blobs.set(toHex(blob.key), blob)
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
    putRecord: missing,
    getRecord: missing,
    nearest: async () => []
  }
  return dht
}
