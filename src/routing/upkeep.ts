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
  bucketsAtJoin: 4,
  /** For all of joining. */
  joinTimeoutMs: 15_000 as Millis,
  /** Of this so long at most, twice, until the pings of whom others named are done. */
  settleMs: 5_000 as Millis
} as const

/** How hearsay is pinged. Not chosen by a finding. */
export const pings = {
  /** Those that wait. */
  queueMax: 64,
  /** That are under way. */
  atOnce: 3,
  /** Whom we could not reach is not tried again on hearsay for so long, and of so many at most we remember it. */
  shunMs: (5 * 60_000) as Millis,
  shunnedMax: 512
} as const

/** Peers that were silent and left the table. Not chosen by a finding. */
export const lost = {
  /** Remembered at a time. */
  most: 64,
  /** After which they are pinged; then each wait is twice as long, until one of them is back. */
  firstMs: 60_000 as Millis,
  /** Of those that are due so many in a tick. */
  perTick: 3
} as const

/** How large the network is, a seed measures by lookups of random places, one in a tick, until so many were answered; lookups bring more. */
export const regionsLeast = 5

/** How requests are timed that only read. Not chosen by a finding: from docs/protocol/dht.md */
export const asking = {
  /** Below these nothing is called slow: a busy machine must not ask twice for what is on its way. */
  floorMs: 40 as Millis,
  /** After which a request is given up. */
  timeoutMs: 3_000 as Millis,
  /** The same for a whole operation, of many requests. */
  operationMs: 10_000 as Millis
} as const
