import type { ErrorCode } from '../base/errors.ts'
import type { Failure, Millis, Reachability } from '../base/ports.ts'
import type { AskedStatus } from '../seed/asked.ts'
import type { RepairStatus } from '../seed/repair.ts'

/** What a node does for others, within which caps. Source: docs/protocol/admission.md#what-an-operator-sees */
export interface NodeStatus {
  /** `light` for a battery or a metered link. */
  profile: 'full' | 'light'
  connections: { open: number; max: number }
  /** Whether others can dial this node, and how that is known. */
  reach: Reachability
  /** What it carries for peers that cannot be dialled; null where it does not. */
  relaying: { reservations: number; connections: number } | null
  /** The door of a pod; null without one. `problem`: why its certificate is none, or none newer. */
  door: {
    mode: 'files' | 'acme' | 'proxy'
    port: number
    untilMs: Millis | null
    problem: Failure | null
  } | null
  /** Bytes in and out since the start, by our own protocols; caps in bytes a second, null where there is none. */
  traffic: {
    inBytes: number
    outBytes: number
    upBytesPerSecond: number | null
    downBytesPerSecond: number | null
  }
  admission: {
    /** What a fresh put of a key near us costs now, as a multiple of a stamp's floor price: 1 to 1,000. */
    priceFactor: number
    /** Requests refused since the start, by code. */
    refusals: Partial<Record<ErrorCode, number>>
    /** Blobs dropped since the start to make room for nearer ones. */
    evicted: number
    /** Nodes that the network is thought to have; null while nothing is known of it. */
    networkSize: number | null
  }
  repair: RepairStatus
  asked: AskedStatus
}
