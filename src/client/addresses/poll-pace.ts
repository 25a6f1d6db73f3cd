import type { Millis } from '../../base/ports.ts'
import type { Schedule } from '../../base/retry.ts'

// When addresses of keys are polled. Reads no clock and throws no dice. Source: docs/protocol/anonymous.md#when-it-asks

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** A pod that does not answer, or a relay. */
export const pollSchedule: Schedule = { firstMs: 5 * minuteMs, maxMs: 6 * hourMs }
/** One that was polled so lately is not polled again because somebody looks. */
export const pollRestMs: Millis = 30_000
/** Letters of senders about whom the person is asked may wait. */
const askedMs: Millis = 24 * hourMs
const burst = 60
const eachMs = minuteMs

/** In the mean after so long without a look of the person, or a letter that they wrote. */
const means: readonly { withinMs: Millis; meanMs: Millis }[] = [
  { withinMs: 10 * minuteMs, meanMs: 2 * minuteMs },
  { withinMs: hourMs, meanMs: 6 * minuteMs },
  { withinMs: Number.POSITIVE_INFINITY, meanMs: 20 * minuteMs }
]

/**
 * How long until an address is polled again: from half of the mean to one and a half.
 * @param sinceMs since the person was there. @param dice from 0 to 1 (excluded).
 */
export function pollDelayMs(sinceMs: Millis, isAsked: boolean, dice: number): Millis {
  const meanMs = isAsked ? askedMs : means.find(({ withinMs }) => sinceMs <= withinMs)!.meanMs
  return Math.round(meanMs * (0.5 + dice))
}

/** Polls follow each other at such a distance: those of one person shall not stand together. */
export const pollGapMs = (dice: number): Millis => Math.round(500 + 3_500 * dice)

/** So many polls at once, and one more each minute, whatever happens. */
export class PollBudget {
  #left: number = burst
  #atMs: Millis | undefined

  /** @returns when one more may go: now, or later. */
  nextMs(nowMs: Millis): Millis {
    // A clock that was set back takes nothing away.
    const sinceMs = Math.max(0, nowMs - (this.#atMs ?? nowMs))
    this.#left = Math.min(burst, this.#left + sinceMs / eachMs)
    this.#atMs = nowMs
    return this.#left >= 1 ? nowMs : nowMs + Math.ceil((1 - this.#left) * eachMs)
  }

  take(nowMs: Millis): void {
    this.nextMs(nowMs)
    this.#left -= 1
  }
}

/** A pod that was away or refused for so long is left. */
const lostMs: Millis = 24 * hourMs

/** How a {@link Trial} stands, where it is failing. */
export interface TrialState {
  readonly failedMs: Millis
  /** Of the last attempt that a relay took there; null: the next one counts from itself. */
  readonly atMs: Millis | null
}

/** For how long a pod has not done its part, by attempts that a relay took there. */
export class Trial {
  #failedMs: Millis | undefined
  #atMs: Millis | undefined

  constructor(state: TrialState | null) {
    this.#failedMs = state?.failedMs
    this.#atMs = state?.atMs ?? undefined
  }

  get state(): TrialState | null {
    if (this.#failedMs === undefined) return null
    return { failedMs: this.#failedMs, atMs: this.#atMs ?? null }
  }

  get isFailing(): boolean {
    return this.#failedMs !== undefined
  }

  get isOver(): boolean {
    return this.#failedMs !== undefined && this.#failedMs >= lostMs
  }

  failed(nowMs: Millis): void {
    const sinceMs = Math.max(0, nowMs - (this.#atMs ?? nowMs))
    // While this machine slept nothing was tried.
    this.#failedMs = (this.#failedMs ?? 0) + Math.min(sinceMs, pollSchedule.maxMs)
    this.#atMs = nowMs
  }

  /** It was not the pod: the time until the next attempt is none in which it failed. */
  unclear(): void {
    this.#atMs = undefined
  }

  worked(): void {
    this.#failedMs = undefined
    this.#atMs = undefined
  }
}
