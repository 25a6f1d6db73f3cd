import type { ErrorCode } from '../base/errors.ts'
import type { MuttrEvent } from '../base/events.ts'
import type { Failure, Millis, PeerId } from '../base/ports.ts'
import type { Revocation } from '../keys/revoke.ts'
import type { Withdrawal } from '../keys/withdraw.ts'
import type { FoundBy } from '../pod/finding.ts'
import type { AddressCalls } from './addresses/calls.ts'
import type { AddressHomes } from './addresses/homes.ts'
import type { NetworkBackup } from './backup/network.ts'
import type { Check } from './check.ts'
import type { OwnDevice } from './devices/shapes.ts'
import type { Attachment, AttachOptions, ReceivedAttachment, Transfer } from './files.ts'
import type { KeyCalls } from './key-calls.ts'
import type { LinkOptions, LinkStep } from './linking/session.ts'
import type {
  Conversation,
  ConversationChange,
  ConversationPage,
  ConversationQuery,
  DraftFields,
  Found,
  ImportReport,
  LabelCount,
  OpenedConversation,
  SavedDraft,
  SentAttachment
} from './mailbox/shapes.ts'
import type { NodeStatus } from './node-status.ts'
import type { PodTrust } from './pod-trust.ts'
import type { Invited, InviteOptions, Reported, ReportOptions } from './pod-words.ts'
import type { ChosenPolicy, Decision, LetterRequest, Policy } from './requests/request.ts'
import type { Alarm } from './trust/alarms.ts'
import type { Lapse } from './trust/pins.ts'

export type { OwnAddress } from './addresses/calls.ts'
export type { NetworkBackup } from './backup/network.ts'
export type { Check } from './check.ts'
export type { OwnDevice } from './devices/shapes.ts'
export type * from './files.ts'
export type { LinkStep } from './linking/session.ts'
export type * from './mailbox/shapes.ts'
export type { OwnMove } from './moving/moving.ts'
export type { OwnSubkey } from './rotation.ts'
export type { OwnSuccession } from './succession/succeeding.ts'
export type { Alarm } from './trust/alarms.ts'
export type { Revoked } from './trust/revoking.ts'

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
  /** The pod through which it is stored, so that holders do not see who stores it: one where we have an alias. */
  via?: string
  /** A saved draft that this is: dropped when the letter is on the disk. */
  draft?: string
  /** An earlier letter to the same reader that this one replaces: its id. */
  corrects?: string
  /** Asks the reader's client to sign that the letter was opened. */
  receipt?: boolean
  /** Ids of files that were attached: {@link Client.attach}. */
  attachments?: string[]
}

/** What each says, and who signed it: docs/protocol/proof.md */
export type SentState = 'queued' | 'stored' | 'announced' | 'accepted' | 'withdrawn' | 'expired'

export interface SentLetter {
  id: string
  /** The conversation that it stands in. */
  thread: string
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
  /** The own pod that is to pass the notice on, and when it said so. That is its plain word: nobody has signed for the notice yet. */
  handed: { pod: string; atMs: Millis } | null
  /** Why it waits, when it waits, and when it is tried again. */
  waiting: (Failure & { retryAtMs: Millis }) | null
  /** What the seeds that should hold it said when they were last asked: who answered, how many there should be, who has a copy. */
  asked: { atMs: Millis; answered: number; wanted: number; holders: number } | null
  receiptRequested: boolean
  /** The reader's client opened it and released it; with a receipt, it also signed that. */
  accepted: { receipt: { atMs: Millis; fingerprint: string } | null } | null
  /** It was asked back: of so many holders asked, so many signed that they drop it. That is not to say that nobody read it before. */
  withdrawing: { sinceMs: Millis; asked: number; took: number } | null
  /** The earlier letter that this one replaces, or asks to forget. */
  corrects: string | null
  retracts: string | null
  /** The later letter that replaces this one, or asks to forget it. */
  correctedBy: string | null
  forgetAsked: string | null
  attachments: SentAttachment[]
}

/** What became of the wish to have a letter back. */
export interface Retraction {
  /**
   * `cancelled`: it had not left this computer. `withdrawn`: enough of the holders dropped it. `too-late`: it was accepted; the reader's
   * client is asked to forget it. `unknown`: too few holders answered; it goes on, and nothing more is announced. `expired`: nobody
   * keeps it any longer.
   */
  outcome: 'cancelled' | 'withdrawn' | 'too-late' | 'unknown' | 'expired'
  letter: SentLetter
  /** The letter that asks the reader's client to forget it. */
  request: SentLetter | null
  /** Why that could not be sent. */
  problem: Failure | null
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
  receiptRequested: boolean
  /** Read from a file: nothing of it was checked, not even who wrote it. */
  imported: boolean
  /** The earlier letter of the same sender that this one replaces, or asks to forget. */
  corrects: string | null
  retracts: string | null
  /** The later letter of the same sender that replaces this one, or asks to forget it. Nothing is deleted for it. */
  correctedBy: string | null
  forgetAsked: string | null
  attachments: ReceivedAttachment[]
}
export type LetterSummary = Omit<ReceivedLetter, 'body' | 'attachments'>

