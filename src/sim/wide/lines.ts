import type { Millis } from '../../base/ports.ts'
import type { RoundTrip } from '../../routing/rtt.ts'

/** What a walk asks and tells of nodes whose connections are known one by one. */
export interface Lines {
  /** Undefined where it is left to chance. */
  isConnected(from: number, to: number): boolean | undefined
  /** Of a node that keeps one of its own. */
  roundTripOf(from: number): RoundTrip | undefined
  /** `to` answered after so long. */
  answered(from: number, to: number, tookMs: Millis): void
  /** `to` did not answer. @returns whether what follows from that is done. */
  failed(from: number, to: number): boolean
}
