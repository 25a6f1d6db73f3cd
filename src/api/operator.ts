import type { Failure, Millis, PeerId } from '../base/ports.ts'
import type { CallOptions } from '../client/client.ts'
import type { LoginLink, OperatorView } from '../pod/admin/admin.ts'
import type { Role } from '../pod/admin/rows.ts'
import type { Certified, Parent } from '../pod/chain.ts'
import type { DrainState } from '../pod/drain.ts'
import type { PeerState, PeersView } from '../pod/federation/federation.ts'
import type { PortsView } from '../pod/federation/ports.ts'
import type { Finding } from '../pod/health.ts'
import type { InviteView } from '../pod/invites.ts'
import type { AccountFilter, AccountPage, AccountView } from '../pod/office/accounts.ts'
import type { ApplicationView } from '../pod/office/applications.ts'
import type { AuditCheck, AuditEntry } from '../pod/office/audit.ts'
import type { AccountExport } from '../pod/office/export.ts'
import type { FreedAlias, NamesView, NewInviteOptions } from '../pod/office/office.ts'
import type { Quota } from '../pod/office/quotas.ts'
import type { ReportView } from '../pod/office/reports.ts'
import type { RateView, SaidRate } from '../pod/office/settings.ts'
import type { ProcessView } from '../pod/record.ts'
import type { Failed } from './news.ts'
import type { PodOverview } from './overview.ts'

/** Whoever asks, by the name that they give: it is noted with what they did. */
interface By {
  by?: string
}

export type InviteOptions = NewInviteOptions & By

export interface Invite {
  /** The first digits of the code's hash, by which it is listed. */
  id: string
  code: string
  /** A `muttr:` link that carries the code with everything else a newcomer needs. */
  link: string
  pod: string
  uses: number
  note: string
  untilMs: Millis
}

interface DrainRequest extends By {
  /** Over so long the sessions are closed; by their number unless told. */
  overMs?: Millis
  /** Takes this process off the record of the pod: it ends for good. @throws {MuttrError} `USAGE` for the last one */
  leave?: boolean
  onProgress?: (state: DrainState) => void
}

/** How far it is, and how it ended. */
export type DrainNews =
  | ({ type: 'parting' } & DrainState)
  | ({ type: 'parted' } & DrainState)
  | Failed

/** A login link, with where it leads. */
export interface LoginLinkView extends LoginLink {
  /** The admin page as others reach it, with the link; null where it is not served. */
  url: string | null
  /** Why that address may not work now: its certificate. */
  problem: Failure | null
}

