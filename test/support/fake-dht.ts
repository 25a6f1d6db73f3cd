import { sha256, toHex, utf8 } from '../../src/base/bytes.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import { MuttrError } from '../../src/base/errors.ts'
import type { Clock } from '../../src/base/ports.ts'
import { makeDevice } from '../../src/keys/device.ts'
import { verifyRecord } from '../../src/keys/record.ts'
import type { Acknowledgement, Dht } from '../../src/seed/dht.ts'
import type { Blob } from '../../src/wire/blob.ts'
import { peerOfKey } from '../../src/wire/contact.ts'
import { releasedBytes, storedBytes } from '../../src/wire/dht.ts'
import { compareRecords, decodeRecord, readRecord } from '../../src/wire/record.ts'
import {
  encodeTombstone,
  isNews,
  mergeTombstones,
  readTombstone
} from '../../src/wire/tombstone.ts'

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
  /** What was released, by hex key: all that was shown. */
  readonly tombstones: Map<string, Uint8Array>
  /** Every `release` and `census` fails with this, until it is null again. */
  releaseFails: ErrorCode | null
  /** How many of eight take a tombstone. */
  releaseTakers: number
  releases: number
  censuses: number
  /** Holders that lack a copy at the next census. */
  lacking: number
}

const devices = Array.from({ length: 8 }, (_, i) => makeDevice(sha256(utf8(`holder ${i}`))))
/** Peer ids with keys behind them: what they sign can be verified. */
const fakeHolders: readonly string[] = devices.map(({ publicKey }) => peerOfKey(publicKey))

export function fakeDht(clock: Clock): FakeDht {
  const blobs = new Map<string, Blob>()
  const stamp = new Uint8Array(14)
  const acknowledgement = (blob: Blob, i: number): Acknowledgement => {
    const { expiryMs } = blob.header
    const storedMs = clock.now()
    const signature = devices[i]!.sign(storedBytes(blob.key, expiryMs, storedMs))
    return { holder: fakeHolders[i]!, key: blob.key, expiryMs, storedMs, signature }
  }
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
    tombstones: new Map(),
    releaseFails: null,
    releaseTakers: 8,
    releases: 0,
    censuses: 0,
    lacking: 0,
    async put(blob) {
      dht.puts++
      await dht.beforePut()
      if (dht.putFails) throw new MuttrError(dht.putFails, 'the network says no')
      blobs.set(toHex(blob.key), blob)
      if (dht.onlyHolder !== null) {
        const acknowledgements = [{ ...acknowledgement(blob, 0), holder: dht.onlyHolder }]
        const alone = {
          needed: 1,
          wanted: 1,
          smallNetwork: true,
          asked: 1,
          limited: 0,
          acknowledgements
        }
        return { ...alone, settled: Promise.resolve(alone) }
      }
      const all = Array.from({ length: 8 }, (_, i) => acknowledgement(blob, i))
      const progress = { needed: 5, wanted: 8, smallNetwork: false, asked: 1, limited: 0 }
      const settled = Promise.resolve({ ...progress, acknowledgements: all })
      return { ...progress, acknowledgements: all.slice(0, 5), settled }
    },
    async get(key) {
      dht.gets++
      if (dht.getFails) throw new MuttrError(dht.getFails, 'the network says no')
      if (dht.tombstones.has(toHex(key))) throw new MuttrError('BLOB_RELEASED', 'it was released')
      const blob = blobs.get(toHex(key))
      if (!blob) throw new MuttrError('BLOB_UNKNOWN', 'nobody has it')
      return { blob: { ...blob, stamp }, from: fakeHolders[0]!, hops: 1 }
    },
    async release(frame) {
      dht.releases++
      if (dht.releaseFails) throw new MuttrError(dht.releaseFails, 'the network says no')
      const { key, ...shown } = readTombstone(frame)
      const there = dht.tombstones.get(toHex(key))
      const stands = there ? mergeTombstones(readTombstone(there), shown) : shown
      if (dht.releaseTakers > 0) dht.tombstones.set(toHex(key), encodeTombstone(stands))
      const word = { retract: stands.retract !== null, accept: stands.accept !== null }
      const atMs = clock.now()
      const takers = devices.slice(0, dht.releaseTakers)
      return {
        asked: fakeHolders,
        took: takers.map((device, i) => ({
          holder: fakeHolders[i]!,
          ...word,
          atMs,
          signature: device.sign(releasedBytes(key, word, atMs))
        })),
        needed: 5,
        tombstones: there && isNews(shown, stands) ? [encodeTombstone(stands)] : []
      }
    },
    async census(key, { blob } = {}) {
      dht.censuses++
      if (dht.releaseFails) throw new MuttrError(dht.releaseFails, 'the network says no')
      const tombstone = dht.tombstones.get(toHex(key))
      const answered = fakeHolders
      const lacking = tombstone ? 0 : dht.lacking
      if (blob && lacking > 0) blobs.set(toHex(key), blob)
      dht.lacking = 0
      return {
        atMs: clock.now(),
        wanted: 8,
        answered,
        holders: tombstone ? [] : answered.slice(lacking),
        tombstones: tombstone ? [tombstone] : [],
        given:
          blob && lacking > 0
            ? answered.slice(0, lacking).map((_, i) => acknowledgement(blob, i))
            : []
      }
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
