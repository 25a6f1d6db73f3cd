const KiB = 1024
const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** Every bound a stranger meets, in one place. Sizes in bytes, times in milliseconds. Source: docs/protocol/limits.md */
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
  tombstoneBytesMax: 2 * KiB,
  receiptBytesMax: KiB,
  recordBytesMax: 4 * KiB,
  letterBodyBytesMax: 48 * KiB,
  letterSubjectBytesMax: 998,
  letterRecipientsMax: 64,
  letterAttachmentsMax: 64,
  /** The description of one attachment; a longer one is a blob of its own. */
  letterManifestBytesMax: 4 * KiB,
  mimeTypeBytesMax: 255,
  noticeBytesMax: 1_200,
  aliasCharsMax: 64,
  hostnameCharsMax: 253,
  certificateBytesMax: 64 * KiB,
  deviceLifeMsMax: 90 * dayMs,
  /** One request or answer on a channel: a blob and its header, or a page of a mailbox. */
  payloadBytesMax: 320 * KiB,
  contactAddressesMax: 8,
  addressCharsMax: 160,
  peerIdCharsMax: 64,
  /** k of Kademlia: contacts in one answer, and in one bucket. */
  contactsMax: 20,
  haveKeysMax: 64,
  playbackPageMax: 100
} as const
