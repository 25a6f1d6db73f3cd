import type { Millis } from '../base/ports.ts'
import type { Blob, StampedBlob } from '../wire/blob.ts'
import { decodeBlobHeader } from '../wire/blob.ts'
import { openRow, sealRow } from './checked.ts'
import { readU48, rowOf, u48 } from './row-bytes.ts'

/** The rows of a seed's store: their keys and values. Source: docs/protocol/store.md */
export const seedFormat = 'muttr seed store 1'

/** What the expiry index tells apart. */
export const kinds = { blob: 1, tombstone: 2, record: 3 } as const
type Kind = (typeof kinds)[keyof typeof kinds]

/** Counted for each blob, tombstone and record beside its own bytes: keys, index rows and what LevelDB adds. */
export const overheadBytes = 192

export interface Meta {
  readonly kind: typeof kinds.blob | typeof kinds.tombstone
  readonly expiryMs: Millis
  /** Length of a blob's sealed bytes. */
  readonly lengthBytes: number
  /** Of a tombstone, else empty. */
  readonly frame: Uint8Array
}
export interface Expiring {
  readonly kind: Kind
  readonly key: Uint8Array
  readonly expiryMs: Millis
}

const none = new Uint8Array(0)

export const blobRow = (key: Uint8Array): Uint8Array => rowOf('b', key)
export const metaRow = (key: Uint8Array): Uint8Array => rowOf('m', key)
export const recordRow = (key: Uint8Array): Uint8Array => rowOf('r', key)
/** Sorts by expiry first. */
export const expiryRow = ({ expiryMs, kind, key }: Expiring): Uint8Array =>
  rowOf('e', u48(expiryMs), new Uint8Array([kind]), key)

export const metaRange = (gte: Uint8Array = none, lt?: Uint8Array) => ({
  gte: metaRow(gte),
  lt: lt ? metaRow(lt) : rowOf('n')
})
/** All that has expired by `nowMs`; everything when it is left out. */
export const expiryRange = (nowMs?: Millis) => ({
  gte: rowOf('e'),
  lt: nowMs === undefined ? rowOf('f') : rowOf('e', u48(Math.floor(nowMs) + 1))
})

export function readExpiryRow(row: Uint8Array): Expiring {
  return { expiryMs: readU48(row, 1), kind: row[7] as Kind, key: row.slice(8) }
}

export const blobMeta = ({ header, sealed }: Blob): Meta => ({
  kind: kinds.blob,
  expiryMs: header.expiryMs,
  lengthBytes: sealed.byteLength,
  frame: none
})

export const encodeMeta = (row: Uint8Array, { kind, expiryMs, lengthBytes, frame }: Meta) =>
  sealRow(row, new Uint8Array([kind]), u48(expiryMs), u48(lengthBytes), frame)

/** @returns undefined when there is none, or a damaged one. */
export function decodeMeta(row: Uint8Array, found: Uint8Array | undefined): Meta | undefined {
  const value = found && openRow(row, found)
  if (value === undefined || value.byteLength < 13) return undefined
  return {
    kind: value[0] as Meta['kind'],
    expiryMs: readU48(value, 1),
    lengthBytes: readU48(value, 7),
    frame: value.subarray(13)
  }
}

export const encodeRecord = (row: Uint8Array, expiryMs: Millis, frame: Uint8Array) =>
  sealRow(row, u48(expiryMs), frame)

export function decodeRecord(row: Uint8Array, found: Uint8Array | undefined) {
  const value = found && openRow(row, found)
  if (value === undefined || value.byteLength < 6) return undefined
  return { kind: kinds.record, expiryMs: readU48(value, 0), frame: value.subarray(6) }
}

/** What precedes a blob's sealed bytes: the lengths of header and stamp, and both. */
export const encodeBlob = (row: Uint8Array, { headerBytes, stamp, sealed }: StampedBlob) => {
  const length = headerBytes.byteLength
  const lengths = new Uint8Array([length >>> 8, length & 255, stamp.byteLength])
  return sealRow(row, lengths, headerBytes, stamp, sealed)
}

/** What of a blob counts against the cap, beside {@link overheadBytes}. */
export const countedBytes = ({ headerBytes, stamp, sealed }: StampedBlob): number =>
  headerBytes.byteLength + stamp.byteLength + sealed.byteLength

/** @returns undefined when the row is damaged. */
export function decodeBlob(row: Uint8Array, found: Uint8Array): StampedBlob | undefined {
  const value = openRow(row, found)
  if (value === undefined || value.byteLength < 3) return undefined
  const headerEnd = 3 + value[0]! * 256 + value[1]!
  const stampEnd = headerEnd + value[2]!
  const headerBytes = value.subarray(3, headerEnd)
  const key = row.subarray(1)
  return {
    key,
    header: decodeBlobHeader(headerBytes),
    headerBytes,
    stamp: value.subarray(headerEnd, stampEnd),
    sealed: value.subarray(stampEnd)
  }
}

export const encodeCount = (row: Uint8Array, bytes: number) => sealRow(row, u48(bytes))

/** @returns 0 when there is no row, or a damaged one. */
export function decodeCount(row: Uint8Array, found: Uint8Array | undefined): number {
  const value = found && openRow(row, found)
  return value?.byteLength === 6 ? readU48(value, 0) : 0
}
