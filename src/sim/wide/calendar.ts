import type { Millis } from '../../base/ports.ts'

const none = -1
/** In place of a timer's predecessor: it is not set, or it is among those that are due. */
const unset = -2
const dueNow = -3
/** So many are sorted as they come. */
const fewMax = 32

/**
 * What is to happen when, for timers that are numbers: a calendar queue (Brown, CACM 1988) over typed arrays, 16 bytes a timer. Each timer
 * is set for one time at most. Timers come out by time, of equal ones the lower number first, whatever the width of a day.
 */
export class Calendar {
  /** When what {@link pop} gave last was due. */
  nowMs: Millis = 0
  readonly #dayMs: Millis
  readonly #mask: number
  /** By day of the year: the first timer of a list. */
  readonly #heads: Int32Array
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #atMs: Float64Array
  #count = 0
  #day = 0
  /** The timers of today, in order; those before {@link #read} are done, and one that was put off is {@link none}. */
  #today = new Int32Array(64)
  #read = 0
  #written = 0

  /** @param dayMs best so that a few timers fall into one day. @param days of a year, a power of two. */
  constructor({ timers, dayMs, days = 2 ** 16 }: { timers: number; dayMs: Millis; days?: number }) {
    this.#dayMs = dayMs
    this.#mask = days - 1
    this.#heads = new Int32Array(days).fill(none)
    this.#next = new Int32Array(timers)
    this.#previous = new Int32Array(timers).fill(unset)
    this.#atMs = new Float64Array(timers)
  }

  static bytesOf = (timers: number): number => 16 * timers

  get size(): number {
    return this.#count
  }

  /** Also puts off a timer that is set. Infinity is never; what is past is now. */
  set(timer: number, atMs: Millis): void {
    this.clear(timer)
    if (atMs === Number.POSITIVE_INFINITY) return
    const at = Math.max(atMs, this.nowMs)
    this.#atMs[timer] = at
    this.#count += 1
    const day = Math.floor(at / this.#dayMs)
    if (day <= this.#day && this.#written > 0) {
      this.#insertToday(timer)
      return
    }
    // Nothing was due up to a later day, to which it has turned already.
    this.#day = Math.min(this.#day, day)
    this.#link(timer, day)
  }

  clear(timer: number): void {
    const previous = this.#previous[timer]!
    if (previous === unset) return
    this.#count -= 1
    this.#previous[timer] = unset
    if (previous === dueNow) {
      let at = this.#read
      while (this.#today[at] !== timer) at++
      this.#today[at] = none
      return
    }
    const next = this.#next[timer]!
    if (next !== none) this.#previous[next] = previous
    if (previous !== none) this.#next[previous] = next
    else this.#heads[Math.floor(this.#atMs[timer]! / this.#dayMs) & this.#mask] = next
  }

  /** @returns the next timer, which is unset then, or -1 when nothing is left or the next is later than `untilMs`. */
  pop(untilMs: Millis): number {
    for (;;) {
      while (this.#read < this.#written) {
        const timer = this.#today[this.#read]!
        if (timer === none) {
          this.#read += 1
          continue
        }
        if (this.#atMs[timer]! > untilMs) return none
        this.#read += 1
        this.#previous[timer] = unset
        this.#count -= 1
        this.nowMs = this.#atMs[timer]!
        return timer
      }
      if (this.#written > 0) {
        this.#written = 0
        this.#read = 0
        this.#day += 1
      }
      if (this.#count === 0 || !this.#turnTo(untilMs)) return none
    }
  }

  /** Goes on to the next day with timers. @returns false when that is after `untilMs`. */
  #turnTo(untilMs: Millis): boolean {
    const last = Math.floor(untilMs / this.#dayMs)
    const yearEnd = this.#day + this.#mask
    for (; this.#day <= last; this.#day++) {
      if (this.#day > yearEnd) this.#day = Math.min(last, this.#firstDay())
      if (this.#heads[this.#day & this.#mask] !== none && this.#collect()) return true
      if (this.#day === last) return false
    }
    return false
  }

  /** A year without any: rare, so all are looked through. */
  #firstDay(): number {
    let least = Number.POSITIVE_INFINITY
    for (let timer = 0; timer < this.#previous.length; timer++)
      if (this.#previous[timer] !== unset) least = Math.min(least, this.#atMs[timer]!)
    return Math.max(this.#day, Math.floor(least / this.#dayMs))
  }

  #collect(): boolean {
    const head = this.#day & this.#mask
    for (let timer = this.#heads[head]!; timer !== none; ) {
      const next = this.#next[timer]!
      if (Math.floor(this.#atMs[timer]! / this.#dayMs) === this.#day) {
        this.#unlink(timer, head)
        if (this.#written < fewMax) this.#insertToday(timer)
        else this.#push(timer)
      }
      timer = next
    }
    if (this.#written > fewMax) {
      const order = (a: number, b: number) => this.#atMs[a]! - this.#atMs[b]! || a - b
      this.#today.subarray(0, this.#written).sort(order)
    }
    return this.#written > 0
  }

  #push(timer: number): void {
    if (this.#written === this.#today.length) {
      const wider = new Int32Array(2 * this.#written)
      wider.set(this.#today)
      this.#today = wider
    }
    this.#today[this.#written++] = timer
    this.#previous[timer] = dueNow
  }

  #insertToday(timer: number): void {
    this.#push(timer)
    const atMs = this.#atMs[timer]!
    let at = this.#written - 1
    while (at > this.#read && !this.#isBefore(this.#today[at - 1]!, timer, atMs)) {
      this.#today[at] = this.#today[at - 1]!
      at -= 1
    }
    this.#today[at] = timer
  }

  /** Of what was put off nobody knows the time any more; it may stand anywhere. */
  #isBefore(other: number, timer: number, atMs: Millis): boolean {
    if (other === none) return false
    const otherMs = this.#atMs[other]!
    return otherMs < atMs || (otherMs === atMs && other < timer)
  }

  #link(timer: number, day: number): void {
    const head = day & this.#mask
    const first = this.#heads[head]!
    this.#next[timer] = first
    this.#previous[timer] = none
    if (first !== none) this.#previous[first] = timer
    this.#heads[head] = timer
  }

  #unlink(timer: number, head: number): void {
    const [next, previous] = [this.#next[timer]!, this.#previous[timer]!]
    if (next !== none) this.#previous[next] = previous
    if (previous !== none) this.#next[previous] = next
    else this.#heads[head] = next
  }
}
