import type { Millis } from '../../base/ports.ts'

/** Spans kept of each person: older ones no letter on its way depends on. */
const spansMax = 256

/** When people could have been reached: their client ran, and their pod, and nothing was cut off from anything. */
export class Presence {
  readonly #spans = new Map<number, [fromMs: Millis, toMs: Millis][]>()
  readonly #since = new Map<number, Millis>()

  set(person: number, isThere: boolean, nowMs: Millis): void {
    const sinceMs = this.#since.get(person)
    if (isThere === (sinceMs !== undefined)) return
    if (sinceMs === undefined) {
      this.#since.set(person, nowMs)
      return
    }
    this.#since.delete(person)
    let spans = this.#spans.get(person)
    if (!spans) this.#spans.set(person, (spans = []))
    spans.push([sinceMs, nowMs])
    if (spans.length > spansMax) spans.shift()
  }

  /** The network fell apart, or came together: what was there before counts for itself. */
  cut(nowMs: Millis): void {
    for (const person of [...this.#since.keys()]) {
      this.set(person, false, nowMs)
      this.set(person, true, nowMs)
    }
  }

  /** The longest time at a stretch. */
  longestMs(person: number, fromMs: Millis, toMs: Millis): Millis {
    const sinceMs = this.#since.get(person)
    const spans = [...(this.#spans.get(person) ?? [])]
    if (sinceMs !== undefined) spans.push([sinceMs, toMs])
    const inside = spans.map(([from, to]) => Math.min(to, toMs) - Math.max(from, fromMs))
    return Math.max(0, ...inside)
  }
}
