import type { Millis } from '../base/ports.ts'

const minuteMs: Millis = 60_000
const hourMs: Millis = 60 * minuteMs

/**
 * Sweep, quiet, budget and share are reasoned from measured costs in docs/decisions/022-repair.md, with the usual ones held through deaths
 * there and in simulations/third-gone.md. A longer quiet was tried in simulations/repair-bandwidth.md: it sends less, and fewer copies are online. Other
 * sweeps: simulations/durability-sweep.md. No finding compared the rest; three stand as docs/protocol/dht.md says.
 */
export interface RepairParameters {
  /** From one sweep over all that we hold to the next, give or take a fifth. */
  sweepMs: Millis
  /** How long the table must have been quiet before a change in it is acted on; by lot up to half as long again. */
  debounceMs: Millis
  /** After which the next holder looks whether the first one did its part. */
  standInMs: Millis
  /** Who is known for less may not have what belongs to it yet. */
  settledMs: Millis
  /** How long R nearer holders must have had their copies before ours is dropped. */
  graceMs: Millis
  /** What may be sent within an hour: copies, tombstones, questions. */
  bytesPerHour: number
  /** Part of a sweep's keys that is checked although another holder is nearer. */
  share: number
}

export const usualRepair: RepairParameters = {
  sweepMs: 6 * hourMs,
  debounceMs: minuteMs,
  standInMs: 5 * minuteMs,
  settledMs: 30 * minuteMs,
  graceMs: 24 * hourMs,
  bytesPerHour: 512 * 1024 * 1024,
  share: 1 / 4
}
