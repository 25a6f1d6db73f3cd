import { readAlias } from '../../pod/alias.ts'
import type { AddressPlace } from '../../wire/address.ts'
import type { AddressChanges, KeptAddress } from '../../wire/pod-addresses.ts'
import type { Pods } from '../pods.ts'
import type { Relation } from './relation-rows.ts'

/** Where addresses live that our accounts have, and who is told about them. */
export interface AddressHome {
  /** Where one is made for an own alias. @throws {MuttrError} `POD_UNREACHABLE`, `METHOD_UNKNOWN` where none can be made, … */
  place(us: string, signal: AbortSignal): Promise<Omit<AddressPlace, 'address'>>
  /** Sets and drops addresses that stand at a pod; the same again changes nothing. @throws {MuttrError} as {@link place} */
  change(pod: string, changes: AddressChanges, signal: AbortSignal): Promise<void>
  /** All that stand there. @throws {MuttrError} as {@link place} */
  all(pod: string, signal: AbortSignal): Promise<KeptAddress[]>
  /** Has what waits at some handed over. @returns how many notices */
  ask(pod: string, addresses: readonly Uint8Array[], signal: AbortSignal): Promise<number>
}

/** Where addresses for correspondents are made: at the pod of each alias, or by keys at others. */
export interface RelationHome {
  /** @returns a fresh one; `key` as in `OwnPlace`. @throws {MuttrError} as {@link AddressHome.place} */
  make(
    relation: Pick<Relation, 'us' | 'them'>,
    signal: AbortSignal
  ): Promise<AddressPlace & { key: Uint8Array | null }>
  /** An address that we made does not live where one would be made now. */
  isElsewhere(place: { key: Uint8Array | null }): boolean
}

/** At the pod of each alias, which knows that they are ours. */
export const accountHome = (pods: Pick<Pods, 'identified'>): AddressHome => ({
  async place(us, signal) {
    const { hostname: pod } = readAlias(us)
    const link = await pods.identified(pod, signal)
    return { pod, hpkeKey: link.pod.hpkeKey }
  },
  change: async (pod, changes, signal) =>
    (await pods.identified(pod, signal)).addresses.change(changes),
  all: async (pod, signal) => (await pods.identified(pod, signal)).addresses.all(),
  ask: async (pod, addresses, signal) =>
    (await pods.identified(pod, signal)).addresses.ask(addresses)
})
