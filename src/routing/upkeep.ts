import type { Millis } from '../base/ports.ts'

/** How a seed looks after its table. Not chosen by a finding: an hour for a bucket is Kademlia's, the others are ours. */
export const upkeep = {
  tickMs: 60_000 as Millis,
  /** Who has not been heard of for so long is pinged, the longest silent first. */
  silentMs: (10 * 60_000) as Millis,
  pingsPerTick: 3,
  /** A bucket without a lookup for so long is refreshed, one in a tick. */
  staleMs: (60 * 60_000) as Millis,
  /** Buckets filled at once when joining; the others fill as they are used. */
  bucketsAtJoin: 4
} as const

/** How requests are timed that only read. Not chosen by a finding: from docs/protocol/dht.md */
export const asking = {
  /** Below these nothing is called slow: a busy machine must not ask twice for what is on its way. */
  floorMs: 40 as Millis,
  /** After which a request is given up. */
  timeoutMs: 3_000 as Millis,
  /** The same for a whole operation, of many requests. */
  operationMs: 10_000 as Millis
} as const
