import type { MuttrEvent } from '../base/events.ts'
import type { Failure, Millis, PeerId } from '../base/ports.ts'

/** All ids, keys and fingerprints are lower-case hex; times are milliseconds since the epoch. These shapes are also the local API's JSON. */

export interface Draft {
  /** `alice@pod.example` */
  to: string
  /** One of the own aliases. Unless told: the one that the answered letter was written to, else the oldest. */
  from?: string
  subject?: string
  body: string
  /** Defaults to `text/plain`. */
  mimeType?: string
  /** How long the network keeps it; 30 days unless told, at most 100. */
  lifeMs?: Millis
  /** The letter this one answers: its id. */
  parent?: string
}

export type SentState = 'queued' | 'stored' | 'announced' | 'expired'

export interface SentLetter {
  id: string
  from: string
  to: string
  fingerprint: string | null
  subject: string
  sentMs: Millis
  expiryMs: Millis
  sizeBytes: number
  /** The blob's key, once sealed. */
  key: string | null
  state: SentState
  /** Signed acknowledgements of holders so far. */
  copies: { holder: PeerId; storedMs: Millis }[]
  wanted: number
  /** The pod that signed that it took the notice, and when. It does not say that it delivered. */
  announced: { pod: string; atMs: Millis } | null
  /** Why it waits, when it waits, and when it is tried again. */
  waiting: (Failure & { retryAtMs: Millis }) | null
}

export interface ReceivedLetter {
  id: string
  thread: string
  parent: string | null
  from: { alias: string; fingerprint: string; verified: boolean; certifiedByPod: boolean }
  to: string
  subject: string
  mimeType: string
  body: string
  sentMs: Millis
  receivedMs: Millis
  expiryMs: Millis
  sizeBytes: number
  key: string
  read: boolean
}
export type LetterSummary = Omit<ReceivedLetter, 'body'>

export interface Contact {
  alias: string
  fingerprint: string
  /** SHA-256 of the primary key packet. */
  pin: string
  pinnedMs: Millis
  /** The person compared fingerprints and said so. */
  verified: boolean
  certifiedByPod: boolean
  /** Another key that was shown since; nothing is sent until it is accepted. */
  changedTo: string | null
}

export interface Registration {
  alias: string
  pod: string
  certifiedUntilMs: Millis
}

export interface Status {
  name: string | null
  fingerprint: string | null
  locked: boolean
  network: string
  peer: PeerId
  addresses: string[]
  neighbours: number
  known: number
  store: { blobs: number; bytes: number; capBytes: number }
  pods: {
    hostname: string
    connected: boolean
    identified: boolean
    aliases: string[]
    problem: Failure | null
  }[]
  outbox: { waiting: number }
}

export interface Check {
  name: string
  ok: boolean
  /** What was seen, and what to do when it is not well. */
  detail: string
  hint: string | null
}

export interface CallOptions {
  signal?: AbortSignal
}

/** A person's Muttr: what the doors (CLI, page, bridges) are handed, in the daemon or over its local API. */
export interface Client {
  /** Resolves when the letter is safely in the outbox on disk, and after the first attempt to store and announce it. */
  send(draft: Draft, options?: CallOptions): Promise<SentLetter>
  sent(options?: { limit?: number }): Promise<SentLetter[]>
  /** Newest first. */
  inbox(options?: { limit?: number; unread?: boolean }): Promise<LetterSummary[]>
  /** Marks it read. `id` may be an unambiguous beginning of at least 4 characters. @throws {MuttrError} `LETTER_UNKNOWN` */
  read(id: string): Promise<ReceivedLetter>
  register(alias: string, options?: CallOptions & { invite?: string }): Promise<Registration>
  /** Asks the alias's pod, pins at first sight. @throws {MuttrError} `ALIAS_UNKNOWN`, `KEY_CHANGED`, `POD_UNKNOWN`, `POD_UNREACHABLE` */
  lookup(alias: string, options?: CallOptions): Promise<Contact>
  contacts(): Promise<Contact[]>
  /** Pins the changed key. @throws {MuttrError} `CONTACT_UNKNOWN` */
  acceptKey(alias: string): Promise<Contact>
  /** Marks the contact verified; with a fingerprint, only when it is the pinned one (`KEY_CHANGED` else). */
  verify(alias: string, fingerprint?: string): Promise<Contact>
  /** The person's own certificate, armored. */
  exportKey(): Promise<string>
  /** Pins somebody's certificate (armored or binary) under the aliases it names, or the one given. */
  importKey(certificate: Uint8Array, alias?: string): Promise<Contact[]>
  putBlob(
    sealed: Uint8Array,
    options?: CallOptions & { lifeMs?: Millis }
  ): Promise<{ key: string; copies: number; wanted: number; expiryMs: Millis }>
  getBlob(key: string, options?: CallOptions): Promise<Uint8Array>
  status(): Promise<Status>
  doctor(options?: CallOptions): Promise<Check[]>
  events(signal: AbortSignal): AsyncIterable<MuttrEvent>
}
