import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'

const hourMs: Millis = 3_600_000
/** Sent at once after a pause, as a part of the hour's bytes. */
const burstShare = 1 / 32
/** The largest payload must fit the burst, and leave something for the hour. */
const leastPerHour = 2 * limits.payloadBytesMax

/** Bytes that may be sent: within no hour more than were given for one, the burst included. Sans-IO. */
export class Budget {
  readonly #burst: number
  readonly #perMs: number
  #left: number
  #atMs: Millis

  /** @param bytesPerHour less than twice the largest payload is taken as that. */
  constructor(bytesPerHour: number, nowMs: Millis) {
    const perHour = Math.max(bytesPerHour, leastPerHour)
    this.#burst = Math.max(perHour * burstShare, limits.payloadBytesMax)
    this.#perMs = (perHour - this.#burst) / hourMs
    this.#left = this.#burst
    this.#atMs = nowMs
  }

  /** Takes `bytes`, at most the largest payload. @returns false when there are not as many. */
  take(bytes: number, nowMs: Millis): boolean {
    this.#fill(nowMs)
    if (this.#left < bytes) return false
    this.#left -= bytes
    return true
  }

  /** What was taken and not sent. */
  giveBack(bytes: number): void {
    this.#left = Math.min(this.#burst, this.#left + bytes)
  }

  /** When there will be as many. */
  whenMs(bytes: number, nowMs: Millis): Millis {
    this.#fill(nowMs)
    return nowMs + Math.max(0, Math.ceil((bytes - this.#left) / this.#perMs))
  }

  #fill(nowMs: Millis): void {
    const gained = Math.max(0, nowMs - this.#atMs) * this.#perMs
    this.#left = Math.min(this.#burst, this.#left + gained)
    this.#atMs = Math.max(this.#atMs, nowMs)
  }
}
