import type { Millis, Random } from './ports.ts'

/** How long to wait after a failure: doubling from `firstMs`, each wait up to a fifth shorter or longer, never above `maxMs`. */
export interface Schedule {
  readonly firstMs: Millis
  readonly maxMs: Millis
}

/**
 * A letter that could not be stored or announced, and a notice that a pod passes on. Source: docs/protocol/letter.md#the-outbox,
 * docs/protocol/federation.md#retrying
 */
export const outboxSchedule: Schedule = { firstMs: 60_000, maxMs: 6 * 3_600_000 }

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
