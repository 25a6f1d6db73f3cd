import { limits } from '../base/limits.ts'
import type { Millis, PeerId } from '../base/ports.ts'
import { array, bytes, encodeCbor, literal, oneOf, text, tuple, uint } from './cbor.ts'
import type { Codec } from './codec.ts'
import { codec } from './codec.ts'
import type { Policy } from './pod.ts'
import { policies } from './pod.ts'

// What pods that are friends tell each other of themselves and of others. Source: docs/protocol/gossip.md

/** A summary with its signature is at most so long. */
const summaryBytesMax = 1_024
/** In one exchange: friends that are asked about, summaries that are told. */
export const gossipKnownMax = 256
export const gossipSummariesMax = 32

const capabilityCharsMax = 16
const capabilitiesMax = 16
const versionCharsMax = 32
const whereMax = 4

const hostname = text(limits.hostnameCharsMax, 1)

/** Of another pod or of our own: what it says of itself at a moment. */
export interface PodSummary {
  readonly hostname: string
  /** SHA-256 of the primary key packet of its certificate. 32 bytes. */
  readonly pin: Uint8Array
  /** When it was said; later than whatever was said before. */
  readonly atMs: Millis
  /** It is there, or is about to be away. */
  readonly state: 'here' | 'leaving'
  /** Of the program. */
  readonly version: string
  readonly policy: Policy
  readonly federation: 'open' | 'list' | 'closed'
  /** From 0, idle, to 3, full. */
  readonly load: number
  /** What it does, as in `thin`; those of other versions may have other names. */
  readonly capabilities: readonly string[]
  /** Multiaddrs without `/p2p/`. */
  readonly where: readonly string[]
}

export const podSummary: Codec<PodSummary> = codec(
  'a summary of a pod',
  summaryBytesMax,
  tuple(
    literal(1),
    hostname,
    bytes(32),
    uint(),
    oneOf<PodSummary['state']>('here', 'leaving'),
    text(versionCharsMax, 1),
    oneOf(...policies),
    oneOf<PodSummary['federation']>('open', 'list', 'closed'),
    uint(3),
    array(text(capabilityCharsMax, 1), capabilitiesMax),
    array(text(limits.addressCharsMax, 1), whereMax)
  ),
  ([, host, pin, atMs, state, version, policy, federation, load, capabilities, where]) => ({
    ...{ hostname: host, pin, atMs, state, version, policy, federation, load, capabilities, where }
  }),
  s => [
    ...[1, s.hostname, s.pin, s.atMs, s.state, s.version, s.policy, s.federation, s.load],
    ...[s.capabilities, s.where.slice(0, whereMax)]
  ]
)

export interface SignedSummary {
  /** A {@link podSummary}, as signed. */
  readonly summary: Uint8Array
  /** One of the peers in the pod's record. */
  readonly peer: PeerId
  /** Its key over {@link summaryBytes}. 64 bytes. */
  readonly signature: Uint8Array
}

export const signedSummary: Codec<SignedSummary> = codec(
  'a signed summary',
  summaryBytesMax,
  tuple(bytes(1, summaryBytesMax), text(limits.peerIdCharsMax, 1), bytes(64)),
  ([summary, peer, signature]) => ({ summary, peer, signature }),
  s => [s.summary, s.peer, s.signature]
)

/** What a peer key signs of a summary. */
export const summaryBytes = (summary: Uint8Array): Uint8Array =>
  encodeCbor(['muttr summary 1', summary])

const summaries = array(bytes(1, summaryBytesMax), gossipSummariesMax)
const summariesBytesMax = gossipSummariesMax * (summaryBytesMax + 4) + 8

/** What one tells the other, and what is answered. */
export interface Gossip {
  /** {@link signedSummary} each: one's own first, then what the other asks about and does not know yet. */
  readonly summaries: readonly Uint8Array[]
  /** One's friends, and the time of what was heard of each; 0 for nothing. */
  readonly known: readonly { readonly hostname: string; readonly atMs: Millis }[]
}

export const gossip: Codec<Gossip> = codec(
  'gossip',
  summariesBytesMax + gossipKnownMax * (limits.hostnameCharsMax + 16) + 8,
  tuple(summaries, array(tuple(hostname, uint()), gossipKnownMax)),
  ([told, known]) => ({
    summaries: told,
    known: known.map(([host, atMs]) => ({ hostname: host, atMs }))
  }),
  g => [g.summaries, g.known.map(one => [one.hostname, one.atMs])]
)
