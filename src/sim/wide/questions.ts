import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'

/** Pairs that are remembered; who is pushed out by another is asked once more than it would be. */
const pairBits = 18

/**
 * Counts `have`: a holder gathers what it wants to know of one peer while it goes through its keys, so many keys are one request. Here each key
 * has its turn by itself, and those within a while of the first count as one round.
 */
export class Questions {
  readonly #whileMs: Millis
  readonly #asker = new Uint32Array(2 ** pairBits)
  readonly #asked = new Uint32Array(2 ** pairBits)
  readonly #keys = new Uint8Array(2 ** pairBits)
  readonly #sinceMs = new Float64Array(2 ** pairBits)

  constructor(whileMs: Millis) {
    this.#whileMs = whileMs
  }

  /** Of one key. @returns how many requests that takes: none where it goes along with others. */
  ask(asker: number, asked: number, nowMs: Millis): 0 | 1 {
    const at = Math.imul(Math.imul(asker, 0x9e3779b1) ^ asked, 0x85ebca6b) >>> (32 - pairBits)
    const isSame = this.#keys[at]! > 0 && this.#asker[at] === asker && this.#asked[at] === asked
    const isOpen = nowMs - this.#sinceMs[at]! <= this.#whileMs
    if (isSame && isOpen && this.#keys[at]! < limits.haveKeysMax) {
      this.#keys[at]! += 1
      return 0
    }
    this.#asker[at] = asker
    this.#asked[at] = asked
    this.#keys[at] = 1
    this.#sinceMs[at] = nowMs
    return 1
  }
}