export interface Contact {
  alias: string
  fingerprint: string
  /** SHA-256 of the primary key packet. */
  pin: string
  pinnedMs: Millis
  /** When the pod last showed this key, or its owner a letter with it. */
  seenMs: Millis
  /** `revoked`: nothing is sent to it; `expired`; `unseen`: nobody has shown it for two years. */
  lapsed: Lapse | null
  revocation: Revocation | null
  /** The person compared fingerprints and said so. */
  verified: boolean
  certifiedByPod: boolean
  /** The pod has taken its word about the alias back, and says why; nothing is sent there. */
  withdrawn: Withdrawal | null
  /** Their pod says that it holds what recovers the keys of its people: somebody else may read along. */
  escrow: boolean
  /** What vouches for the key of their pod. */
  podTrust: PodTrust | null
  /** A join link named this key. */
  invited: boolean
  /** The key is another than it was: the one before named it, and the pod agrees. */
  succession: { from: string; atMs: Millis } | null
  /** They had another alias before, as their key says; `agreed` when each pod that they left has signed for it. */
  moved: { from: string; atMs: Millis; agreed: boolean } | null
  /** They are said to have another alias, and were not followed; `code` says why. Accepting a denied one follows it. */
  offered: { to: string; atMs: Millis; code: ErrorCode } | null
  /** A key that stands against it: one that an old key of theirs named too, or the old one itself, taken back since. Nothing is sent until one is accepted. */
  disputed: string | null
  /** Another key that was shown since; nothing is sent until it is accepted. */
  changedTo: string | null
  /** What is done with letters of theirs; null while the vault is locked. */
  policy: Policy | null
}

export interface Verification {
  alias: string
  fingerprint: string
  /** Twelve, in English. */
  words: string[]
}

interface Card {
  alias: string
  fingerprint: string
  /** `muttr:…`, for `muttr join` and `muttr verify`. */
  link: string
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
  node: NodeStatus
  pods: {
    hostname: string
    connected: boolean
    identified: boolean
    aliases: string[]
    /** Aliases that its operator has still to approve of, or refused. */
    waiting: { alias: string; problem: Failure }[]
    /** It says that it holds what recovers the keys of its people: whoever has that can read along. */
    escrow: boolean
    problem: Failure | null
    trust: PodTrust | null
    /** Whose word its key was, where it was found by its hostname: `dns` is nobody's. Null for a pod that a file or link names. */
    found: FoundBy | null
  }[]
  /** Whether other pods see who asks them, and holders who reads. */
  asks: 'openly' | 'blindly'
  homes: AddressHomes
  outbox: { waiting: number }
  /**
   * Letters announced and not fetched yet, the pods through which those of strangers cannot be fetched now, and how many senders ask to
   * be read; null while that is locked.
   */
  inbox: { waiting: number; relays: { pod: string; problem: Failure }[]; requests: number | null }
  /** What pods show of us that nobody asked for, until it is answered. */
  alarms: Alarm[]
  /** When the last backup was made, or the one that this came out of; null where there is none. */
  backupMs: Millis | null
  networkBackup: NetworkBackup
}

export interface CallOptions {
  signal?: AbortSignal
}

