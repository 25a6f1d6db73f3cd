import type { Millis, Place } from '../base/ports.ts'

interface RepairAgendaOptions {
  sweepMs: Millis
  debounceMs: Millis
  standInMs: Millis
  settledMs: Millis
}

type DueRepair =
  /** The table has been quiet for a while: who came and who went? */
  | { readonly type: 'look' }
  /** These came or went a while ago: has the nearest done its part? */
  | { readonly type: 'stand-in'; readonly changed: readonly Place[] }
  /** `all`: after an absence. */
  | { readonly type: 'sweep'; readonly all: boolean }

/** The time, and a number from 0 to 1 that nobody else has drawn. */
export interface Moment {
  readonly nowMs: Millis
  readonly dice: number
}

const standInMax = 1_024
/** Changes that never end are looked at after so many times the usual wait. */
export const waitsMax = 4
/** Of the time at most one part in so many goes into walking through the store because of changes. */
const restTimes = 20
/** But never so long that newcomers count as settled before anybody has looked at what they changed. */
const restWaitsMax = 10

/** When which round of repair is due. Sans-IO: is told the time and what happens. */
export class RepairAgenda {
  readonly #o: RepairAgendaOptions
  #lookAtMs = Number.POSITIVE_INFINITY
  #changedSinceMs: Millis | undefined
  #standInAtMs = Number.POSITIVE_INFINITY
  #standIn: Place[] = []
  #sweepAtMs = Number.POSITIVE_INFINITY
  #all = false
  #restMs: Millis = 0
  #expectedMs = Number.POSITIVE_INFINITY

  constructor(options: RepairAgendaOptions) {
    this.#o = options
  }

  /**
   * The network is joined.
   * @param returned we hold things of a life before.
   * @param sweepAtMs when the next sweep is due anyhow.
   */
  joined({ nowMs, dice }: Moment, returned: boolean, sweepAtMs?: Millis): void {
    this.#all = returned
    this.#sweepAtMs = returned
      ? nowMs + this.#soon(dice)
      : (sweepAtMs ?? nowMs + this.#sweepIn(dice))
  }

  /** The routing table changed. */
  changed({ nowMs, dice }: Moment): void {
    const waitMs = Math.max(this.#o.debounceMs, this.#restMs)
    this.#changedSinceMs ??= nowMs
    const latestMs = this.#changedSinceMs + Math.max(waitsMax * this.#o.debounceMs, this.#restMs)
    this.#lookAtMs = Math.min(nowMs + waitMs * (1 + dice / 2), latestMs)
  }

  /** @param changed where somebody came or went, as far as it concerns us. */
  looked({ nowMs, dice }: Moment, changed: readonly Place[]): void {
    if (changed.length === 0) return
    this.#standIn = [...this.#standIn, ...changed].slice(-standInMax)
    this.#standInAtMs = Math.min(this.#standInAtMs, nowMs + this.#o.standInMs * (1 + dice / 2))
  }

  /** How long a walk through the store took. */
  walked(tookMs: Millis): void {
    this.#restMs = Math.min(restTimes * tookMs, restWaitsMax * this.#o.debounceMs)
  }

  /** @returns what is due now; each thing once. */
  due({ nowMs, dice }: Moment): DueRepair[] {
    const out: DueRepair[] = []
    // Nobody called for so long: the machine slept, and who knows what happened meanwhile. Connections are made again first.
    if (nowMs - this.#expectedMs > this.#o.settledMs) {
      this.#all = true
      this.#sweepAtMs = nowMs + this.#soon(dice)
    }
    if (nowMs >= this.#lookAtMs) {
      this.#lookAtMs = Number.POSITIVE_INFINITY
      this.#changedSinceMs = undefined
      out.push({ type: 'look' })
    }
    if (nowMs >= this.#standInAtMs) {
      out.push({ type: 'stand-in', changed: this.#standIn })
      this.#standInAtMs = Number.POSITIVE_INFINITY
      this.#standIn = []
    }
    if (nowMs >= this.#sweepAtMs) {
      out.push({ type: 'sweep', all: this.#all })
      this.#all = false
      this.#sweepAtMs = nowMs + this.#sweepIn(dice)
    }
    return out
  }

  /** A sweep out of turn. @returns whether it goes after an absence. */
  takeAll(): boolean {
    const all = this.#all
    this.#all = false
    return all
  }

  /** When to call {@link due} again. */
  wakeMs(nowMs: Millis): Millis {
    const nextMs = Math.min(this.#lookAtMs, this.#standInAtMs, this.#sweepAtMs)
    this.#expectedMs = Math.min(Math.max(nextMs, nowMs), nowMs + this.#o.settledMs)
    return this.#expectedMs
  }

  #soon = (dice: number): Millis => this.#o.debounceMs * (1 + dice)
  #sweepIn = (dice: number): Millis => this.#o.sweepMs * (0.8 + 0.4 * dice)
}
