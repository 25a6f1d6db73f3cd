import type { Millis } from '../../base/ports.ts'

/** Of the last so long. */
const spanMs: Millis = 10_000
/** Before that nothing can be said. */
const leastMs: Millis = 1_000
const everyMs: Millis = 300

/** How fast a transfer goes, and whether it is time to tell of it again. */
export class Rate {
  #marks: { atMs: Millis; bytes: number }[] = []
  #toldMs = Number.NEGATIVE_INFINITY

  /** @param doneBytes so far, in all. */
  at(doneBytes: number, nowMs: Millis): void {
    const last = this.#marks.at(-1)
    if (last && nowMs - last.atMs < everyMs && this.#marks.length > 1) this.#marks.pop()
    this.#marks.push({ atMs: nowMs, bytes: doneBytes })
    while (this.#marks.length > 2 && this.#marks[1]!.atMs <= nowMs - spanMs) this.#marks.shift()
  }

  /** It stands still: what was before says nothing. */
  reset(): void {
    this.#marks = []
  }

  /** @param leftBytes still to be done. */
  show(leftBytes: number, nowMs: Millis) {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)]
    const unknown = { bytesPerSecond: null, remainingMs: null }
    if (!first || !last) return unknown
    const tookMs = nowMs - first.atMs
    const bytes = last.bytes - first.bytes
    if (tookMs < leastMs || bytes <= 0) return unknown
    const bytesPerSecond = Math.round((1_000 * bytes) / tookMs)
    return { bytesPerSecond, remainingMs: Math.round((leftBytes * tookMs) / bytes) }
  }

  /** @returns true at most a few times a second. */
  due(nowMs: Millis): boolean {
    if (nowMs - this.#toldMs < everyMs && nowMs >= this.#toldMs) return false
    this.#toldMs = nowMs
    return true
  }
}