/** A person's Muttr: what the doors (CLI, page, bridges) are handed, in the daemon or over its local API. */
export interface Client extends KeyCalls, AddressCalls {
  /** Resolves when the letter is safely in the outbox on disk, and after the first attempt to store and announce it. */
  send(draft: Draft, options?: CallOptions): Promise<SentLetter>
  sent(options?: { limit?: number }): Promise<SentLetter[]>
  /** One letter, after its holders were asked how it stands, when it lies with any. @throws {MuttrError} `LETTER_UNKNOWN` */
  sentLetter(id: string, options?: CallOptions): Promise<SentLetter>
  /** Takes a letter back, as far as that is still possible. @throws {MuttrError} `LETTER_UNKNOWN`, `VAULT_LOCKED` */
  retract(id: string, options?: CallOptions): Promise<Retraction>
  /** All evidence of a sent letter as one file (docs/protocol/proof.md). @throws {MuttrError} `LETTER_UNKNOWN` */
  proof(id: string): Promise<Uint8Array>
  /** Newest first. */
  inbox(options?: { limit?: number; unread?: boolean }): Promise<LetterSummary[]>
  /**
   * Seals a file as it is read, and stores it from then on; a letter that names it follows when it is stored.
   * @throws {MuttrError} nothing is kept then: `VAULT_LOCKED`, `ATTACHMENT_INVALID`, `DISK_FULL`, `CANCELLED`
   */
  attach(source: AsyncIterable<Uint8Array>, options: AttachOptions): Promise<Attachment>
  /** Files that were attached, then those that were asked for, each newest first. */
  attachments(): Promise<Transfer[]>
  /** @throws {MuttrError} `ATTACHMENT_UNKNOWN` */
  attachment(id: string): Promise<Attachment>
  pauseAttachment(id: string): Promise<Attachment>
  resumeAttachment(id: string): Promise<Attachment>
  /** Forgets it, and takes back what holders have of it. @throws {MuttrError} `ATTACHMENT_UNKNOWN`, `ATTACHMENT_WAITING` while a letter waits for it */
  dropAttachment(id: string): Promise<void>
  /**
   * Fetches a file of a received letter, and goes on until it is here. `letter` may be the beginning of an id.
   * @throws {MuttrError} `LETTER_UNKNOWN`, `ATTACHMENT_UNKNOWN`, `ATTACHMENT_INVALID`, `BLOB_EXPIRED`, `DISK_FULL`
   */
  fetchAttachment(letter: string, index: number): Promise<ReceivedAttachment>
  pauseFetch(letter: string, index: number): Promise<ReceivedAttachment>
  /**
   * Has the pod of the alias that it came to fetch the file for us, who may go away when that is no longer `asking`. Pausing ends it.
   * @throws {MuttrError} as {@link fetchAttachment}
   */
  fetchAhead(letter: string, index: number): Promise<ReceivedAttachment>
  /** Forgets what is here of it, and what a pod has. */
  forgetAttachment(letter: string, index: number): Promise<ReceivedAttachment>
  /** The whole file, each piece checked before it is given out. @throws {MuttrError} `ATTACHMENT_WAITING` while it is not all here */
  openAttachment(
    letter: string,
    index: number,
    options?: CallOptions
  ): Promise<AsyncIterable<Uint8Array>>
  /** Marks it read. `id` may be an unambiguous beginning of at least 4 characters. @throws {MuttrError} `LETTER_UNKNOWN` */
  read(id: string): Promise<ReceivedLetter>
  /** Who asks to be read, newest first. Nothing of their letters was fetched. @throws {MuttrError} `VAULT_LOCKED` */
  requests(options?: { limit?: number }): Promise<LetterRequest[]>
  /** @throws {MuttrError} `REQUEST_UNKNOWN`, `VAULT_LOCKED` */
  decide(id: string, decision: Decision): Promise<void>
  /** The policies that were chosen, newest first. @throws {MuttrError} `VAULT_LOCKED` */
  policies(): Promise<ChosenPolicy[]>
  /** For everybody under this alias, contact or not. @throws {MuttrError} `ALIAS_INVALID`, `LIMIT_EXCEEDED`, `VAULT_LOCKED` */
  choosePolicy(alias: string, policy: Policy): Promise<ChosenPolicy>
  /** Newest first. @throws {MuttrError} `VAULT_LOCKED` */
  conversations(query?: ConversationQuery): Promise<ConversationPage>
  /** The newest letters of one, at most 200, or those before `before`, the `next` of an earlier answer. @throws {MuttrError} `LETTER_UNKNOWN` */
  conversation(
    thread: string,
    options?: { limit?: number; before?: string }
  ): Promise<OpenedConversation>
  changeConversation(thread: string, change: ConversationChange): Promise<Conversation>
  labels(): Promise<LabelCount[]>
  /** Letters that have words which begin like those of `text`, all of them; newest first. @throws {MuttrError} `VAULT_LOCKED` */
  search(text: string, options?: { limit?: number }): Promise<Found[]>
  /** Here alone; what its sender knows does not change. @throws {MuttrError} `LETTER_UNKNOWN` */
  deleteReceived(id: string): Promise<{ deleted: string }>
  /** @throws {MuttrError} `LETTER_UNKNOWN`, `LETTER_UNDER_WAY` */
  deleteSent(id: string): Promise<{ deleted: string }>
  /** All letters as one mailbox file (RFC 4155), piece by piece. @throws {MuttrError} `VAULT_LOCKED` */
  exportLetters(options?: CallOptions): AsyncIterable<Uint8Array>
  /** A mailbox file, a message, or a piece of a file that ends between two messages: at most 33 MiB. @throws {MuttrError} `VAULT_LOCKED`, `LETTER_TOO_LARGE` */
  importLetters(file: Uint8Array, options?: CallOptions): Promise<ImportReport>
  /** Last saved first. */
  drafts(): Promise<SavedDraft[]>
  /** A new one, or what one says from now on. @throws {MuttrError} `LETTER_UNKNOWN` for one that was sent or deleted, `LETTER_TOO_LARGE` */
  saveDraft(fields: DraftFields, id?: string): Promise<SavedDraft>
  deleteDraft(id: string): Promise<{ deleted: string }>
  register(
    alias: string,
    options?: CallOptions & { invite?: string; note?: string }
  ): Promise<Registration>
  /** Tells the pod of an alias what its owner does. @throws {MuttrError} `ALIAS_UNKNOWN`, `LIMIT_EXCEEDED`, `POD_UNREACHABLE` */
  report(alias: string, options: ReportOptions): Promise<Reported>
  /** A code for others, from an own pod that lets us. @throws {MuttrError} `ALIAS_MISSING`, `LIMIT_EXCEEDED`, `USAGE` */
  invite(options?: InviteOptions): Promise<Invited>
  /** Asks the alias's pod, pins at first sight. @throws {MuttrError} `ALIAS_UNKNOWN`, `KEY_CHANGED`, `POD_UNKNOWN`, `POD_UNREACHABLE` */
  lookup(alias: string, options?: CallOptions): Promise<Contact>
  contacts(): Promise<Contact[]>
  /** Pins the changed key. @throws {MuttrError} `CONTACT_UNKNOWN` */
  acceptKey(alias: string): Promise<Contact>
  /** What two people compare: the words are the same for both when each has the other's key. @throws {MuttrError} `CONTACT_UNKNOWN` */
  verification(alias: string): Promise<Verification>
  /** Marks the contact verified; with the fingerprint or the words that they told, only when they are of the pinned key (`KEY_CHANGED` else). */
  verify(alias: string, shown?: string): Promise<Contact>
  /** What to hand to people, as a link or QR code: the network, the pod, and who we are. @throws {MuttrError} `ALIAS_MISSING` */
  card(alias?: string): Promise<Card>
  /** The person's own certificate, armored. */
  exportKey(): Promise<string>
  /** A letter that was held back after a restore goes on its way. @throws {MuttrError} `LETTER_UNKNOWN` */
  resend(id: string): Promise<SentLetter>
  /** The twelve words that open every backup of this person. @throws {MuttrError} `VAULT_LOCKED` */
  recovery(): Promise<string[]>
  /** Everything of the person and the client, sealed under those words, as it is written. @throws {MuttrError} `VAULT_LOCKED` */
  backup(options?: CallOptions): Promise<AsyncIterable<Uint8Array>>
  /** How the backup in the network stands. */
  networkBackup(): Promise<NetworkBackup>
  /** Begins to make one now, which goes on until it stands. @throws {MuttrError} `VAULT_LOCKED`, `USAGE` where another device makes them */
  makeNetworkBackup(): Promise<NetworkBackup>
  /** Ends what is being made; what stands goes on standing. */
  cancelNetworkBackup(): Promise<NetworkBackup>
  /** Shows a code and waits for one new device; ends with `signal`. @throws {MuttrError} as {@link Linking.open} */
  linkDevice(options?: LinkOptions): Promise<AsyncIterable<LinkStep>>
  /** The person's devices, this one among them. @throws {MuttrError} `VAULT_LOCKED` */
  devices(): Promise<OwnDevice[]>
  /** Calls this device otherwise. @throws {MuttrError} `USAGE`, `VAULT_LOCKED` */
  renameDevice(name: string): Promise<OwnDevice[]>
  /**
   * Takes a device off the list, named by its name or the beginning of its key: own pods let it in no more, and letters to us are sealed
   * to a subkey that it does not have. @throws {MuttrError} `DEVICE_UNKNOWN`, `USAGE` for this one, `VAULT_LOCKED`
   */
  revokeDevice(device: string): Promise<OwnDevice[]>
  /** Pins somebody's certificate (armored or binary) under the aliases it names, or the one given. */
  importKey(certificate: Uint8Array, alias?: string): Promise<Contact[]>
  putBlob(
    sealed: Uint8Array,
    options?: CallOptions & { lifeMs?: Millis; via?: string }
  ): Promise<{ key: string; copies: number; wanted: number; expiryMs: Millis }>
  /** @throws {MuttrError} `RELAY_UNREACHABLE`, `RELAY_REFUSED` with `via`, a pod's hostname: nobody is asked past it */
  getBlob(key: string, options?: CallOptions & { via?: string }): Promise<Uint8Array>
  status(): Promise<Status>
  doctor(options?: CallOptions): Promise<Check[]>
  events(signal: AbortSignal): AsyncIterable<MuttrEvent>
}
