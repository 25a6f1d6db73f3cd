import { sha256, toHex } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import { bytes, literal, mapped, text, tuple, uint } from '../wire/cbor.ts'
import type { Table } from './table.ts'
import { createTable } from './table.ts'

/** A notice that was acknowledged to its pod and whose letter is not opened yet. */
export interface NoticeRow {
  readonly pod: string
  /** The blob's key. 32 bytes. */
  readonly key: Uint8Array
  readonly sizeBytes: number
  readonly expiryMs: Millis
  readonly slip: Uint8Array
  readonly failures: number
}

const hostname = text(limits.hostnameCharsMax, 1)

const noticeRow = mapped(
  tuple(
    literal(1),
    hostname,
    bytes(32),
    uint(limits.blobBytesMax, 1),
    uint(),
    bytes(1, limits.slipBytes),
    uint()
  ),
  ([, pod, key, sizeBytes, expiryMs, slip, failures]): NoticeRow => ({
    pod,
    key,
    sizeBytes,
    expiryMs,
    slip,
    failures
  })
)

/** One notice among several of the same blob: anybody who holds a blob can announce it, with a slip of their own. Hex. */
export const noticeId = ({ key, slip }: Pick<NoticeRow, 'key' | 'slip'>): string =>
  toHex(sha256(key, slip))

/** By {@link noticeId}. */
export const noticeTable = (state: State, log: Log): Table<NoticeRow> =>
  createTable({
    state,
    log,
    name: 'notices',
    field: noticeRow,
    write: n => [1, n.pod, n.key, n.sizeBytes, n.expiryMs, n.slip, n.failures],
    maxBytes: 2_048
  })
