import type { Rate } from '../pod/limits.ts'

const perMinute = (count: number): number => 60_000 / count

/** What the door takes of strangers. Chosen by hand; no finding or measurement did. Source: docs/protocol/https.md#limits */
export const httpsLimits = {
  connectionsMax: 2_048,
  /** Of one IPv4 /24 or IPv6 /48. */
  connectionsPerSubnetMax: 128,
  headerBytesMax: 8 * 1024,
  headersMs: 10_000,
  handshakeMs: 10_000,
  /** A whole request, its body included. */
  requestMs: 30_000,
  keepAliveMs: 15_000,
  /** While an answer goes out: nothing read, nothing sent. */
  quietMs: 60_000,
  requestsPerConnectionMax: 1_000,
  bodyBytesMax: 256 * 1024,
  urlCharsMax: 2_048,
  requestsPerSubnet: { burst: 600, everyMs: perMinute(1_200) } satisfies Rate,
  /** Each is parsed and verified: milliseconds, and a hundred of them for the largest that is taken. */
  keysPerSubnet: { burst: 20, everyMs: perMinute(6) } satisfies Rate,
  keysInAll: { burst: 200, everyMs: perMinute(120) } satisfies Rate,
  requestsInAll: { burst: 20_000, everyMs: perMinute(60_000) } satisfies Rate
} as const
