import type { Schedule } from '../base/retry.ts'

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
