import type { Millis } from '../base/ports.ts'

const secondMs = 1_000
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const MiB = 1024 * 1024

/** So many at once, and one more each `everyMs`. */
export interface Rate {
  readonly burst: number
  readonly everyMs: Millis
}

/** Every bound of one pod. An operator may set others. Source: docs/protocol/pod.md */
export interface PodLimits {
  readonly accountsMax: number
  readonly aliasesMax: number
  readonly aliasesPerAccountMax: number
  readonly devicesPerAccountMax: number
  /** Addresses that an account made. */
  readonly addressesPerAccountMax: number
  readonly invitesMax: number
  /** Applications that wait or were decided lately. */
  readonly applicationsMax: number
  readonly reportsMax: number
  /** Entries of what operators did; the oldest go first. */
  readonly auditMax: number
  readonly noticesMax: number
  readonly noticeBytesMax: number
  readonly noticesPerAccountMax: number
  readonly noticeBytesPerAccountMax: number
  /** Addresses of keys that no account has: paid for by people of one pod, and in all. */
  readonly keyAddressesPerPodMax: number
  readonly keyAddressesMax: number
  /** What waits at one of them, at those that people of one pod paid for, and at all. */
  readonly noticesPerKeyMax: number
  readonly noticesOfKeysPerPodMax: number
  readonly noticesOfKeysMax: number
  /** Notices to be passed on to other pods: of one account, for one pod, in all. */
  readonly queuePerAccountMax: number
  readonly queuePerPodMax: number
  readonly queueMax: number
  /** Notices passed on of which the sender has not taken the receipt yet. */
  readonly queueDonePerAccountMax: number
  /** Other pods that are remembered. */
  readonly peersMax: number
  readonly sessionsMax: number
  /** Besides, over WebSockets, which cost less. */
  readonly thinSessionsMax: number
  readonly sessionsPerPeerMax: number
  /** Per peer, identified or not. */
  readonly lookupsPerPeer: Rate
  readonly noticesPerPeer: Rate
  readonly identifiesPerPeer: Rate
  /** Whatever is not counted elsewhere: hello, playback, acknowledge, ping. */
  readonly requestsPerPeer: Rate
  /** Per IPv4 /24 or IPv6 /48. */
  readonly lookupsPerSubnet: Rate
  readonly noticesPerSubnet: Rate
  readonly identifiesPerSubnet: Rate
  readonly requestsPerSubnet: Rate
  /** For one address, of one subnet (or of one peer, where subnets do not count): a fifth of a mailbox, and more only slowly. */
  readonly noticesPerAddress: Rate
  /** Of another pod that has said which one it is: instead of what counts for a peer and its network. */
  readonly noticesPerPod: Rate
  /** Blind requests that are passed on for an account, and for all; that come from one relay, and from all. */
  readonly blindPerAccount: Rate
  readonly blindInAll: Rate
  readonly blindPerRelay: Rate
  readonly blindOfRelaysInAll: Rate
  /** Blobs that are fetched for those who ask through one relay, and through all. */
  readonly blindGetsPerRelay: Rate
  readonly blindGetsInAll: Rate
  /** Tokens for an account in a day, and requests for them of all accounts. */
  readonly tokensPerAccountPerDayMax: number
  readonly tokenRequestsInAll: Rate
  /** Tokens that one relay, and all, have checked; and that are remembered as spent, in all and of one pod. */
  readonly tokensPerRelay: Rate
  readonly tokensInAll: Rate
  readonly tokensKeptMax: number
  readonly tokensKeptPerPodMax: number
  /** Addresses of keys that are made or renewed by tokens of one pod. */
  readonly keyAddressesPerPod: Rate
  /** At a time: passed on for an account, for all; blobs fetched for one relay, for all. */
  readonly blindAtOncePerAccountMax: number
  readonly blindAtOnceMax: number
  readonly blindGetsAtOncePerRelayMax: number
  readonly blindGetsAtOnceMax: number
  /** Per account, over all its sessions. */
  readonly lookupsPerAccount: Rate
  readonly noticesPerAccount: Rate
  readonly registrationsPerAccount: Rate
  /** Requests about its addresses. */
  readonly addressesPerAccount: Rate
  readonly reportsPerSubnet: Rate
  /** Datagrams, whose senders nobody knows: those that are opened, by the network that they seem to come from, and in all; for one address. */
  readonly datagramsPerSubnet: Rate
  readonly datagramsInAll: Rate
  readonly datagramsPerAddress: Rate
  /** Of all peers together: peer ids are free, so this is what bounds harm. */
  readonly noticesInAll: Rate
  readonly lookupsInAll: Rate
  readonly registrationsInAll: Rate
  readonly identifiesInAll: Rate
  readonly reportsInAll: Rate
}

