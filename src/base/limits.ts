const KiB = 1024
const hourMs = 3_600_000
const dayMs = 24 * hourMs

/**
 * Every bound a stranger meets, in one place. Sizes in bytes, times in milliseconds. Source: docs/protocol/limits.md
 *
 * None is chosen by a finding yet. By measurements: stamps and prices (docs/decisions/023-stamps.md, docs/decisions/024-admission.md; what they keep
 * out: simulations/stamp-price.md), requests of a region (docs/decisions/025-hostile-lookups.md). The others are what formats need, or far above what anybody honest uses.
 */
export const limits = {
  /** A sealed blob; the largest class a letter is padded to. */
  blobBytesMax: 256 * KiB,
  /** The encoded blob header is about 110 bytes; room for one optional field. */
  blobHeaderBytesMax: 256,
  blobLifeMsDefault: 30 * dayMs,
  blobLifeMsMax: 100 * dayMs,
  /** Expiries are whole hours, so that a header does not tell when it was made. */
  expiryStepMs: hourMs,
  clockSkewMs: 5 * 60_000,
  /** A letter's sealed size is exactly one of these. */
  sealedSizes: [1 * KiB, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB] as const,
  stampBytesMax: 64,
  /** The least work of a stamp, in expected hashes: about what handling a put costs who takes it. */
  stampHashesMin: 1_000,
  /** So long after its hour began a stamp counts as made for this put; then only as shown again, by repair. */
  stampFreshMs: 2 * hourMs + 5 * 60_000,
  /** Expected hashes that one put spends at a pressed seed's word, unless its caller says how much: some ten seconds of one core. */
  stampHashesDefaultMax: 30_000_000,
  tombstoneBytesMax: 2 * KiB,
  receiptBytesMax: KiB,
  /** What a tombstone of a blob never seen here counts as: no put paid for its place. */
  strangeTombstoneBytes: 16 * KiB,
  /** All evidence of one sent letter in one file: two certificates and what was signed. */
  proofBytesMax: 192 * KiB,
  /** Two answers of a directory that contradict each other, and the pod's certificate. */
  splitViewBytesMax: 200 * KiB,
  recordBytesMax: 4 * KiB,
  letterBodyBytesMax: 48 * KiB,
  letterSubjectBytesMax: 998,
  letterRecipientsMax: 64,
  letterAttachmentsMax: 64,
  /** The description of one attachment. */
  letterManifestBytesMax: 4 * KiB,
  mimeTypeBytesMax: 255,
  /** One attached file: 1 TiB. */
  attachmentBytesMax: KiB ** 4,
  attachmentNameBytesMax: 255,
  /** Keys of chunks that stand in the letter itself; more stand in chunks of their own. */
  attachmentRootsMax: 8,
  /** Chunks of the largest file, without those of keys: what a pod is asked to fetch ahead at most. */
  aheadChunksMax: 4_194_753,
  /** Keys of them in one request. */
  aheadKeysPageMax: 1_024,
  /** A sealed notice is exactly so long, on a stream as in a datagram. */
  noticeBytesMax: 1_200,
  /** A slip is sealed to exactly this size: RSA keys of 3,072 bits on both sides fit, as GnuPG made them for years. */
  slipBytes: 1_064,
  aliasCharsMax: 64,
  /** `name@hostname` */
  fullAliasCharsMax: 64 + 1 + 253,
  hostnameCharsMax: 253,
  certificateBytesMax: 64 * KiB,
  /** A flooded certificate is refused before anything in it is verified. */
  certificateUserIdsMax: 32,
  certificateSubkeysMax: 32,
  certificateSignaturesMax: 256,
  /** A detached OpenPGP signature: one of RSA 8192 with its subpackets fits. */
  signatureBytesMax: 2 * KiB,
  /** What sealed bytes may ask of us before they are decrypted. OCB and EAX run in plain JavaScript. */
  sealedRecipientsMax: 4,
  sealedSlowModeBytesMax: 64 * KiB,
  decompressedBytesMax: KiB * KiB,
  deviceLifeMsMax: 90 * dayMs,
  deviceStatementBytesMax: 3 * KiB,
  /** A hostname, two keys by name, a time. */
  successionBytesMax: 512,
  /** The same with the signatures of both keys. */
  signedSuccessionBytesMax: 5 * KiB,
  /** A key by name, two aliases, a pod with its addresses, a number, a time. */
  moveBytesMax: 1_536,
  /** The same with the key's signature. */
  signedMoveBytesMax: 4 * KiB,
  moveAddressesMax: 4,
  /** In a person's record; and how many moves after one another a correspondent follows. */
  recordMovesMax: 4,
  movesMax: 8,
  /** So many keys may have come before one: what a pod keeps of an account, and how far a correspondent follows after long absence. */
  successionsMax: 8,
  /** Unlocked secret keys with their certificates: the person's own and those that came before; and what locks them. */
  vaultBytesMax: 520 * KiB,
  /** One request or answer on a channel: a blob and its header, or a page of a mailbox. */
  payloadBytesMax: 320 * KiB,
  contactAddressesMax: 8,
  /** Of these, how many are tried of a peer that others named: who names it decides whom we knock at. */
  hearsayAddressesMax: 4,
  addressCharsMax: 160,
  peerIdCharsMax: 64,
  /** k of Kademlia: contacts in one answer, and in one bucket. */
  contactsMax: 20,
  haveKeysMax: 64,
  /** A challenged `have` makes the holder read and hash every byte it vouches for. */
  haveChallengedKeysMax: 8,
  findNodeBytesMax: 32 * KiB,
  recordKindBytesMax: 32,
  recordAuthorBytesMax: 3 * KiB,
  recordSignatureBytesMax: 2 * KiB,
  /** In a person's record: pods, and aliases at each. */
  personPodsMax: 8,
  personNamesMax: 8,
  /** A record is forgotten so long after it was last put; its author puts it again before. */
  recordLifeMs: 30 * dayMs,
  /** Peers of one IPv4 /24 or IPv6 /48 in one bucket, and in the whole routing table. Loopback and private ranges are free. */
  subnetPeersPerBucketMax: 2,
  subnetPeersMax: 10,
  /** Live peers kept behind each bucket, to replace those that leave it. */
  sparesPerBucketMax: 64,
  /** Requests one lookup, get or put may send, whatever it is answered. */
  lookupRequestsMax: 100,
  putRequestsMax: 40,
  /** Beyond that, where a place looks crowded: to find who lives around it, and again to ask them. */
  regionRequestsMax: 48,
  /** What a seed does for one peer before it refuses with LIMIT_EXCEEDED: a burst, and what is given back per second. */
  peerRequestsBurst: 4_000,
  peerRequestsPerSecond: 2_000,
  peerPutBytesBurst: 16 * KiB * KiB,
  peerPutBytesPerSecond: 4 * KiB * KiB,
  /** The same for all peers together: peer ids cost nothing, so no limit may depend on their number. */
  allPutBytesBurst: 128 * KiB * KiB,
  allPutBytesPerSecond: 32 * KiB * KiB,
  /** For all peers of one IPv4 /24 or IPv6 /48: twice what one peer has. */
  subnetRequestsBurst: 8_000,
  subnetRequestsPerSecond: 4_000,
  subnetPutBytesBurst: 32 * KiB * KiB,
  subnetPutBytesPerSecond: 8 * KiB * KiB,
  peersMeteredMax: 4_096,
  subnetsMeteredMax: 4_096,
  /** The most that a pressed seed may ask for a fresh put, as a multiple of a stamp's floor price. */
  priceFactorMax: 1_000,
  /** A price that was named stands for so long, for as many keys. */
  priceStandsMs: 10 * 60_000,
  pricesStandingMax: 4_096,
  /** Of a key's holders, how many may be of one subnet as long as there are others. */
  subnetHoldersMax: 2,
  /** The lowest cap on bandwidth that can be set, in bytes a second: below it a letter of the largest size takes longer than others wait for it. */
  bandwidthMin: 64 * KiB,
  /** Requests a seed forwards for one peer, and for all, at a time. */
  forwardsPerPeerMax: 32,
  forwardsMax: 256,
  /** What a pod passes on for one of its people, and for all of them: at a time, then a burst and what is given back per second. */
  viaPerUserMax: 64,
  viaMax: 512,
  viaRequestsBurst: 1_000,
  viaRequestsPerSecond: 20,
  viaBytesBurst: 64 * KiB * KiB,
  viaBytesPerSecond: 256 * KiB,
  viaDialsBurst: 200,
  viaDialsPerSecond: 4,
  allViaBytesBurst: 256 * KiB * KiB,
  allViaBytesPerSecond: 8 * KiB * KiB,
  allViaDialsBurst: 1_000,
  allViaDialsPerSecond: 50,
  /** Connections a seed tells of. */
  linksMax: 512,
  /** Ports that one request to be dialled back may name; such requests of one host in a minute, and of all. */
  dialBackPortsMax: 2,
  dialBacksPerHostPerMinute: 6,
  dialBacksPerMinute: 120,
  /** Changes of its standing that a peer may tell at once; one more each 30 s. */
  standingsBurst: 8,
  /** What a relay carries for peers that cannot be dialled: reservations, of one host, and how long one lasts. */
  relayReservationsMax: 256,
  relayReservationsPerHostMax: 16,
  relayReservationMs: hourMs,
  /** Relayed connections at a time, to one peer, and dialled from one host; each of them so much and so long. */
  relayConnectionsMax: 64,
  relayConnectionsPerPeerMax: 8,
  relayConnectionsPerHostMax: 8,
  relayDataBytesMax: 64 * KiB * KiB,
  relayDurationMs: 2 * hourMs,
  /** Bytes a second, both ways: all relayed connections, and those of one reservation. */
  relayBytesPerSecond: 8 * KiB * KiB,
  relayBytesPerSecondOfPeer: 2 * KiB * KiB,
  /** A request or answer up to this size is one frame on the control lane; a larger one is cut into chunks on the bulk lane. */
  smallPayloadBytesMax: 8 * KiB,
  chunkBytesMax: 16 * KiB,
  /** One frame of a channel, without its two bytes of length: a chunk, or a small payload and a method's name. */
  frameBytesMax: 16 * KiB + 64,
  /** What a channel grants at least: a peer may begin so much before it has read our greeting. One payload must fit. */
  channelWindowBytesMin: 320 * KiB,
  channelWindowBytesMax: 16 * KiB * KiB,
  channelInFlightMin: 16,
  channelInFlightMax: 4_096,
  methodCharsMax: 32,
  /** The longest deadline a request carries; a longer one is cut to it. */
  requestMsMax: 120_000,
  failureMessageBytesMax: 256,
  playbackPageMax: 100,
  /** Sealed bytes of a blob that comes along with a push: four of five letters without files are no larger. */
  alongBlobBytesMax: 16 * KiB,
  /** Addresses that a client sets, drops or lists at its pod in one request. */
  addressesPageMax: 100,
  /** Letters that one published address may be made for. */
  addressUsesMax: 1_000,
  /** Notices at one address that a pod counts; more are as many. */
  addressWaitingMax: 1_000,
  /** What an operator or an applicant says about something: a reason, a note. */
  podNoteBytesMax: 1_000,
  /** An operator's name, or an account's id. */
  operatorBytesMax: 64,
  /** Notices in one transfer between pods: so many fit into one payload. */
  transferNoticesMax: 256,
  /** Notices whose state a client asks for at once. */
  queueAskMax: 64,
  /** A code by which a device is linked: how long it is good, and how many wrong proofs it outlives by one less. */
  linkCodeMs: 10 * 60_000,
  linkTriesMax: 3,
  /** Who came by it and proved nothing yet: so many, so long; and what may pass between two requests of who did. */
  linkVisitorsMax: 8,
  linkProveMs: 30_000,
  linkPatienceMs: 120_000
} as const
