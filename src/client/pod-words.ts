import type { Millis } from '../base/ports.ts'
import type { ReportKind } from '../wire/report.ts'
import type { CallOptions } from './client.ts'

/** What a person says to a pod, beside letters. */

export interface ReportOptions extends CallOptions {
  kind: ReportKind
  /** In the person's words; at most 1,000 bytes. */
  text?: string
  /** The id of the letter that it is about: the pod learns it. */
  letter?: string
}

export interface Reported {
  alias: string
  pod: string
  kind: ReportKind
}

export interface InviteOptions extends CallOptions {
  /** The hostname of an own pod; that of the oldest alias unless told. */
  pod?: string
  /** Aliases that can be taken with it; one unless told. */
  uses?: number
  lifeMs?: Millis
  note?: string
}

export interface Invited {
  code: string
  /** With the network, the pod, the code, and who invites. */
  link: string
  pod: string
  untilMs: Millis
}
