import type { Token } from 'cborg'
import { decode, encode, rfc8949EncodeOptions, Tokenizer, Type } from 'cborg'
import type { ErrorCode } from '../base/errors.ts'
import { MuttrError } from '../base/errors.ts'

/** Canonical CBOR (RFC 8949, 4.2.1): one value, one encoding. All that Muttr writes is arrays, so maps never occur. */
export const encodeCbor = (value: unknown): Uint8Array => plain(encode(value, rfc8949EncodeOptions))

/** A Buffer's `slice` shares memory where that of a Uint8Array copies: nobody shall have to tell which of them he holds. */
const plain = (b: Uint8Array): Uint8Array =>
  Buffer.isBuffer(b) ? new Uint8Array(b.buffer, b.byteOffset, b.byteLength) : b

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

const depthMax = 8

/** Refuses what has more than one encoding or no place in a protocol: floats, maps, tags, broken UTF-8, deep nesting. */
class StrictTokenizer extends Tokenizer {
  readonly #open: number[] = [] // items still to come, per array we are inside of

  override next(): Token {
    const start = this.pos()
    const token = super.next()
    const { type } = token
    while (this.#open.at(-1) === 0) this.#open.pop()
    if (this.#open.length > 0) this.#open[this.#open.length - 1]! -= 1
    if (type === Type.array) {
      if (this.#open.length === depthMax) refuse('arrays nested deeper than 8')
      this.#open.push(token.value)
    } else if (type === Type.string) this.#checkText(token, start)
    else if (
      type === Type.float ||
      type === Type.map ||
      type === Type.tag ||
      type === Type.undefined
    )
      refuse(`a ${type.name}`)
    return token
  }

  /** The decoder drops a byte order mark and replaces broken UTF-8; either is another encoding of the same text. */
  #checkText({ value, encodedLength = 0 }: Token, start: number): void {
    const size = Buffer.byteLength(value)
    const raw = this.data.subarray(start + encodedLength - size, start + encodedLength)
    const head = size < 24 ? 1 : size < 256 ? 2 : size < 65_536 ? 3 : 5
    if (encodedLength !== head + size || (size !== value.length && !Buffer.from(value).equals(raw)))
      refuse('text that is not UTF-8')
  }
}

const decodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  allowBigInt: false
} as const

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
    const data = plain(frame)
    const tokenizer = new StrictTokenizer(data, decodeOptions)
    return field(decode(data, { ...decodeOptions, tokenizer }))
  } catch (cause) {
    throw new MuttrError(code, `not ${what}`, { cause })
  }
}
