/**
 * The part of canonical CBOR (RFC 8949, 4.2.1) that Muttr speaks: integers that a double holds exactly, byte strings, text, arrays,
 * booleans and null. One value, one encoding.
 */

const refuse = (what: string): never => {
  throw new TypeError(what)
}

const depthMax = 8
const [negative, byteString, textString, arrayOf] = [1, 2, 3, 4]
const [isFalse, isTrue, isNull, isDouble] = [0xf4, 0xf5, 0xf6, 0xfb]
const orderMark = 0xfeff

/** Bytes of a head: the initial byte, and the argument where it does not fit in that. */
const headSize = (argument: number): number =>
  argument < 24 ? 1 : argument < 2 ** 8 ? 2 : argument < 2 ** 16 ? 3 : argument < 2 ** 32 ? 5 : 9

/** An item that was encoded before, to stand within another as it is. */
export class Encoded {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

function sizeOf(value: unknown): number {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? headSize(value < 0 ? -1 - value : value) : 9
  if (value instanceof Uint8Array) return headSize(value.byteLength) + value.byteLength
  if (Array.isArray(value)) {
    let size = headSize(value.length)
    for (const item of value) size += sizeOf(item)
    return size
  }
  if (value instanceof Encoded) return value.bytes.byteLength
  if (typeof value === 'string') {
    const size = Buffer.byteLength(value)
    return headSize(size) + size
  }
  return typeof value === 'boolean' || value === null ? 1 : refuse(`a ${typeof value}`)
}

class Writer {
  readonly bytes: Buffer
  #at = 0

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size)
  }

  write(value: unknown): void {
    if (typeof value === 'number') this.#number(value)
    else if (value instanceof Uint8Array) {
      this.#head(byteString, value.byteLength)
      this.bytes.set(value, this.#at)
      this.#at += value.byteLength
    } else if (Array.isArray(value)) {
      this.#head(arrayOf, value.length)
      for (const item of value) this.write(item)
    } else if (value instanceof Encoded) {
      this.bytes.set(value.bytes, this.#at)
      this.#at += value.bytes.byteLength
    } else if (typeof value === 'string') {
      this.#head(textString, Buffer.byteLength(value))
      this.#at += this.bytes.write(value, this.#at)
    } else this.bytes[this.#at++] = value === null ? isNull : value ? isTrue : isFalse
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value)) {
      this.bytes[this.#at] = isDouble
      this.#at = this.bytes.writeDoubleBE(value, this.#at + 1)
    } else if (value < 0) this.#head(negative, -1 - value)
    else this.#head(0, value)
  }

  #head(major: number, argument: number): void {
    const size = headSize(argument)
    const extra = size === 1 ? argument : size === 2 ? 24 : size === 3 ? 25 : size === 5 ? 26 : 27
    this.bytes[this.#at] = (major << 5) | extra
    let rest = argument
    for (let i = size - 1; i > 0; i--) {
      this.bytes[this.#at + i] = rest % 256
      rest = Math.floor(rest / 256)
    }
    this.#at += size
  }
}

/**
 * A number that is no safe integer is written as a double, for {@link decode} to refuse.
 * @throws {TypeError} for what CBOR would need maps or tags for.
 */
export function encode(value: unknown): Uint8Array {
  const writer = new Writer(sizeOf(value))
  writer.write(value)
  const { buffer, byteOffset, byteLength } = writer.bytes
  return new Uint8Array(buffer, byteOffset, byteLength)
}

class Reader {
  readonly #data: Buffer
  #at = 0
  #depth = 0

  constructor(data: Uint8Array) {
    this.#data = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  }

  get left(): number {
    return this.#data.byteLength - this.#at
  }

  read(): unknown {
    const initial = this.left > 0 ? this.#data[this.#at++]! : refuse('cut')
    if (initial === isFalse) return false
    if (initial === isTrue) return true
    if (initial === isNull) return null
    const argument = this.#argument(initial & 31)
    switch (initial >> 5) {
      case 0:
        return argument
      case negative:
        return Number.isSafeInteger(-1 - argument) ? -1 - argument : refuse('too large')
      case byteString:
        return new Uint8Array(this.#take(argument))
      case textString:
        return this.#text(this.#take(argument))
      case arrayOf:
        return this.#array(argument)
      default:
        return refuse('a map, tag, float, or undefined')
    }
  }

  /** @throws {TypeError} also for one that would fit into fewer bytes. */
  #argument(extra: number): number {
    if (extra < 24) return extra
    const size = extra < 28 ? 1 << (extra - 24) : refuse('of unknown length')
    if (size > this.left) refuse('cut')
    let argument = 0
    for (let i = 0; i < size; i++) argument = argument * 256 + this.#data[this.#at++]!
    if (headSize(argument) !== 1 + size) refuse('longer than needed')
    return Number.isSafeInteger(argument) ? argument : refuse('too large')
  }

  #take(size: number): Buffer {
    if (size > this.left) refuse('cut')
    return this.#data.subarray(this.#at, (this.#at += size))
  }

  /** Broken UTF-8 is read as replacement characters, which is another encoding of the same text. */
  #text(raw: Buffer): string {
    const text = raw.toString()
    const isPlain = text.length === raw.byteLength && !text.includes('\ufffd')
    if (!isPlain && !Buffer.from(text).equals(raw)) refuse('text that is not UTF-8')
    return text.charCodeAt(0) === orderMark ? refuse('a byte order mark') : text
  }

  #array(length: number): unknown[] {
    if (length > this.left) refuse('cut')
    if (++this.#depth > depthMax) refuse(`arrays nested deeper than ${depthMax}`)
    const items: unknown[] = []
    for (let i = 0; i < length; i++) items.push(this.read())
    this.#depth -= 1
    return items
  }
}

/** The byte strings inside are copies. @throws {TypeError} for anything that {@link encode} would not give back. */
export function decode(data: Uint8Array): unknown {
  const reader = new Reader(data)
  const value = reader.read()
  return reader.left === 0 ? value : refuse('more than one value')
}
