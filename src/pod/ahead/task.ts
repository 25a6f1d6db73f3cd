import { limits } from '../../base/limits.ts'
import type { Millis } from '../../base/ports.ts'
import type { AheadStatus } from '../../wire/ahead.ts'
import type { AccountId } from '../rows.ts'

/** What a pod knows of a chunk. The numbers stand on the disk. */
export const unknown = 0
export const wanted = 1
export const here = 2
export const lost = 3

/** A file that a pod fetches for one of its people: blob keys, and nothing that says what they are of. */
export interface Task {
  readonly account: AccountId
  /** 32 hex digits, as the client chose; of one account. */
  readonly id: string
  readonly chunks: number
  readonly expiryMs: Millis
  /** Of each chunk, a byte. */
  readonly states: Uint8Array
  /** Of so many, from the first on, the key is known. */
  keys: number
  here: number
  lost: number
  /** Nobody wants it any more: what is under way is thrown away. */
  dropped: boolean
}

export const newTask = (of: Pick<Task, 'account' | 'id' | 'chunks' | 'expiryMs'>): Task => ({
  ...of,
  ...{ states: new Uint8Array(of.chunks), keys: 0, here: 0, lost: 0, dropped: false }
})

/** A chunk counts as one of the largest class, from the moment that it is asked for: nobody can tell its size from its key. */
export const bytesOf = ({ chunks }: Pick<Task, 'chunks'>): number => chunks * limits.blobBytesMax

export const statusOf = ({ keys, here, lost }: Task): AheadStatus => ({ keys, here, lost })

export const isHere = ({ states }: Task, chunk: number): boolean => states[chunk] === here

export function setState(task: Task, chunk: number, state: number): void {
  const before = task.states[chunk]
  task.states[chunk] = state
  task.here += Number(state === here) - Number(before === here)
  task.lost += Number(state === lost) - Number(before === lost)
}
