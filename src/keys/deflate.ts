import { concatBytes } from '../base/bytes.ts'

/**
 * A raw deflate stream (RFC 1951) of any wished length that inflates to `bytes`: nothing is compressed, empty blocks fill it up.
 * For readers that know no Padding packet. Every inflater takes it, since nothing in it is unusual but its length.
 */
export function paddedDeflate(bytes: Uint8Array, length: number): Uint8Array {
  const spare = length - deflateBytesMin(bytes.byteLength)
  if (spare < 0) throw new RangeError('too short for the bytes')
  // An empty stored block is five octets; what is left of a division by five goes before the first and the last block.
  const [first, last] = leftovers[spare % 5]!
  const parts: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength; at += storedMax)
    parts.push(storedBlock(bytes.subarray(at, at + storedMax), false, at === 0 ? first : 0))
  const filler = new Uint8Array(Math.floor(spare / 5) * 5)
  for (let at = 0; at < filler.byteLength; at += 5) filler.set([0, 0, 0, 0xff, 0xff], at)
  return concatBytes(...parts, filler, storedBlock(new Uint8Array(), true, last))
}

/** The least that {@link paddedDeflate} can make of this many bytes (at least one). */
export const deflateBytesMin = (bytes: number): number =>
  bytes + 5 * Math.ceil(bytes / storedMax) + 5

const storedMax = 0xffff

/** How many empty blocks of ten bits stand before the first and the last stored block, per octet of remainder. */
const leftovers: readonly (readonly [first: number, last: number])[] = [
  [0, 0],
  [0, 1],
  [0, 2],
  [1, 2],
  [0, 3]
]

/**
 * A stored block after `before` empty blocks with fixed codes, each the bits 0 10 0000000; one such block makes the stored block's
 * header an octet longer, two 2, three 4.
 */
function storedBlock(bytes: Uint8Array, isLast: boolean, before: number): Uint8Array {
  let bits = 0n
  for (let i = 0; i < before; i++) bits |= 0b010n << BigInt(10 * i)
  if (isLast) bits |= 1n << BigInt(10 * before)
  const block = new Uint8Array(Math.ceil((10 * before + 3) / 8) + 4 + bytes.byteLength)
  const view = new DataView(block.buffer)
  const at = block.byteLength - bytes.byteLength - 4
  for (let i = 0; i < at; i++) block[i] = Number((bits >> BigInt(8 * i)) & 0xffn)
  view.setUint16(at, bytes.byteLength, true)
  view.setUint16(at + 2, bytes.byteLength ^ 0xffff, true)
  block.set(bytes, at + 4)
  return block
}
