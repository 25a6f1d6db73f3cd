import { sha256 } from '../base/bytes.ts'
import type { Place } from '../base/ports.ts'

/** The place where a key belongs. */
export const placeOfKey = (key: Uint8Array): Place => sha256(key)

/** How many leading bits two places share: 0 to 256. */
export function commonPrefix(a: Place, b: Place): number {
  for (let i = 0; i < a.length; i++) {
    const differing = a[i]! ^ b[i]!
    if (differing !== 0) return 8 * i + Math.clz32(differing) - 24
  }
  return 8 * a.length
}

/** Below 0 when `a` is nearer to `target` than `b` is, by XOR. */
export function compareDistance(target: Place, a: Place, b: Place): number {
  for (let i = 0; i < target.length; i++) {
    const difference = (a[i]! ^ target[i]!) - (b[i]! ^ target[i]!)
    if (difference !== 0) return difference
  }
  return 0
}

/** The first 32 bits of a place, signed: by the XOR of these most distances can be told apart. Only such integers take no memory of their own. */
export const headOf = (place: Place): number =>
  (place[0]! << 24) | (place[1]! << 16) | (place[2]! << 8) | place[3]!

/** What a head is XORed with, so that the outcome is the smaller the nearer its place is to this one, and equal where heads do not tell. */
export const rulerOf = (place: Place): number => headOf(place) ^ 0x8000_0000

/** The distance as a part of the whole space, 0 to 1: exact enough to estimate by, not to order by. */
export function fraction(a: Place, b: Place): number {
  let sum = 0
  for (let i = 6; i >= 0; i--) sum = (sum + (a[i]! ^ b[i]!)) / 256
  return sum
}

export const bitOf = (place: Place, bit: number): 0 | 1 =>
  ((place[bit >> 3]! >> (7 - (bit & 7))) & 1) as 0 | 1
