import type { Millis } from './ports.ts'
import type { Schedule } from './retry.ts'
import { outboxSchedule, retryDelayMs } from './retry.ts'

/** A thing to be tried until it works or expires. */
export interface Waiting {
  readonly id: string
  readonly expiryMs: Millis
  /** Failures so far; survives a restart. */
  readonly failures: number
  readonly dueMs: Millis
}

export type Action = { type: 'try'; id: string } | { type: 'expire'; id: string }

interface Entry {
  expiryMs: Millis
  failures: number
  dueMs: Millis
  triedMs: Millis
  running: boolean
  /** When it was due before it was woken. */
  scheduledMs?: Millis | undefined
}

export interface OutboxOptions {
  schedule?: Schedule
  /** Attempts under way at once. */
  parallel?: number
  /** A wake-up brings no second attempt within this time after the last. */
  restMs?: Millis
}

/**
 * Says when what waits is tried again. Does nothing itself and reads no clock: tell it what happened, then drain `poll`.
 * Every waiting thing ends in `finished` or in an `expire`; nothing is tried after its expiry, or twice at the same time.
 */
export class Outbox {
  readonly #entries = new Map<string, Entry>()
  readonly #schedule: Schedule
  readonly #parallel: number
  readonly #restMs: Millis
  #running = 0

  constructor({ schedule = outboxSchedule, parallel = 32, restMs = 1_000 }: OutboxOptions = {}) {
    this.#schedule = schedule
    this.#parallel = parallel
    this.#restMs = restMs
  }

  /** Takes in a new thing, or one found after a restart. */
  add({ id, expiryMs, failures, dueMs }: Waiting): void {
    if (this.#entries.has(id)) return
    const triedMs = Number.NEGATIVE_INFINITY
    this.#entries.set(id, { expiryMs, failures, dueMs, triedMs, running: false })
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  get size(): number {
    return this.#entries.size
  }

  get running(): number {
    return this.#running
  }

  failures(id: string): number {
    return this.#entries.get(id)?.failures ?? 0
  }

  /** What to do now, soonest due first; each `try` counts as running until `finished` or `failed`. */
  poll(nowMs: Millis): Action[] {
    const actions: Action[] = []
    const due: [string, Entry][] = []
    for (const [id, entry] of this.#entries) {
      if (entry.running) continue
      if (entry.expiryMs <= nowMs) {
        this.#entries.delete(id)
        actions.push({ type: 'expire', id })
      } else if (entry.dueMs <= nowMs) due.push([id, entry])
    }
    due.sort(([, a], [, b]) => a.dueMs - b.dueMs)
    for (const [id, entry] of due.slice(0, Math.max(0, this.#parallel - this.#running))) {
      entry.running = true
      entry.triedMs = nowMs
      this.#running++
      actions.push({ type: 'try', id })
    }
    return actions
  }

  /** When `poll` has something to say next; undefined while only something else can change that. */
  nextMs(): Millis | undefined {
    let next: Millis | undefined
    const free = this.#running < this.#parallel
    for (const entry of this.#entries.values()) {
      if (entry.running) continue
      const at = free ? Math.min(entry.dueMs, entry.expiryMs) : entry.expiryMs
      if (next === undefined || at < next) next = at
    }
    return next
  }

  finished(id: string): void {
    if (this.#entries.get(id)?.running) this.#running--
    this.#entries.delete(id)
  }

  /** @param dice from 0 to 1 (excluded). @returns when it is tried again, undefined when it is not waiting. */
  failed(id: string, nowMs: Millis, dice: number): Millis | undefined {
    const entry = this.#entries.get(id)
    if (!entry) return undefined
    if (entry.running) this.#running--
    entry.running = false
    const { scheduledMs } = entry
    entry.scheduledMs = undefined
    // An attempt out of turn that fails changes nothing, or a pod that restarts slowly would be left alone for long.
    if (scheduledMs !== undefined && scheduledMs > nowMs) {
      entry.dueMs = scheduledMs
      return scheduledMs
    }
    entry.failures++
    entry.dueMs = nowMs + retryDelayMs(this.#schedule, entry.failures, dice)
    return entry.dueMs
  }

  /** Puts a running attempt off without calling it a failure. */
  later(id: string, dueMs: Millis): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    if (entry.running) this.#running--
    entry.running = false
    entry.dueMs = dueMs
  }

  /** What one waited for is there: it is due at once. */
  due(id: string, nowMs: Millis): void {
    const entry = this.#entries.get(id)
    if (entry && !entry.running) entry.dueMs = Math.min(entry.dueMs, nowMs)
  }

  /** Makes what waits due at once: the network is back, a pod is connected, a key was accepted. */
  wake(nowMs: Millis, which: (id: string) => boolean = () => true): void {
    for (const [id, entry] of this.#entries) {
      if (entry.running || !which(id)) continue
      const aheadMs = entry.triedMs - nowMs
      if (aheadMs > 0) {
        // The clock was set back: what it said before counts no more.
        entry.triedMs = nowMs
        entry.dueMs = Math.max(nowMs, entry.dueMs - aheadMs)
        entry.scheduledMs = undefined
      }
      const soonMs = Math.max(nowMs, entry.triedMs + this.#restMs)
      if (soonMs >= entry.dueMs) continue
      entry.scheduledMs ??= entry.dueMs
      entry.dueMs = soonMs
    }
  }
}
