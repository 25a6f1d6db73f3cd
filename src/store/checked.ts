import { crc32 } from 'node:zlib'

/** Bytes that a row's check takes. */
const checkBytes = 4

/**
 * Seals a row's value: CRC-32 of key and value, then the value. LevelDB does not check its blocks when it reads, so a disk
 * that rots would go unnoticed. Source: docs/protocol/store.md
 */
export function sealRow(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  let length = checkBytes
  for (const part of parts) length += part.byteLength
  const pooled = Buffer.allocUnsafe(length)
  const row = new Uint8Array(pooled.buffer, pooled.byteOffset, length)
  let at = checkBytes
  for (const part of parts) {
    row.set(part, at)
    at += part.byteLength
  }
  pooled.writeUInt32BE(crc32(row.subarray(checkBytes), crc32(key)))
  return row
}

/** @returns the value within the row, or undefined when it is not what was written under `key`. */
export function openRow(key: Uint8Array, row: Uint8Array): Uint8Array | undefined {
  if (row.byteLength < checkBytes) return undefined
  const value = new Uint8Array(row.buffer, row.byteOffset + checkBytes, row.byteLength - checkBytes)
  const check = new DataView(row.buffer, row.byteOffset).getUint32(0)
  return crc32(value, crc32(key)) === check ? value : undefined
}
