import type { Emit } from '../base/events.ts'
import type { Clock, Log, Millis } from '../base/ports.ts'
import type { Certificate } from '../keys/certificate.ts'
import type { Crypto } from '../keys/crypto.ts'
import type { Dht } from '../seed/dht.ts'
import type { Change } from '../store/state.ts'
import type { Contact, Verification } from './client.ts'
import { ContactBook } from './contact-book.ts'
import type { ContactRow, Route } from './contact-rows.ts'
import type { ContactStore } from './contact-store.ts'
import type { Pods } from './pods.ts'
import type { Policy } from './requests/request.ts'
import type { Self } from './self.ts'
import type { Views } from './trust/views.ts'

/** A pinned contact with its certificate parsed. */
export interface Known {
  readonly alias: string
  readonly certificate: Certificate
  readonly row: ContactRow
}

/** A key that a contact signs with, or signed. */
export interface Signer {
  readonly certificate: Certificate
  /** What it signed later is not the contact's. */
  readonly untilMs: Millis
}

/** Who wrote a letter, as they say themselves. */
export interface Writer {
  readonly alias: string
  readonly fingerprint: string
  signedBy(certificate: Certificate): Promise<void>
}

/** Whom we know by which key. The first key seen is pinned; another one is refused until the person accepts it. */
export interface Contacts {
  /** @returns undefined for an alias never pinned. */
  known(alias: string): Promise<Known | undefined>
  /**
   * The contact to write to: pinned, or asked for now.
   * @throws {MuttrError} `KEY_CHANGED`, `KEY_REVOKED`, `ALIAS_UNKNOWN`, `POD_UNKNOWN`, `POD_UNREACHABLE`, …
   */
  recipient(alias: string, signal: AbortSignal): Promise<Known>
  /** The alias under which a contact stands by now; the same for who is none. */
  now(alias: string): Promise<string>
  /** Their pod is away: they may have moved. @returns whether they did, and were followed */
  sought(alias: string): Promise<boolean>
  /**
   * Somebody who is no contact under this alias writes: a contact of the same key may have moved there. Nobody is asked about one whose letters
   * the person does not pull, unless they accepted this one. @returns them there, or what the person said about them instead
   * @throws {MuttrError} `LETTER_FORGED`
   */
  wrote(writer: Writer, isAccepted: boolean): Promise<Known | Exclude<Policy, 'pull'> | undefined>
  /** Whether to seal to this certificate without asking: its pod showed it no longer ago than its answers are good. */
  isFresh(known: Known): boolean
  /**
   * The contact to seal something to that is good until `expiryMs`. Asks when the certificate is not fresh, and takes it as it is when nobody
   * answers and its owner will have kept the secret until then. @throws as {@link recipient}
   */
  reader(alias: string, expiryMs: Millis, signal: AbortSignal): Promise<Known>
  /** Where its notices go: as long as the last answer is valid, without asking. @throws as {@link recipient} */
  route(alias: string, signal: AbortSignal): Promise<{ known: Known; route: Route }>
  /** First letters to a contact go there from now on, until the directory is asked again. */
  announceAt(alias: string, route: Route): Promise<Known>
  /** After the pod refused a notice: its answer is no longer believed. */
  forgetRoute(alias: string): Promise<void>
  /** Asks the pod. @throws as {@link recipient} */
  lookup(alias: string, signal: AbortSignal): Promise<Known>
  /**
   * Somebody showed this certificate under this alias, in a letter that it signed at `sentMs`. Pinned when the alias is new and its pod
   * certified the key. @returns the contact when this is its key, undefined when nobody says so. @throws {MuttrError} `KEY_CHANGED`
   */
  met(alias: string, certificate: Certificate, sentMs: Millis): Promise<Known | undefined>
  /** A letter of theirs is here: asks their pod again when it did not show them for long. @throws as {@link recipient} */
  confirm(known: Known): Promise<void>
  /**
   * The key of a contact that signed something: the pinned one, or the one that it succeeded, for what that signed before; undefined for any
   * other.
   */
  signer(known: Known, fingerprint: string): Promise<Signer | undefined>
  /** They wrote to us: our letters need not carry our certificate any longer. */
  knowsUs(alias: string): Promise<void>
  /** Our certificate is another now: letters carry it again, until their readers write. */
  forgetWhoKnowsUs(): Promise<void>
  /**
   * A letter of a contact, signed by the pinned key, carried this certificate of the same key: taken when it has a newer subkey to seal to.
   * @throws {MuttrError} `KEY_INVALID`
   */
  showed(known: Known, certificate: Uint8Array): Promise<void>
  /** @throws {MuttrError} `VAULT_LOCKED` */
  list(): Promise<Contact[]>
  /** Of everybody pinned. */
  aliases(): Promise<string[]>
  show(known: Known): Promise<Contact>
  accept(alias: string): Promise<Contact>
  /** What to compare with them. @throws {MuttrError} `CONTACT_UNKNOWN` */
  verification(alias: string): Promise<Verification>
  verify(alias: string, shown?: string): Promise<Contact>
  import(bytes: Uint8Array, alias?: string): Promise<Contact[]>
  /**
   * As another device of the person knows them. `isNews`: it was said after the last word about them; `also` is written with it.
   * @throws {MuttrError} `SYNC_INVALID`
   */
  mirror(
    alias: string,
    row: ContactRow,
    how: { isNews: boolean; also: readonly Change[] }
  ): Promise<void>
  /** Nothing of the contacts stays in memory. */
  locked(): void
}

export interface ContactsParts {
  store: ContactStore
  self: Pick<Self, 'closet' | 'certificate'>
  clock: Clock
  log: Log
  crypto: Crypto
  /** Without it, records of people are not read. */
  dht?: Pick<Dht, 'getRecord'>
  pods: Pick<Pods, 'questions' | 'introduce' | 'certificateOf' | 'escrowOf' | 'trustOf'>
  emit: Emit
  /** What a pod signed may stand against what it signed for others; nobody waits for that. */
  views: Pick<Views, 'heard'>
  /** Fingerprints that a join link named, by alias. */
  vouched: Readonly<Record<string, string>>
  /** What the person said about letters of an alias; null while that is locked. */
  policyOf(alias: string): Policy | null
  /** What was said about the former alias of a contact holds for the new one; what is on its way there goes on here. */
  onMoved(from: string, to: string): Promise<void>
  /** A key that the pinned one does not lead to takes its place: what was agreed on with the owner of that is no longer of use. */
  onOtherKey(alias: string): Promise<void>
  /** Ends with the client. */
  life: AbortSignal
}

export const createContacts = (parts: ContactsParts): Contacts => new ContactBook(parts)
