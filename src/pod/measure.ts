import type { ErrorCode } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'

/** Counts what a pod does, for its operators: what was asked and what became of it, and never by whom. */
export interface Measure {
  /** @param method of `/muttr/pod/1`; `unknown` for any other. @param outcome a code of ours, or `ok`. */
  asked(method: string, outcome: ErrorCode | 'ok', ms: Millis): void
  /** Notices handed to a device that listens. */
  pushed(notices: number): void
  /** A datagram came, and this is what became of it. */
  datagram(outcome: DatagramOutcome): void
  /** A session was not let in for want of memory. */
  shed(): void
}

/**
 * What becomes of a datagram: `taken`, also where nobody has the address; not of a notice's `length`; more than is opened of its network, or of all
 * (`rate`); a `replay`; `invalid` when it does not open, or holds no notice; `expired`; `full` when there is more than is kept of one address, or the
 * pod or its disk is full.
 */
export const datagramOutcomes = [
  'taken',
  'length',
  'rate',
  'replay',
  'invalid',
  'expired',
  'full'
] as const
export type DatagramOutcome = (typeof datagramOutcomes)[number]

export const noMeasure: Measure = { asked() {}, pushed() {}, datagram() {}, shed() {} }
