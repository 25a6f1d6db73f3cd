import { crc32 } from 'node:zlib'
import { MuttrError } from '../base/errors.ts'

/** Bytes that a row's check takes. */
const checkBytes = 4

/**
 * Seals a row's value: CRC-32 of key and value, then the value. LevelDB does not check its blocks when it reads, so a disk
 * that rots would go unnoticed. Source: docs/protocol/store.md
 */
export function sealRow(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  let length = checkBytes
  for (const part of parts) length += part.byteLength
  const row = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
  let at = checkBytes
  for (const part of parts) {
    row.set(part, at)
    at += part.byteLength
  }
  new DataView(row.buffer).setUint32(0, crc32(row.subarray(checkBytes), crc32(key)))
  return row
}

/** @returns the value within the row, or undefined when it is not what was written under `key`. */
export function openRow(key: Uint8Array, row: Uint8Array): Uint8Array | undefined {
  if (row.byteLength < checkBytes) return undefined
  const value = new Uint8Array(row.buffer, row.byteOffset + checkBytes, row.byteLength - checkBytes)
  const check = new DataView(row.buffer, row.byteOffset).getUint32(0)
  return crc32(value, crc32(key)) === check ? value : undefined
}

/** @returns undefined where there is no row. @throws {MuttrError} `HOME_DAMAGED` */
export function checkedValue(
  key: Uint8Array,
  found: Uint8Array | undefined
): Uint8Array | undefined {
  if (found === undefined) return undefined
  const value = openRow(key, found)
  if (value !== undefined) return value
  throw new MuttrError('HOME_DAMAGED', 'a row of the database is not what was written')
}