export const podLimits: PodLimits = {
  accountsMax: 10_000,
  aliasesMax: 20_000,
  aliasesPerAccountMax: 8,
  devicesPerAccountMax: 8,
  addressesPerAccountMax: 4_000,
  invitesMax: 10_000,
  applicationsMax: 500,
  reportsMax: 500,
  auditMax: 50_000,
  noticesMax: 1_000_000,
  noticeBytesMax: 1_024 * MiB,
  noticesPerAccountMax: 20_000,
  noticeBytesPerAccountMax: 24 * MiB,
  keyAddressesPerPodMax: 5_000,
  keyAddressesMax: 50_000,
  noticesPerKeyMax: 256,
  noticesOfKeysPerPodMax: 20_000,
  noticesOfKeysMax: 200_000,
  queuePerAccountMax: 2_000,
  queuePerPodMax: 20_000,
  queueMax: 100_000,
  queueDonePerAccountMax: 4_000,
  peersMax: 10_000,
  sessionsMax: 8_192,
  thinSessionsMax: 32_768,
  sessionsPerPeerMax: 4,
  lookupsPerPeer: { burst: 200, everyMs: secondMs / 5 },
  noticesPerPeer: { burst: 2_000, everyMs: secondMs / 20 },
  identifiesPerPeer: { burst: 20, everyMs: 10 * secondMs },
  requestsPerPeer: { burst: 10_000, everyMs: secondMs / 500 },
  lookupsPerSubnet: { burst: 1_000, everyMs: secondMs / 20 },
  noticesPerSubnet: { burst: 4_000, everyMs: secondMs / 40 },
  identifiesPerSubnet: { burst: 200, everyMs: secondMs },
  requestsPerSubnet: { burst: 40_000, everyMs: secondMs / 2_000 },
  noticesPerAddress: { burst: 4_000, everyMs: 20 * secondMs },
  noticesPerPod: { burst: 5_000, everyMs: secondMs / 250 },
  blindPerAccount: { burst: 400, everyMs: secondMs / 4 },
  blindInAll: { burst: 40_000, everyMs: secondMs / 1_000 },
  blindPerRelay: { burst: 10_000, everyMs: secondMs / 200 },
  blindOfRelaysInAll: { burst: 40_000, everyMs: secondMs / 1_000 },
  blindGetsPerRelay: { burst: 1_000, everyMs: secondMs / 10 },
  blindGetsInAll: { burst: 4_000, everyMs: secondMs / 40 },
  tokensPerAccountPerDayMax: 512,
  tokenRequestsInAll: { burst: 200, everyMs: secondMs / 5 },
  tokensPerRelay: { burst: 5_000, everyMs: secondMs / 100 },
  tokensInAll: { burst: 20_000, everyMs: secondMs / 500 },
  tokensKeptMax: 1_000_000,
  tokensKeptPerPodMax: 50_000,
  keyAddressesPerPod: { burst: 500, everyMs: 5 * secondMs },
  blindAtOncePerAccountMax: 16,
  blindAtOnceMax: 512,
  blindGetsAtOncePerRelayMax: 16,
  blindGetsAtOnceMax: 64,
  lookupsPerAccount: { burst: 400, everyMs: secondMs / 5 },
  noticesPerAccount: { burst: 4_000, everyMs: secondMs / 20 },
  reportsPerSubnet: { burst: 10, everyMs: 10 * 60 * secondMs },
  registrationsPerAccount: { burst: 20, everyMs: 10 * 60 * secondMs },
  addressesPerAccount: { burst: 400, everyMs: 10 * secondMs },
  datagramsPerSubnet: { burst: 64, everyMs: secondMs / 8 },
  datagramsInAll: { burst: 1_000, everyMs: secondMs / 250 },
  datagramsPerAddress: { burst: 64, everyMs: 30 * secondMs },
  noticesInAll: { burst: 20_000, everyMs: secondMs / 1_000 },
  lookupsInAll: { burst: 10_000, everyMs: secondMs / 500 },
  registrationsInAll: { burst: 1_000, everyMs: secondMs },
  identifiesInAll: { burst: 5_000, everyMs: secondMs / 100 },
  reportsInAll: { burst: 200, everyMs: 60 * secondMs }
}

