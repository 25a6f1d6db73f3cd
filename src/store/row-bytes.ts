/** A row's key: one letter that names its space, then the parts. */
export function rowOf(space: string, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 1
  for (const part of parts) length += part.byteLength
  const row = new Uint8Array(length)
  row[0] = space.charCodeAt(0)
  let at = 1
  for (const part of parts) {
    row.set(part, at)
    at += part.byteLength
  }
  return row
}

export const u48Max = 2 ** 48 - 1

/** 6 bytes, big-endian, so that rows sort by number: enough for milliseconds and sequences. */
export function u48(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(6)
  bytes.writeUIntBE(Math.min(value, u48Max), 0, 6)
  return bytes
}

export const readU48 = (bytes: Uint8Array, at: number): number =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUIntBE(at, 6)

/** One character per byte: such names compare as their bytes do. */
export const nameOfRow = (row: Uint8Array): string =>
  Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('latin1')
