import { sha256, utf8 } from '../../base/bytes.ts'

/** Dice of our own: the same seed throws the same numbers on every machine, which is what makes a plan repeatable. */
export interface Dice {
  /** From 0 to 1 (excluded). */
  throw(): number
  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number
  pick<T>(from: readonly T[]): T
  /** The wait for the next of events that come every `meanMs` on average, at random. */
  waitMs(meanMs: number): number
  /** All of them in another order. */
  shuffled<T>(of: readonly T[]): T[]
}

/** sfc32 (PractRand, public domain), started from the SHA-256 of a text. */
export function createDice(seed: string): Dice {
  const hash = sha256(utf8(seed))
  const view = new DataView(hash.buffer, hash.byteOffset, 32)
  let [a, b, c, counter] = [0, 4, 8, 12].map(at => view.getUint32(at)) as [
    number,
    number,
    number,
    number
  ]
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 12; i++) next()
  const between = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return {
    throw: next,
    between,
    pick: from => from[between(0, from.length - 1)]!,
    waitMs: meanMs => Math.round(-meanMs * Math.log(1 - next())),
    shuffled(of) {
      const all = [...of]
      for (let i = all.length - 1; i > 0; i--) {
        const j = between(0, i)
        ;[all[i], all[j]] = [all[j]!, all[i]!]
      }
      return all
    }
  }
}

/** Bytes that are told again from what they are named by. */
export function bytesOf(name: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += 32)
    bytes.set(sha256(utf8(`${name} ${at}`)).subarray(0, length - at), at)
  return bytes
}
