import { failureOf } from '../base/failure.ts'
import type { Clock, Failure, Log, Millis, Random } from '../base/ports.ts'
import type { Schedule } from '../base/retry.ts'
import { retryDelayMs, throwDice } from '../base/retry.ts'
import type { Keeper, Pair, PairFacts } from './certificate.ts'
import { factsOf } from './certificate.ts'

interface Parts {
  /** The last one ordered. */
  load(): Promise<Pair | undefined>
  save(pair: Pair): Promise<void>
  /** @throws {MuttrError} `ORDER_FAILED` */
  order(): Promise<Pair>
  use(pair: Pair): void
  /** What it must be for. */
  names: readonly string[]
  clock: Clock
  random: Random
  log: Log
}

/** An authority lets nobody try every minute: Let's Encrypt takes five failures an hour. */
const orderSchedule: Schedule = { firstMs: 15 * 60_000, maxMs: 12 * 3_600_000 }
const lookEveryMs: Millis = 3_600_000

/**
 * A certificate that is ordered, and again when a third of its life is left, up to a twelfth earlier by dice. While an order fails the
 * former one stays in use, and why is in the state. Source: docs/protocol/https.md#certificates
 */
export async function keepOrdered(parts: Parts): Promise<Keeper> {
  const { load, save, order, use, names, clock, random, log } = parts
  let facts: PairFacts | undefined
  let problem: Failure | null = null
  let [failures, over] = [0, false]
  let dice = throwDice(random)
  let timer: Disposable | undefined
  /** Ordered, in use, and not on the disk yet. */
  let unsaved: Pair | undefined

  const take = (pair: Pair): void => {
    const found = factsOf(pair, names)
    use(pair)
    facts = found
    dice = throwDice(random)
  }
  const dueMs = (): Millis => {
    if (!facts?.fits) return 0
    const { fromMs, untilMs } = facts
    return untilMs - (untilMs - fromMs) * (1 / 3 + dice / 12)
  }
  const later = (delayMs: Millis): void => {
    if (!over) timer = clock.after(delayMs, () => void look())
  }
  const look = async (): Promise<void> => {
    if (!unsaved && clock.now() < dueMs()) return later(lookEveryMs)
    try {
      // One that is due all the same has waited too long for the disk.
      if (!unsaved || clock.now() >= dueMs()) {
        const pair = await order()
        if (over) return
        take(pair)
        unsaved = pair
      }
      await save(unsaved)
      unsaved = undefined
      ;[problem, failures] = [null, 0]
      log.info('https.certificate', { until: facts?.untilMs })
      later(lookEveryMs)
    } catch (err) {
      problem = failureOf(err)
      log.warn('https.certificate', { ...problem })
      later(retryDelayMs(orderSchedule, ++failures, throwDice(random)))
    }
  }

  try {
    const kept = await load()
    if (kept) take(kept)
  } catch (err) {
    log.warn('https.certificate', { ...failureOf(err) })
  }
  void look()
  return {
    get state() {
      return { untilMs: facts?.untilMs ?? null, problem }
    },
    async [Symbol.asyncDispose]() {
      over = true
      timer?.[Symbol.dispose]()
      // An order under way may take minutes at the authority; nobody waits for it, and what it gives is not used any more.
    }
  }
}
