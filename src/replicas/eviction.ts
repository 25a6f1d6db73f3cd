import type { Millis } from '../base/ports.ts'

/** A blob that stands here although it belongs elsewhere. */
export interface Stray {
  readonly key: Uint8Array
  /** What dropping it frees, as the store counts. */
  readonly bytes: number
  readonly expiryMs: Millis
  /** How far it is: leading bits that its place shares with ours; the fewer, the farther. */
  readonly sharedBits: number
}

/** Worse first: the farther, and of two as far the sooner to expire. */
const compareStrays = (a: Stray, b: Stray): number =>
  a.sharedBits - b.sharedBits || a.expiryMs - b.expiryMs

/**
 * Which strays give way when the store is full: a bounded list of the worst, filled by a walk through the store, used up from
 * its worst end. Sans-IO. Source: docs/protocol/admission.md#a-full-store
 */
export class Eviction {
  readonly #most: number
  #strays: Stray[] = []
  /** The walk met more than are kept, so that another one will find some when these are used up. */
  #more = false

  constructor(most = 1_024) {
    this.#most = most
  }

  /** Begins anew, before a walk. */
  clear(): void {
    this.#strays = []
    this.#more = false
  }

  get more(): boolean {
    return this.#more
  }

  get size(): number {
    return this.#strays.length
  }

  /** Whether anything here would give way to what shares so many bits. */
  hasFarther(sharedBits: number): boolean {
    const [worst] = this.#strays
    return worst !== undefined && worst.sharedBits < sharedBits
  }

  /** Met by the walk. */
  offer(stray: Stray): void {
    this.#strays.push(stray)
    if (this.#strays.length < 2 * this.#most) return
    this.#keepWorst()
  }

  /** The walk is over. */
  settle(): void {
    this.#keepWorst()
  }

  #keepWorst(): void {
    this.#strays.sort(compareStrays)
    if (this.#strays.length <= this.#most) return
    this.#strays.length = this.#most
    this.#more = true
  }

  /**
   * Takes the worst out of the list, as many as free `bytes`; nothing when all that may give way would not be enough.
   * @param sharedBits of what comes: only what is farther gives way to it, so that far keys cannot push each other out for ever.
   */
  take(bytes: number, sharedBits: number): Stray[] {
    let freed = 0
    let count = 0
    while (freed < bytes) {
      const next = this.#strays[count]
      if (!next || next.sharedBits >= sharedBits) return []
      freed += next.bytes
      count += 1
    }
    return this.#strays.splice(0, count)
  }
}
