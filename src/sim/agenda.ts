import type { Millis } from '../base/ports.ts'

type Run = () => void

const arity = 4
const capacityFirst = 1_024

/**
 * What is still to happen, by time, then by the order of scheduling: so that one seed gives one history. A 4-ary heap over typed
 * arrays: comparing moves numbers, never objects. What is cancelled stays in the heap until its time comes, without its function.
 */
export class Agenda {
  /** When what {@link pop} gave last was due. */
  atMs: Millis = 0
  #atMs = new Float64Array(capacityFirst)
  /** Counted up for ever: 2^53 events are more than anybody runs. */
  #order = new Float64Array(capacityFirst)
  #slot = new Int32Array(capacityFirst)
  #length = 0
  #next = 0
  /** By slot: what to run, and for the how manieth time the slot is in use. */
  readonly #runs: (Run | undefined)[] = []
  readonly #uses: number[] = []
  readonly #free: number[] = []

  /** Also what was cancelled and is not due yet. */
  get size(): number {
    return this.#length
  }

  /** Its disposal cancels it; too late, it does nothing. */
  push(atMs: Millis, run: Run): Disposable {
    const slot = this.#free.pop() ?? this.#runs.length
    this.#runs[slot] = run
    const use = (this.#uses[slot] = (this.#uses[slot] ?? 0) + 1)
    this.#insert(atMs, slot)
    return new Due(this, slot, use)
  }

  cancel(slot: number, use: number): void {
    if (this.#uses[slot] === use) this.#runs[slot] = undefined
  }

  /** The first that was not cancelled. */
  pop(): Run | undefined {
    while (this.#length > 0) {
      const slot = this.#slot[0]!
      const run = this.#runs[slot]
      this.atMs = this.#atMs[0]!
      this.#removeFirst()
      this.#runs[slot] = undefined
      this.#uses[slot] = this.#uses[slot]! + 1
      this.#free.push(slot)
      if (run) return run
    }
    return undefined
  }

  #insert(atMs: Millis, slot: number): void {
    if (this.#length === this.#atMs.length) this.#grow()
    const order = this.#next++
    const times = this.#atMs
    let at = this.#length++
    while (at > 0) {
      const up = ((at - 1) / arity) | 0
      // Whoever was scheduled before goes first where times are equal.
      if (times[up]! <= atMs) break
      this.#move(up, at)
      at = up
    }
    this.#put(at, atMs, order, slot)
  }

  #removeFirst(): void {
    const last = --this.#length
    if (last === 0) return
    const times = this.#atMs
    const atMs = times[last]!
    const order = this.#order[last]!
    const slot = this.#slot[last]!
    let at = 0
    for (;;) {
      const first = arity * at + 1
      if (first >= last) break
      const end = Math.min(first + arity, last)
      let least = first
      for (let i = first + 1; i < end; i++)
        if (this.#isBefore(i, times[least]!, this.#order[least]!)) least = i
      if (!this.#isBefore(least, atMs, order)) break
      this.#move(least, at)
      at = least
    }
    this.#put(at, atMs, order, slot)
  }

  #isBefore(at: number, otherMs: Millis, order: number): boolean {
    const atMs = this.#atMs[at]!
    return atMs < otherMs || (atMs === otherMs && this.#order[at]! < order)
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#atMs[from]!, this.#order[from]!, this.#slot[from]!)
  }

  #put(at: number, atMs: Millis, order: number, slot: number): void {
    this.#atMs[at] = atMs
    this.#order[at] = order
    this.#slot[at] = slot
  }

  #grow(): void {
    const capacity = 2 * this.#atMs.length
    const wider = <A extends Float64Array | Int32Array>(to: A, from: A): A => {
      to.set(from)
      return to
    }
    this.#atMs = wider(new Float64Array(capacity), this.#atMs)
    this.#order = wider(new Float64Array(capacity), this.#order)
    this.#slot = wider(new Int32Array(capacity), this.#slot)
  }
}

class Due implements Disposable {
  readonly #agenda: Agenda
  readonly #slot: number
  readonly #use: number

  constructor(agenda: Agenda, slot: number, use: number) {
    this.#agenda = agenda
    this.#slot = slot
    this.#use = use
  }

  [Symbol.dispose](): void {
    this.#agenda.cancel(this.#slot, this.#use)
  }
}
