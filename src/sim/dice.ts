import { sha256, utf8 } from '../base/bytes.ts'
import type { Random } from '../base/ports.ts'

/**
 * Numbers of one purpose: drawing for one purpose does not shift another, so that a change in one place leaves the rest of a run as
 * it was. The generator is sfc32 (Chris Doty-Humphrey, PractRand), which passes the known tests and is nothing for secrets.
 */
export class Dice implements Random {
  #a: number
  #b: number
  #c: number
  #count = 1

  /** @param purpose any text; the same seed and purpose give the same numbers. */
  constructor(seed: number, purpose: string) {
    const state = Buffer.from(sha256(utf8(`muttr sim ${seed} ${purpose}`)))
    this.#a = state.readInt32LE(0)
    this.#b = state.readInt32LE(4)
    this.#c = state.readInt32LE(8)
  }

  /** 0 to 2^32, excluded. */
  #draw(): number {
    const drawn = (((this.#a + this.#b) | 0) + this.#count) | 0
    this.#count = (this.#count + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + drawn) | 0
    return drawn >>> 0
  }

  /** 0 to 1, excluded, in steps of 2^-32. */
  next(): number {
    return this.#draw() / 2 ** 32
  }

  /** A whole number from 0 to `n`, excluded. */
  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  /** Even ones. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += 4) {
      const drawn = this.#draw()
      for (let i = 0; i < 4 && at + i < length; i++) bytes[at + i] = drawn >>> (8 * i)
    }
    return bytes
  }
}
