import { fromHex, toHex } from '../../base/bytes.ts'
import type { Log, Millis } from '../../base/ports.ts'
import type { Change, State } from '../../store/state.ts'
import { array, bytes, literal, mapped, nullable, tuple, uint } from '../../wire/cbor.ts'
import type { Table } from '../table.ts'
import { createTable } from '../table.ts'

/** One backup in the network, or on its way there. */
export interface NetworkCopy {
  /** Of the file that it is, 32 hex digits: {@link Uploads}. */
  readonly id: string
  readonly madeMs: Millis
  /** SHA-256 over the rows that were in it, by which it is seen whether anything has changed; hex. */
  readonly digest: string
  /** When its record was put last; 0 before. */
  readonly putMs: Millis
}

export interface NetworkRow {
  /** Which the record points at. */
  current: NetworkCopy | null
  making: NetworkCopy | null
  /** What is to be taken back: ids. */
  former: readonly string[]
  /** Before that none is made by itself. */
  notBeforeMs: Millis
  /** When it was looked last whether anything has changed. */
  checkedMs: Millis
}

export const noNetworkRow: NetworkRow = {
  current: null,
  making: null,
  former: [],
  notBeforeMs: 0,
  checkedMs: 0
}

const formerMax = 16
const id = mapped(bytes(16), toHex)
const copy = mapped(
  tuple(id, uint(), mapped(bytes(32), toHex), uint()),
  ([id, madeMs, digest, putMs]): NetworkCopy => ({ id, madeMs, digest, putMs })
)
const row = mapped(
  tuple(literal(1), nullable(copy), nullable(copy), array(id, formerMax), tuple(uint(), uint())),
  ([, current, making, former, [notBeforeMs, checkedMs]]): NetworkRow => ({
    ...{ current, making, former, notBeforeMs, checkedMs }
  })
)

const copyRow = (c: NetworkCopy | null) =>
  c && [fromHex(c.id, 16), c.madeMs, fromHex(c.digest, 32), c.putMs]

/** One row, `state`. */
export const networkTable = (state: State, log: Log): Table<NetworkRow> =>
  createTable({
    state,
    log,
    name: 'network-backup',
    field: row,
    write: r => [
      ...[1, copyRow(r.current), copyRow(r.making)],
      r.former.slice(-formerMax).map(one => fromHex(one, 16)),
      [r.notBeforeMs, r.checkedMs]
    ],
    maxBytes: 1_024
  })

export const weekMs: Millis = 7 * 24 * 3_600_000

/**
 * Of a home that came out of a backup: what the former one had in the network is not its own any more. It waits for a week before it
 * makes one by itself, since a newer one than it came out of may be there.
 */
export async function restoredNetworkRow(state: State, log: Log, nowMs: Millis): Promise<Change> {
  const table = networkTable(state, log)
  const { current, making, former } = (await table.get('state')) ?? noNetworkRow
  const copies = [current, making].flatMap(copy => (copy ? [copy.id] : []))
  const left = [...former, ...copies].slice(-formerMax)
  return table.put('state', { ...noNetworkRow, former: left, notBeforeMs: nowMs + weekMs })
}
