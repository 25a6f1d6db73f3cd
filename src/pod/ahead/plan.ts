import type { Millis } from '../../base/ports.ts'
import type { AccountId } from '../rows.ts'
import type { Task } from './task.ts'
import { lost, setState, wanted } from './task.ts'

/** How a chunk's turn ended: nobody who should have it does, it can never be had, or it says nothing of the chunk. */
export type Ended = 'here' | 'missing' | 'lost' | 'away'

/** Chunks fetched at a time: of all, of one account. */
const parallelMax = 8
const parallelPerAccount = 4
/** A chunk that nobody has is asked for again, doubling, and given up after about a day. */
const missingFirstMs: Millis = 60_000
const missingMaxMs: Millis = 6 * 3_600_000
const missingMax = 12
/** The network is away, or the disk full: that is no chunk's fault. */
const awayMs: Millis = 30_000
/** An account that has used up its rate is looked at again. */
const rateMs: Millis = 1_000

interface Again {
  readonly task: Task
  readonly chunk: number
  readonly failures: number
  readonly dueMs: Millis
}

/** What is known of one account while something of its is to be fetched. */
interface Lane {
  readonly tasks: Set<Task>
  readonly again: Again[]
  running: number
  notBeforeMs: Millis
}

export interface Turn {
  readonly task: Task
  readonly chunk: number
  readonly failures: number
}

/**
 * Says which chunk is fetched next: each account in its turn, so that one with a large file does not hold up the others. Does nothing
 * itself and reads no clock.
 */
export class Plan {
  readonly #lanes = new Map<AccountId, Lane>()
  /** The next chunk of each task that was never tried. */
  readonly #fresh = new Map<Task, number>()
  readonly #mayFetch: (account: AccountId, nowMs: Millis) => boolean
  #running = 0
  #notBeforeMs = 0

  /** @param mayFetch takes one fetch of what the account, and all accounts, may. */
  constructor(mayFetch: (account: AccountId, nowMs: Millis) => boolean) {
    this.#mayFetch = mayFetch
  }

  /** A new file, or one that a former run left. */
  add(task: Task): void {
    const lane = this.#lanes.get(task.account) ?? {
      ...{ tasks: new Set(), again: [], running: 0, notBeforeMs: 0 }
    }
    lane.tasks.add(task)
    this.#lanes.set(task.account, lane)
    this.#fresh.set(task, 0)
  }

  drop(task: Task): void {
    this.#fresh.delete(task)
    const lane = this.#lanes.get(task.account)
    if (!lane) return
    lane.tasks.delete(task)
    const others = lane.again.filter(one => one.task !== task)
    lane.again.splice(0, lane.again.length, ...others)
    this.#endLane(task.account, lane)
  }

  /** What the disk had was not what it should be. */
  spoiled(task: Task, chunk: number, nowMs: Millis): void {
    setState(task, chunk, wanted)
    this.#lanes.get(task.account)?.again.push({ task, chunk, failures: 0, dueMs: nowMs })
  }

  /** The next chunk; it counts as under way until `ended`. */
  next(nowMs: Millis): Turn | undefined {
    if (this.#running >= parallelMax || nowMs < this.#notBeforeMs) return undefined
    for (const [account, lane] of [...this.#lanes]) {
      if (lane.running >= parallelPerAccount || nowMs < lane.notBeforeMs) continue
      const dueAt = lane.again.findIndex(({ dueMs }) => dueMs <= nowMs)
      const fresh = dueAt < 0 ? this.#freshOf(lane) : undefined
      if (dueAt < 0 && !fresh) continue
      if (!this.#mayFetch(account, nowMs)) {
        lane.notBeforeMs = nowMs + rateMs
        continue
      }
      if (fresh) this.#fresh.set(fresh.task, fresh.chunk + 1)
      const turn = fresh ?? lane.again.splice(dueAt, 1)[0]!
      lane.running += 1
      this.#running += 1
      // Whoever was served goes behind the others.
      this.#lanes.delete(account)
      this.#lanes.set(account, lane)
      return turn
    }
    return undefined
  }

  /** @returns whether the chunk is given up. */
  ended({ task, chunk, failures }: Turn, how: Ended, nowMs: Millis): boolean {
    this.#running -= 1
    const lane = this.#lanes.get(task.account)!
    lane.running -= 1
    if (how === 'away') this.#notBeforeMs = nowMs + awayMs
    const count = failures + Number(how === 'missing')
    const isOver = how === 'lost' || count >= missingMax
    if (!task.dropped && how !== 'here') {
      const delayMs = Math.min(missingMaxMs, missingFirstMs * 2 ** Math.max(0, count - 1))
      const dueMs = nowMs + (how === 'away' ? awayMs : delayMs)
      if (isOver) setState(task, chunk, lost)
      else lane.again.push({ task, chunk, failures: count, dueMs })
    }
    this.#endLane(task.account, lane)
    return isOver
  }

  /** When `next` may have something, while nothing else changes that. */
  nextMs(): Millis | undefined {
    if (this.#running >= parallelMax) return undefined
    let soonest: Millis | undefined
    for (const lane of this.#lanes.values()) {
      if (lane.running >= parallelPerAccount) continue
      let dueMs = this.#freshOf(lane) ? 0 : Number.POSITIVE_INFINITY
      for (const one of lane.again) dueMs = Math.min(dueMs, one.dueMs)
      const at = Math.max(dueMs, lane.notBeforeMs, this.#notBeforeMs)
      if (at < (soonest ?? Number.POSITIVE_INFINITY)) soonest = at
    }
    return soonest
  }

  #freshOf({ tasks }: Lane): Turn | undefined {
    for (const task of tasks) {
      let chunk = this.#fresh.get(task) ?? 0
      while (chunk < task.keys && task.states[chunk] !== wanted) chunk += 1
      this.#fresh.set(task, chunk)
      if (chunk < task.keys) return { task, chunk, failures: 0 }
    }
    return undefined
  }

  #endLane(account: AccountId, { tasks, running }: Lane): void {
    if (tasks.size === 0 && running === 0) this.#lanes.delete(account)
  }
}
