import type { Admin } from '../../pod/admin/admin.ts'
import type { FederationPolicy } from '../../pod/federation/peers.ts'
import type { Policy } from '../../wire/pod.ts'
import type { PodOperator } from '../operator.ts'

/** What an owner may change in muttr.json from afar. All else stands there with its comments. */
export interface PodSettings {
  policy: Policy
  federation: FederationPolicy
  accountsMax: number
  mailboxMax: number
  via: boolean
}

/** All that the admin page asks of a pod. */
export interface AdminDesk {
  readonly admin: Admin
  /** The same calls as over the local API, each noted under this name. */
  as(name: string): PodOperator
  /** Calls back when there may be something new to see. */
  watch(wake: () => void): Disposable
  /** As `Client.backup`. @param as under whose name it is noted; null: it was already */
  backup(as: string | null, options: { signal: AbortSignal }): Promise<AsyncIterable<Uint8Array>>
  settings(): Promise<PodSettings>
  /** Writes muttr.json, noted under this name. @returns what makes the pod begin again with it. @throws {MuttrError} `CONFIG_INVALID` */
  change(
    as: string,
    change: Partial<PodSettings>
  ): Promise<{ settings: PodSettings; restart: () => Promise<void> }>
}
