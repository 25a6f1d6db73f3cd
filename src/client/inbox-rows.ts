import { sha256, toHex } from '../base/bytes.ts'
import { limits } from '../base/limits.ts'
import type { Log, Millis } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import type { Field } from '../wire/cbor.ts'
import { bytes, literal, mapped, nullable, text, tuple, uint } from '../wire/cbor.ts'
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
  /** Where it came: of ours, or an intro address; null for one that an older version kept. */
  readonly address: Uint8Array | null
  readonly failures: number
}

const hostname = text(limits.hostnameCharsMax, 1)

const whole = mapped(
  tuple(
    literal(2),
    hostname,
    bytes(32),
    uint(limits.blobBytesMax, 1),
    uint(),
    bytes(1, limits.slipBytes),
    uint(),
    nullable(bytes(32))
  ),
  ([, pod, key, sizeBytes, expiryMs, slip, failures, address]): NoticeRow => ({
    ...{ pod, key, sizeBytes, expiryMs, slip, address, failures }
  })
)
/** Version 1 lacks the address. */
const noticeRow: Field<NoticeRow> = value => {
  const [version, ...rest] = Array.isArray(value) ? (value as unknown[]) : []
  return whole(version === 1 ? [2, ...rest, null] : value)
}

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
    write: n => [2, n.pod, n.key, n.sizeBytes, n.expiryMs, n.slip, n.failures, n.address],
    maxBytes: 2_048
  })
