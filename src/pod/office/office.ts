import type { Millis, PeerId } from '../../base/ports.ts'
import type { Certified, Parent } from '../chain.ts'
import type { InviteView } from '../invites.ts'
import type { ProcessView } from '../record.ts'
import type { AccountId, Maker } from '../rows.ts'
import type { AccountFilter, AccountPage, AccountView } from './accounts.ts'
import type { ApplicationView } from './applications.ts'
import type { AuditCheck, AuditEntry } from './audit.ts'
import type { AccountExport } from './export.ts'
import type { Quota } from './quotas.ts'
import type { ReportView } from './reports.ts'
import type { RateView, SaidRate } from './settings.ts'

export interface NewInviteOptions {
  /** New aliases; one unless told. */
  uses?: number
  lifeMs?: Millis
  note?: string
}

/** What the operators of a pod do and see, all of it noted. Source: docs/protocol/pod.md#moderation */
export interface Office {
  /** @throws {MuttrError} `USAGE`, `LIMIT_EXCEEDED` */
  invite(by: Maker, o?: NewInviteOptions): Promise<{ code: string; invite: InviteView }>
  /** By an account that has leave to. @throws {MuttrError} `LIMIT_EXCEEDED` beyond that leave, `ACCOUNT_SUSPENDED`, `USAGE` */
  inviteFor(account: AccountId, o: NewInviteOptions): Promise<{ code: string; invite: InviteView }>
  invites(): Promise<InviteView[]>
  /** @param id its first digits, at least four. @throws {MuttrError} `INVITE_UNKNOWN` */
  revokeInvite(by: Maker, id: string): Promise<InviteView>
  accounts(filter?: AccountFilter): Promise<AccountPage>
  /** @param who an alias, or the beginning of an id or fingerprint. @throws {MuttrError} `ACCOUNT_UNKNOWN` */
  account(who: string): Promise<AccountView>
  /** It neither registers nor submits, and goes on receiving; its devices are told why. @throws as {@link account}, `USAGE`, `ACCOUNT_REMOVED` */
  suspend(by: Maker, who: string, o: { reason: string; lifeMs?: Millis }): Promise<AccountView>
  resume(by: Maker, who: string): Promise<AccountView>
  /** Its aliases rest for a year, what waits for it and its devices are dropped, and it is not let in for as long. */
  remove(by: Maker, who: string, o: { reason: string }): Promise<AccountView>
  setQuota(by: Maker, who: string, quota: Partial<Quota>): Promise<AccountView>
  /** All that the pod keeps of somebody. */
  export(by: Maker, who: string): Promise<AccountExport>
  /** Takes the pod's word about an alias back, for everybody to see. @throws {MuttrError} `ALIAS_UNKNOWN` */
  revokeAlias(by: Maker, alias: string, o: { reason: string }): Promise<FreedAlias>
  /** Ends the quarantine of an alias. @throws {MuttrError} `ALIAS_UNKNOWN` */
  freeAlias(by: Maker, alias: string): Promise<FreedAlias>
  /** Who asks for an alias, and what was said to those who asked lately. */
  requests(): Promise<ApplicationView[]>
  /** @param who the alias asked for, or the beginning of an id. @throws {MuttrError} `APPLICATION_UNKNOWN` */
  approve(by: Maker, who: string): Promise<ApplicationView>
  refuse(by: Maker, who: string, o: { reason: string }): Promise<ApplicationView>
  /** Open ones first, newest first. */
  reports(): Promise<ReportView[]>
  /** @param id its first digits, at least four. @throws {MuttrError} `REPORT_UNKNOWN` */
  closeReport(by: Maker, id: string, o: { reason: string }): Promise<ReportView>
  names(): Promise<NamesView>
  /** Nobody gets these any more; who has one keeps it. @throws {MuttrError} `ALIAS_INVALID`, `LIMIT_EXCEEDED` */
  reserve(by: Maker, names: readonly string[]): Promise<NamesView>
  /** These may be taken, also where nobody gets them otherwise. @throws {MuttrError} `ALIAS_INVALID` */
  allow(by: Maker, names: readonly string[]): Promise<NamesView>
  rates(): Promise<RateView[]>
  /** From now on, at all processes of the pod. @param rate null: as usual. @throws {MuttrError} `USAGE` */
  setRate(by: Maker, name: string, rate: SaidRate | null): Promise<RateView>
  /** All that serve the pod, over one PostgreSQL when they are several. */
  processes(): Promise<ProcessView[]>
  /** Clients trust it no more. @throws {MuttrError} `USAGE` for the one that is asked, and for none of them */
  removeProcess(by: Maker, peer: PeerId): Promise<void>
  /** Takes this process off the record, for good. @throws {MuttrError} `USAGE` for the last one */
  leave(by: Maker): Promise<void>
  /**
   * The pod's word for a pod of a subdomain. @param certificate armored. @throws {MuttrError} `KEY_INVALID` for any other key, `USAGE` for a time that
   * is none
   */
  certify(by: Maker, certificate: string, o?: { lifeMs?: Millis }): Promise<Certified>
  /** The pod of a domain above that certifies this one. */
  parent(): Promise<Parent | null>
  /**
   * Shows its word from now on, at all processes. @param certificates as {@link Certified.certificates}. @throws {MuttrError} `KEY_INVALID`,
   * `SIGNATURE_INVALID`, `CLOCK_WRONG`
   */
  setParent(by: Maker, certificates: string): Promise<Parent>
  removeParent(by: Maker): Promise<void>
  /** What was done to the pod outside of its state: its settings, a backup. */
  note(by: Maker, done: { action: string; detail: string }): Promise<void>
  /** Calls back when there may be something new for operators to see, whichever process it came to. */
  watch(wake: () => void): Disposable
  /** Newest first. */
  audit(o?: { before?: number; limit?: number }): Promise<AuditEntry[]>
  checkAudit(hash?: string): Promise<AuditCheck>
}

/** Names that nobody gets. */
export interface NamesView {
  /** At no pod, unless allowed. */
  readonly always: readonly string[]
  /** Here. */
  readonly reserved: readonly string[]
  readonly allowed: readonly string[]
}

/** What became of an alias, and whose it was. */
export interface FreedAlias {
  readonly alias: string
  readonly account: AccountId
}
