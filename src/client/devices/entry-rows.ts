import { fromHex, toHex } from '../../base/bytes.ts'
import { limits } from '../../base/limits.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { State } from '../../store/state.ts'
import { array, bytes, literal, mapped, nullable, text, tuple, uint } from '../../wire/cbor.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'

/** An entry of ours that not all other devices have yet. */
export interface EntryRow {
  readonly madeMs: Millis
  readonly headerBytes: Uint8Array
  readonly sealed: Uint8Array
  /** What the holders are shown when nobody needs it any more. 32 bytes. */
  readonly retract: Uint8Array
  /** The own alias under which it is announced. */
  readonly alias: string
  readonly slip: Uint8Array
  /** When it was last stored and announced; null while that is to be done. */
  readonly announcedMs: Millis | null
  /** Blobs' keys, hex: letters that are not given up before this is announced. */
  readonly holds: readonly string[]
  /** How much it tells; nothing, when it only says what we have of the others: then nobody is asked for it. */
  readonly events: number
}

const holdsMax = 1_000
const key = mapped(bytes(32), toHex)

/** By the entry's number, in {@link entryKey}'s form. */
export const entryTable = (state: State, log: Log): Table<EntryRow> =>
  createTable({
    ...{ state, log, name: 'sync-out', maxBytes: limits.payloadBytesMax },
    field: mapped(
      tuple(
        literal(1),
        uint(),
        bytes(1, limits.blobHeaderBytesMax),
        bytes(1, limits.blobBytesMax),
        bytes(32),
        tuple(text(limits.fullAliasCharsMax, 3), bytes(1, limits.slipBytes)),
        nullable(uint()),
        array(key, holdsMax),
        uint()
      ),
      ([, madeMs, headerBytes, sealed, retract, [alias, slip], announcedMs, holds, events]) => ({
        ...{ madeMs, headerBytes, sealed, retract, alias, slip, announcedMs, holds, events }
      })
    ),
    write: e => [
      1,
      e.madeMs,
      e.headerBytes,
      e.sealed,
      e.retract,
      [e.alias, e.slip],
      e.announcedMs,
      e.holds.map(one => fromHex(one, 32)!),
      e.events
    ]
  })

/** Sorts as the numbers do. */
export const entryKey = (sequence: number): string => sequence.toString(16).padStart(12, '0')
export const sequenceOf = (entry: string): number => Number.parseInt(entry, 16)
