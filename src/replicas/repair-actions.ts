import type { Contact } from '../base/ports.ts'
import type { Duty } from './duty.ts'
import type { Push } from './push-queue.ts'
import type { RepairPlan } from './repair.ts'

/** A key that we hold, to be compared with others. */
export interface RepairTask extends Duty {
  readonly key: Uint8Array
  readonly kind: 'blob' | 'tombstone'
  readonly lengthBytes: number
  /** Never drop it, whatever others prove. */
  readonly keep?: boolean
}

/**
 * What a peer said of a key. `behind`: it has a tombstone, and ours says more. A tombstone was verified and kept by us before it is
 * reported.
 */
export type RepairAnswer = 'none' | 'blob' | 'released' | 'behind'
/** What came of a challenge. `lie` is a proof that is wrong, `unknown` one that we could not check. */
export type Proof = 'proved' | 'lie' | 'none' | 'released' | 'unknown'

export interface Batch {
  readonly contact: Contact
  readonly keys: readonly Uint8Array[]
}
/** `have`; reported on by {@link RepairPlan.answered} or {@link RepairPlan.failed}. `kinds`: what we hold of each key. */
export type AskAction = Batch & {
  readonly type: 'ask'
  readonly kinds: readonly RepairTask['kind'][]
}
/** `have` with a challenge; {@link RepairPlan.proved} or {@link RepairPlan.failed}. */
export type ProveAction = Batch & { readonly type: 'prove' }
/** put or release; {@link RepairPlan.pushed}. */
export type PushAction = Push & { readonly type: 'push' }
/** The store shall forget it; nothing is to be reported. */
export type DropAction = { readonly type: 'drop'; readonly key: Uint8Array }
export type RepairAction = AskAction | ProveAction | PushAction | DropAction

/**
 * How a push went. `held`: it was not needed any more. `full`: it takes nothing of anybody. `later`: it takes no more of us for now. `gone`: we
 * have it no more, or a tombstone now. `released`: it has a tombstone. `refused`: for another reason. `away`: it did not answer.
 */
export type Pushed = 'taken' | 'held' | 'full' | 'later' | 'gone' | 'released' | 'refused' | 'away'
