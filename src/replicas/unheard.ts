import type { Millis } from '../base/ports.ts'

interface Waiting {
  readonly key: Uint8Array
  tries: number
  dueMs: Millis
}

/** Each wait is twice the one before, so with a minute first the last one is after an hour. */
const triesMax = 6
const keysMax = 16_384

/**
 * Keys that were compared, or pushed, while some holders did not answer, as the busy do not after many deaths. They are compared again,
 * as long as the silent are neither heard nor given up by the routing table; what remains is for the next sweep. Sans-IO.
 */
export class Unheard {
  readonly #retryMs: Millis
  readonly #waiting = new Map<string, Waiting>()
  #nextMs = Number.POSITIVE_INFINITY

  constructor(retryMs: Millis) {
    this.#retryMs = retryMs
  }

  /** When {@link take} has something; sometimes too early. */
  get nextMs(): Millis {
    return this.#nextMs
  }

  /** Compared or pushed, and somebody did not answer. */
  missed(name: string, key: Uint8Array, nowMs: Millis): void {
    const known = this.#waiting.get(name)
    if (!known && this.#waiting.size >= keysMax) return
    const waiting = known ?? { key, tries: 0, dueMs: 0 }
    this.#waiting.set(name, waiting)
    this.#wait(waiting, nowMs)
  }

  /** Compared, and all answered. */
  heard(name: string): void {
    this.#waiting.delete(name)
  }

  /** @returns what is due. What nobody reports on after that comes again, and like all not more than six times. */
  take(nowMs: Millis): Uint8Array[] {
    if (nowMs < this.#nextMs) return []
    const due: Uint8Array[] = []
    this.#nextMs = Number.POSITIVE_INFINITY
    for (const [name, waiting] of this.#waiting) {
      const isDue = waiting.dueMs <= nowMs
      if (isDue && waiting.tries === triesMax) {
        this.#waiting.delete(name)
        continue
      }
      if (isDue) {
        due.push(waiting.key)
        waiting.tries += 1
        this.#wait(waiting, nowMs)
      }
      this.#nextMs = Math.min(this.#nextMs, waiting.dueMs)
    }
    return due
  }

  #wait(waiting: Waiting, nowMs: Millis): void {
    waiting.dueMs = nowMs + this.#retryMs * 2 ** waiting.tries
    this.#nextMs = Math.min(this.#nextMs, waiting.dueMs)
  }
}
