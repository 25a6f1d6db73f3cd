import type { KeyPodStatus } from './key-pod-status.ts'
import type { KeyPods } from './key-pods.ts'
import type { Polls } from './polls.ts'

/** Where addresses for correspondents live, for `status` and `doctor`. */
export interface AddressHomes {
  /** As muttr.json has it. */
  wanted: 'account' | 'blind'
  /** Where one would be made now: with our account where no other pod is known. */
  made: 'account' | 'blind'
  /** Pods that keep some for us, which do not know whose they are; none while the vault is locked. */
  pods: KeyPodStatus[]
}

export const addressHomes = (
  { polls, keyPods }: { polls: Pick<Polls, 'pods'>; keyPods: Pick<KeyPods, 'isPossible'> },
  wanted: AddressHomes['wanted'] = 'account'
): AddressHomes => ({
  wanted,
  made: keyPods.isPossible ? wanted : 'account',
  pods: polls.pods()
})
