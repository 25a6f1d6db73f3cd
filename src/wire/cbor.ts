import type { ErrorCode } from '../base/errors.ts'
import { MuttrError } from '../base/errors.ts'
import { decode, encode } from './cbor-bytes.ts'

export { Encoded } from './cbor-bytes.ts'

/** Canonical CBOR (RFC 8949, 4.2.1): one value, one encoding. All that Muttr writes is arrays, so maps never occur. */
export const encodeCbor: (value: unknown) => Uint8Array = encode

/** One field of a fixed-position array: gives the value back, typed, or throws anything at all. */
export type Field<T> = (value: unknown) => T
export type Fields<T extends readonly unknown[]> = { readonly [I in keyof T]: Field<T[I]> }

const refuse = (what: string): never => {
  throw new TypeError(what)
}

export const bytes =
  (min: number, max = min): Field<Uint8Array> =>
  value =>
    value instanceof Uint8Array && value.byteLength >= min && value.byteLength <= max
      ? value
      : refuse(`bytes ${min} to ${max}`)

/** Well-formed text of at most `maxBytes` UTF-8 bytes. */
export const text =
  (maxBytes: number, minBytes = 0): Field<string> =>
  value => {
    if (typeof value !== 'string' || value.length > maxBytes || !value.isWellFormed())
      return refuse('text')
    const size = Buffer.byteLength(value)
    return size >= minBytes && size <= maxBytes ? value : refuse('text length')
  }

export const uint =
  (max: number = Number.MAX_SAFE_INTEGER, min = 0): Field<number> =>
  value =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? value
      : refuse(`integer ${min} to ${max}`)

export const bool: Field<boolean> = value =>
  typeof value === 'boolean' ? value : refuse('boolean')

export const literal =
  <const T extends string | number | boolean>(wanted: T): Field<T> =>
  value =>
    value === wanted ? wanted : refuse(`${wanted}`)

export const oneOf =
  <const T extends string | number>(...wanted: readonly T[]): Field<T> =>
  value =>
    wanted.includes(value as T) ? (value as T) : refuse('one of a set')

export const nullable =
  <T>(field: Field<T>): Field<T | null> =>
  value =>
    value === null ? null : field(value)

export const array =
  <T>(field: Field<T>, max: number, min = 0): Field<T[]> =>
  value =>
    Array.isArray(value) && value.length >= min && value.length <= max
      ? value.map(item => field(item))
      : refuse(`array of ${min} to ${max}`)

export const tuple =
  <const T extends readonly unknown[]>(...fields: Fields<T>): Field<T> =>
  value =>
    Array.isArray(value) && value.length === fields.length
      ? (fields.map((field, i) => field(value[i])) as unknown as T)
      : refuse(`array of exactly ${fields.length}`)

/** Gives a tuple's fields names: `mapped(tuple(...), ([a, b]) => ({ a, b }))`. */
export const mapped =
  <A, B>(field: Field<A>, map: (value: A) => B): Field<B> =>
  value =>
    map(field(value))

/**
 * Reads a stranger's bytes: strict, canonical (anything that would not encode back to the same bytes is refused), bounded.
 * @throws {MuttrError} `WIRE_TOO_LARGE` above `maxBytes`, else `code` (`WIRE_MALFORMED` unless named), and nothing else, ever.
 */
export function decodeCbor<T>(
  frame: Uint8Array,
  what: string,
  field: Field<T>,
  maxBytes: number,
  code: ErrorCode = 'WIRE_MALFORMED'
): T {
  if (frame.byteLength > maxBytes)
    throw new MuttrError(
      'WIRE_TOO_LARGE',
      `${what} of ${frame.byteLength} bytes, at most ${maxBytes}`
    )
  try {
    return field(decode(frame))
  } catch (cause) {
    throw new MuttrError(code, `not ${what}`, { cause })
  }
}