/** What only the operators of a pod may ask of it, while it runs. Source: docs/protocol/local-api.md#a-pods-operators */
export interface PodOperator {
  invite(options?: CallOptions & InviteOptions): Promise<Invite>
  /** Newest first. */
  invites(): Promise<InviteView[]>
  /** @param id its first digits. @throws {MuttrError} `INVITE_UNKNOWN` */
  revokeInvite(id: string, options?: By): Promise<InviteView>
  /** By id, a page at a time. */
  accounts(filter?: AccountFilter): Promise<AccountPage>
  /** @param who an alias, or the beginning of an id or fingerprint. @throws {MuttrError} `ACCOUNT_UNKNOWN` */
  account(who: string): Promise<AccountView>
  suspend(who: string, options: By & { reason: string; lifeMs?: Millis }): Promise<AccountView>
  /** Ends a suspension, or lets in one who was removed. */
  resume(who: string, options?: By): Promise<AccountView>
  remove(who: string, options: By & { reason: string }): Promise<AccountView>
  setQuota(who: string, options: By & Partial<Quota>): Promise<AccountView>
  /** All that the pod keeps of somebody. */
  exportAccount(who: string, options?: By): Promise<AccountExport>
  /** Takes the pod's word back, for everybody to see. @throws {MuttrError} `ALIAS_UNKNOWN` */
  revokeAlias(alias: string, options: By & { reason: string }): Promise<FreedAlias>
  /** Ends a quarantine. @throws {MuttrError} `ALIAS_UNKNOWN` */
  freeAlias(alias: string, options?: By): Promise<FreedAlias>
  /** Who asks for an alias, longest waiting first, then what was said to those who asked lately. */
  requests(): Promise<ApplicationView[]>
  /** @param who the alias asked for, or the beginning of an id. @throws {MuttrError} `APPLICATION_UNKNOWN` */
  approve(who: string, options?: By): Promise<ApplicationView>
  refuse(who: string, options: By & { reason: string }): Promise<ApplicationView>
  /** What people told about aliases: open ones first, newest first. */
  reports(): Promise<ReportView[]>
  /** @param id its first digits. @throws {MuttrError} `REPORT_UNKNOWN` */
  closeReport(id: string, options: By & { reason: string }): Promise<ReportView>
  names(): Promise<NamesView>
  reserve(names: readonly string[], options?: By): Promise<NamesView>
  allow(names: readonly string[], options?: By): Promise<NamesView>
  rates(): Promise<RateView[]>
  setRate(rate: string, options: By & SaidRate): Promise<RateView>
  resetRate(rate: string, options?: By): Promise<RateView>
  /** Other pods. @throws {MuttrError} `FEDERATION_REFUSED` where the pod has nothing to do with others */
  peers(): Promise<PeersView>
  allowPeer(hostname: string, options?: By & { fingerprint?: string }): Promise<PeerState>
  blockPeer(hostname: string, options?: By): Promise<PeerState>
  /** Has other pods try this one's ports. @throws {MuttrError} `FEDERATION_REFUSED` where the pod asks no others */
  ports(options?: CallOptions): Promise<PortsView>
  /** All that serve the pod. */
  processes(): Promise<ProcessView[]>
  /** Takes one that is no more off the pod's record. @throws {MuttrError} `USAGE` for the one that is asked, and for none of them */
  removeProcess(peer: PeerId, options?: By): Promise<void>
  /** The pod's word for a pod of a subdomain. @param certificate armored. @throws {MuttrError} `KEY_INVALID` for any other key; `USAGE` */
  certify(certificate: string, options?: By & { lifeMs?: Millis }): Promise<Certified>
  /** The pod of a domain above that certifies this one. */
  parent(): Promise<Parent | null>
  /** @param certificates what `certify` of the other gave. @throws {MuttrError} `KEY_INVALID`, `SIGNATURE_INVALID`, `CLOCK_WRONG` */
  setParent(certificates: string, options?: By): Promise<Parent>
  removeParent(options?: By): Promise<void>
  /** Lets nobody in any more and sends who is here elsewhere; when the caller stops listening before the end, the pod serves on. */
  drain(options?: CallOptions & DrainRequest): Promise<DrainState>
  drainState(): Promise<DrainState>
  /** Serves again. */
  serveAgain(): Promise<DrainState>
  /** How the pod does, at a glance. */
  overview(): Promise<PodOverview>
  /** All that `muttr pod doctor` looks at; takes as long as name servers and others do. */
  examine(options?: CallOptions): Promise<Finding[]>
  /** Who may use the admin page. */
  operators(): Promise<OperatorView[]>
  /** @throws {MuttrError} `OPERATOR_EXISTS`, `USAGE` */
  addOperator(name: string, options: By & { role: Role }): Promise<OperatorView>
  /** @throws {MuttrError} `OPERATOR_UNKNOWN`; `USAGE` for the last owner */
  setRole(name: string, options: By & { role: Role }): Promise<OperatorView>
  /** @throws as {@link setRole} */
  removeOperator(name: string, options?: By): Promise<OperatorView>
  /** Takes password, codes, sessions and links away. @throws {MuttrError} `OPERATOR_UNKNOWN` */
  resetOperator(name: string, options?: By): Promise<OperatorView>
  /** Lets in once, without a password. @param options.name whoever asks unless told, or an owner. @throws {MuttrError} `OPERATOR_UNKNOWN` */
  loginLink(options?: By & { name?: string }): Promise<LoginLinkView>
  /** What was done, newest first. */
  audit(options?: { before?: number; limit?: number }): Promise<AuditEntry[]>
  /** Goes through the chain. @param hash of an entry that is looked for in it. */
  checkAudit(hash?: string): Promise<AuditCheck>
}
