import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { fromHex, toHex } from '../../src/base/bytes.ts'
import { limits } from '../../src/base/limits.ts'
import type { SyncEntry, SyncEvent } from '../../src/wire/sync.ts'
import {
  decodeSyncEntry,
  decodeSyncEvent,
  encodeSyncEntry,
  encodeSyncEvent
} from '../../src/wire/sync.ts'
import { bytesOf, hostile, recordOf } from '../support/hostile-frames.ts'

const vector = JSON.parse(readFileSync(new URL('../vectors/sync.json', import.meta.url), 'utf8'))
const unhex = (hex: string) => fromHex(hex, hex.length / 2)!
const inHex = (value: unknown) =>
  JSON.parse(JSON.stringify(value, (_, v) => (v instanceof Uint8Array ? toHex(v) : v)))

const letter = recordOf({
  id: bytesOf(32).map(toHex),
  fingerprint: fc.oneof(fc.constant(null), bytesOf(20).map(toHex))
})
const event: fc.Arbitrary<SyncEvent> = fc.oneof(
  recordOf({ type: fc.constant('read' as const), atMs: fc.nat(), letter, read: fc.boolean() }),
  recordOf({
    type: fc.constant('conversation' as const),
    atMs: fc.nat(),
    thread: bytesOf(32).map(toHex),
    archived: fc.boolean(),
    labels: fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 4 })
  }),
  recordOf({
    ...{ type: fc.constant('sent' as const), atMs: fc.nat(), id: bytesOf(32).map(toHex) },
    ...{ row: bytesOf(9), secret: fc.oneof(fc.constant(null), bytesOf(5)) }
  })
)
const entry = recordOf<SyncEntry>({
  deviceKey: bytesOf(32),
  sequence: fc.integer({ min: 1_000, max: 1e9 }),
  first: fc.integer({ min: 1, max: 1_000 }),
  madeMs: fc.maxSafeNat(),
  taken: fc.array(
    recordOf({
      deviceKey: bytesOf(32),
      through: fc.nat(1_000),
      beyond: fc.uniqueArray(fc.integer({ min: 1_002, max: 9_000 }), { maxLength: 9 })
    }),
    { maxLength: 3 }
  ),
  events: fc.array(event, { maxLength: 5 })
}).map(one => ({
  ...one,
  taken: one.taken.map(had => ({ ...had, beyond: [...had.beyond].sort((a, b) => a - b) }))
}))

describe('entries of a person’s devices', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(entry, wanted => {
        assert.deepEqual(decodeSyncEntry(encodeSyncEntry(wanted)), wanted)
        for (const one of wanted.events)
          assert.deepEqual(decodeSyncEvent(encodeSyncEvent(one)), one)
      })
    )
  })

  it('are refused when anything is wrong with them', () => {
    hostile({
      valid: entry.map(encodeSyncEntry),
      read: frame => encodeSyncEntry(decodeSyncEntry(frame)),
      codes: ['SYNC_INVALID', 'WIRE_TOO_LARGE'],
      maxBytes: limits.blobBytesMax
    })
  })

  it('sync.json: one of each event, and what is no entry', () => {
    for (const { frame, entry: wanted, what } of vector.entries) {
      assert.deepEqual(inHex(decodeSyncEntry(unhex(frame))), wanted, what)
      assert.equal(toHex(encodeSyncEntry(decodeSyncEntry(unhex(frame)))), frame, what)
    }
    for (const { frame, what } of vector.invalid)
      assert.throws(() => decodeSyncEntry(unhex(frame)), { code: 'SYNC_INVALID' }, what)
  })
})
