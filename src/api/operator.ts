import type { Millis } from '../base/ports.ts'
import type { CallOptions } from '../client/client.ts'
import type { InviteView } from '../pod/invites.ts'
import type { AuditCheck, AuditEntry } from '../pod/office/audit.ts'
import type { NewInviteOptions } from '../pod/office/office.ts'

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

/** What only the operators of a pod may ask of it, while it runs. Source: docs/protocol/local-api.md#a-pods-operators */
export interface PodOperator {
  invite(options?: CallOptions & InviteOptions): Promise<Invite>
  /** Newest first. */
  invites(): Promise<InviteView[]>
  /** @param id its first digits. @throws {MuttrError} `INVITE_UNKNOWN` */
  revokeInvite(id: string, options?: By): Promise<InviteView>
  /** What was done, newest first. */
  audit(options?: { before?: number; limit?: number }): Promise<AuditEntry[]>
  /** Goes through the chain. @param hash of an entry that is looked for in it. */
  checkAudit(hash?: string): Promise<AuditCheck>
}
