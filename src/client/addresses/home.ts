import type { Random } from '../../base/ports.ts'
import { readAlias } from '../../pod/alias.ts'
import type { AddressPlace } from '../../wire/address.ts'
import type { AddressChanges, KeptAddress } from '../../wire/pod-addresses.ts'
import type { Pods } from '../pods.ts'
import type { KeyPods } from './key-pods.ts'
import type { Polls } from './polls.ts'
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
  /**
   * @param relation its `ours` is followed by one of the same kind; where that is null it is as this device makes them.
   * @returns a fresh one; `key` as in `OwnPlace`. @throws {MuttrError} as {@link AddressHome.place}
   */
  make(
    relation: Pick<Relation, 'us' | 'them' | 'ours'>,
    signal: AbortSignal
  ): Promise<AddressPlace & { key: Uint8Array | null }>
  /**
   * An address that we made is of our account, and is to be one of a key. Never the other way round: it may be another device of the person that wants
   * keys, and the two would move all of them to and fro.
   */
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

/** By keys where that is wanted and there is another pod; else our accounts have them. */
export function relationHome(parts: {
  isBlind: boolean
  accounts: AddressHome
  keyPods: Pick<KeyPods, 'isPossible' | 'choose'>
  polls: Pick<Polls, 'failing'>
  random: Random
}): RelationHome {
  const { isBlind, accounts, keyPods, polls, random } = parts
  return {
    async make({ us, them, ours }, signal) {
      const isOfKey = isBlind || (ours !== null && ours.key !== null)
      if (isOfKey && keyPods.isPossible) return await keyPods.choose(them, polls.failing(), signal)
      return { ...(await accounts.place(us, signal)), address: random.bytes(32), key: null }
    },
    isElsewhere: ({ key }) => key === null && isBlind && keyPods.isPossible
  }
}
