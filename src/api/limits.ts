import { limits } from '../base/limits.ts'

const KiB = 1024

/** Bounds of the local API. Sizes in bytes, times in milliseconds. Source: docs/protocol/local-api.md */
export const apiLimits = {
  /** A letter's body of 48 KiB, where JSON writes every byte as six. */
  draftBytesMax: 6 * limits.letterBodyBytesMax + 32 * KiB,
  /** A mail message with its files, and what stands around it in a mailbox file. */
  importBytesMax: 33 * KiB * KiB,
  /** A draft may be longer than a letter, until it is sent. */
  savedDraftBytesMax: 6 * 256 * KiB + 64 * KiB,
  jsonBytesMax: 16 * KiB,
  /** A secret key of several RSA subkeys, with a link and a network file. */
  homeBytesMax: 1_024 * KiB,
  certificateBytesMax: limits.certificateBytesMax,
  /** Two of them, armored, as JSON. */
  certificatesBytesMax: 3 * limits.certificateBytesMax,
  blobBytesMax: limits.blobBytesMax,
  /** A fingerprint, or twelve words. */
  shownCharsMax: 512,
  requestsMax: 64,
  eventStreamsMax: 16,
  /** Addresses from which something can be saved, each once. */
  downloadsMax: 64,
  downloadMs: 60_000,
  connectionsMax: 128,
  headerBytesMax: 8 * KiB,
  /** To receive one whole request, not to answer it. */
  requestMs: 30_000,
  headersMs: 10_000,
  heartbeatMs: 15_000,
  /** A client asks a daemon it has proof of; still no answer may fill its memory. */
  answerBytesMax: 64 * KiB * KiB,
  /** A daemon that is there answers a greeting at once; what hangs on its port is not one. */
  helloMs: 3_000,
  apiFileBytesMax: 4 * KiB,
  listMax: 10_000
} as const
