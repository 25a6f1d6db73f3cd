import { memoryRows } from './rows.ts'
import { createSeedStore } from './seed-store.ts'
import type { WholeState } from './state.ts'
import { createState } from './state-store.ts'
import type { SeedStore } from './store.ts'

/** A seed's store that is gone with the process. */
export const memoryStore = ({
  capBytes = Number.MAX_SAFE_INTEGER
}: {
  capBytes?: number
} = {}): SeedStore => createSeedStore(memoryRows(), { capBytes, counted: { blobs: 0, bytes: 0 } })

/** Tables and logs that are gone with the process. */
export const memoryState = (): WholeState => createState(memoryRows())