/** Bounds of what a pod fetches ahead for its people. Source: docs/protocol/ahead.md#limits */
export interface AheadLimits {
  /** Of one account, and of all: each chunk counts as 256 KiB from the moment that it is asked for. 0 fetches nothing. */
  readonly accountBytes: number
  readonly bytes: number
  readonly filesPerAccountMax: number
  /** An account may have its bytes fetched at once, then one chunk each so often. */
  readonly fetchEveryMs: Millis
  /** Of all accounts together: accounts may cost nothing. */
  readonly fetchesInAll: Rate
}

export const aheadLimits: AheadLimits = {
  accountBytes: 512 * MiB,
  bytes: 4_096 * MiB,
  filesPerAccountMax: 32,
  fetchEveryMs: secondMs,
  fetchesInAll: { burst: 2_048, everyMs: secondMs / 32 }
}

/** Times that belong to the protocol, not to an operator's taste. */
export const podTimes = {
  certificationLifeMs: 365 * dayMs,
  /** A certification with less left is renewed when its owner identifies. */
  certificationRenewMs: 60 * dayMs,
  quarantineMs: 365 * dayMs,
  /** A letter to an alias that was left: sealed with an answer of its last day, and announced on its own last. */
  moveTransitMs: 108 * dayMs,
  /** An intro address is published for one epoch, and accepted for so long after it. */
  epochMs: 30 * dayMs,
  introAcceptedMs: 100 * dayMs,
  /** An address that its owner made, and does not name again, ends after so long. */
  addressLifeMs: 400 * dayMs,
  /** The same of one that a key has, which nobody misses when its holder forgot it. */
  keyAddressLifeMs: 60 * dayMs,
  answerLifeMs: 7 * dayMs,
  nonceLifeMs: 60 * secondMs,
  pushTimeoutMs: 20 * secondMs,
  /** A notice that another process of the pod was given, and has not passed on for so long, any of them does. */
  adoptMs: 20 * 60 * secondMs,
  /** A link to another pod over which nothing goes is closed. */
  peerIdleMs: 5 * 60 * secondMs,
  sweepEveryMs: 10 * 60 * secondMs,
  /** A process that takes leave closes its sessions over so long at most, and waits for what is under way so long after that. */
  drainMsMax: 15 * secondMs,
  drainGraceMs: 10 * secondMs,
  /** Who asks for an alias waits so long for an operator; what was decided is kept so long. */
  applicationWaitsMs: 14 * dayMs,
  applicationDecidedMs: 30 * dayMs,
  /** A report, closed or not. */
  reportKeptMs: 90 * dayMs,
  /** An invite, or whatever else an operator says ends by itself. */
  termMsMax: 10 * 366 * dayMs,
  /** A device not seen for so long gives way to a new one where there are too many. */
  deviceAwayMs: 30 * dayMs,
  /** So long a device that has not heard of a new key may still listen under the old one. */
  behindMs: 100 * dayMs,
  /** An account without aliases and notices is forgotten. */
  accountIdleMs: 150 * dayMs
} as const
