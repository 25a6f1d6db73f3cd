import type { Field } from './cbor.ts'
import { decodeCbor, encodeCbor, mapped } from './cbor.ts'

/** Writes and reads one kind of frame. */
export interface Codec<T> {
  encode(value: T): Uint8Array
  /** @throws {MuttrError} `WIRE_MALFORMED` or `WIRE_TOO_LARGE`, and nothing else. */
  decode(frame: Uint8Array): T
}

/** Pairs what is written with what is read; the size is the sum of the fields' maxima, rounded up. */
export const codec = <T, A>(
  what: string,
  maxBytes: number,
  field: Field<A>,
  read: (value: A) => T,
  write: (value: T) => unknown[]
): Codec<T> => ({
  encode: value => encodeCbor(write(value)),
  decode: frame => decodeCbor(frame, what, mapped(field, read), maxBytes)
})
