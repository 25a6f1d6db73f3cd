import type { Millis, Random } from '../base/ports.ts'

/** How long to wait after a failure: doubling from `firstMs`, each wait up to a fifth shorter or longer, never above `maxMs`. */
export interface Schedule {
  readonly firstMs: Millis
  readonly maxMs: Millis
}

/** A letter that could not be stored or announced. Source: docs/protocol/letter.md#the-outbox */
export const outboxSchedule: Schedule = { firstMs: 60_000, maxMs: 6 * 3_600_000 }
/** A notified letter that could not be fetched: the sender announces at quorum, so that a short wait often suffices. */
export const fetchSchedule: Schedule = { firstMs: 2_000, maxMs: 3_600_000 }
/** How a stored letter stands: a reader who is there has it in seconds, one who is away in days. */
export const watchSchedule: Schedule = { firstMs: 5_000, maxMs: 12 * 3_600_000 }
/** A letter that was opened, to be released: it lies in the network until then. */
export const releaseSchedule: Schedule = { firstMs: 10_000, maxMs: 6 * 3_600_000 }
/** A stored file, by samples of its chunks: nobody accepts it, so it is asked after until it expires. */
export const chunkWatchSchedule: Schedule = { firstMs: 10 * 60_000, maxMs: 12 * 3_600_000 }
/** A pod that fetches a file ahead, to be asked how far it is. */
export const aheadSchedule: Schedule = { firstMs: 30_000, maxMs: 3_600_000 }
/** The line to an own pod. */
export const reconnectSchedule: Schedule = { firstMs: 1_000, maxMs: 5 * 60_000 }

/**
 * @param failures so far, from 1.
 * @param dice from 0 to 1 (excluded).
 */
export function retryDelayMs({ firstMs, maxMs }: Schedule, failures: number, dice: number): Millis {
  const doubled = firstMs * 2 ** Math.min(failures - 1, 40)
  return Math.round(Math.min(doubled * (0.8 + 0.4 * dice), maxMs))
}

/** From 0 to 1 (excluded), of 32 bits. */
export function throwDice(random: Random): number {
  const bytes = random.bytes(4)
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32
}
