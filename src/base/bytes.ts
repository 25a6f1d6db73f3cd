import { hash } from 'node:crypto'

export const toHex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

/** @returns undefined unless `text` is exactly `length` bytes in lower- or upper-case hex. */
export function fromHex(text: string, length: number): Uint8Array | undefined {
  if (text.length !== 2 * length || !/^[0-9a-f]*$/i.test(text)) return undefined
  return new Uint8Array(Buffer.from(text, 'hex'))
}

export const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'))

/** Of all parts, one behind the other. In one call: an object of OpenSSL's to be fed costs more than what it hashes here. */
export const sha256 = (...parts: Uint8Array[]): Uint8Array =>
  new Uint8Array(hash('sha256', parts.length === 1 ? parts[0]! : Buffer.concat(parts), 'buffer'))

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.byteLength === b.byteLength && Buffer.compare(a, b) === 0

/** Lexicographic, as Array.prototype.sort wants it. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b)

export const concatBytes = (...parts: Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(parts))
