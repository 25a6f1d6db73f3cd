import type { Failure, Millis } from '../base/ports.ts'
import type { FederationPolicy } from '../pod/federation/peers.ts'
import type { Pod } from '../pod/pod.ts'
import type { Policy } from '../wire/pod.ts'

interface Room {
  freeBytes: number
  totalBytes: number
}

/** How a pod does, at a glance: what its process knows without asking anybody. */
export interface PodOverview {
  hostname: string
  fingerprint: string
  version: string
  startedMs: Millis
  policy: Policy
  /** It holds recovery material of its people. */
  escrow: boolean
  federation: FederationPolicy
  usage: ReturnType<Pod['usage']>
  accountsMax: number
  /** Who wait for an operator: for an alias, and with a report. */
  waiting: number
  reports: number
  processes: number
  /** In the network, as far as the node can tell. */
  neighbours: number
  door: { mode: 'files' | 'acme' | 'proxy'; untilMs: Millis | null; problem: Failure | null } | null
  disk: Room
  memory: Room & { processBytes: number }
  /** When the last backup was made; null where there is none. */
  backupMs: Millis | null
}
