import type { ErrorCode } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'

/** Counts what a pod does, for its operators: what was asked and what became of it, and never by whom. */
export interface Measure {
  /** @param method of `/muttr/pod/1`; `unknown` for any other. @param outcome a code of ours, or `ok`. */
  asked(method: string, outcome: ErrorCode | 'ok', ms: Millis): void
  /** Notices handed to a device that listens. */
  pushed(notices: number): void
}

export const noMeasure: Measure = { asked() {}, pushed() {} }
