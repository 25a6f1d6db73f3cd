import { limits } from '../base/limits.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import { bytes, literal, mapped, nullable, text, tuple, uint } from '../wire/cbor.ts'
import type { Table } from './table.ts'
import { createTable } from './table.ts'

/** A letter that was opened and kept, and is to be released. Named by its blob's key, hex. */
export interface ReleaseRow {
  /** What is shown to the holders; with the receipt in it once that was made. */
  readonly tombstone: Uint8Array
  /** To whom a receipt is still to be made, about which letter, opened when. */
  readonly receipt: {
    readonly letter: Uint8Array
    readonly alias: string
    /** Hex. */
    readonly fingerprint: string
    readonly openedMs: Millis
  } | null
  /** The pod through which the letter was fetched, so that its holders do not see who has it; null for directly. */
  readonly via: string | null
  readonly expiryMs: Millis
  readonly failures: number
}

const fingerprint = mapped(bytes(20, 32), raw => Buffer.from(raw).toString('hex'))

const row = mapped(
  tuple(
    literal(1),
    bytes(1, limits.tombstoneBytesMax),
    nullable(tuple(bytes(32), text(limits.fullAliasCharsMax, 3), fingerprint, uint())),
    nullable(text(limits.hostnameCharsMax, 1)),
    uint(),
    uint()
  ),
  ([, tombstone, receipt, via, expiryMs, failures]): ReleaseRow => ({
    tombstone,
    receipt: receipt && {
      letter: receipt[0],
      alias: receipt[1],
      fingerprint: receipt[2],
      openedMs: receipt[3]
    },
    via,
    expiryMs,
    failures
  })
)

const write = ({ tombstone, receipt: r, via, expiryMs, failures }: ReleaseRow): unknown[] => [
  1,
  tombstone,
  r && [r.letter, r.alias, new Uint8Array(Buffer.from(r.fingerprint, 'hex')), r.openedMs],
  via,
  expiryMs,
  failures
]

export const releaseTable = (state: State, log: Log): Table<ReleaseRow> =>
  createTable({ state, log, name: 'releases', field: row, write, maxBytes: 4_096 })
