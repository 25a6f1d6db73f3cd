import { levelRows } from './level-rows.ts'
import { countIndex } from './seed-index.ts'
import { seedFormat } from './seed-rows.ts'
import { createSeedStore } from './seed-store.ts'
import type { WholeState } from './state.ts'
import { stateFormat } from './state-rows.ts'
import { createState } from './state-store.ts'
import type { SeedStore } from './store.ts'

/**
 * A seed's store in a LevelDB database. What it acknowledged survives `kill -9`, but the last moments may not survive a power loss:
 * a blob's other copies are what stands against that, and waiting for the disk would cost each put 10 times as much.
 * @param capBytes what may be stored in all, as {@link SeedStore.usage} counts. The files may take somewhat more (docs/protocol/store.md).
 * @throws {MuttrError} `HOME_IN_USE`, `HOME_DAMAGED`, `DISK_FULL`, `DISK_FAILED`
 */
export async function levelStore(
  folder: string,
  { capBytes }: { capBytes: number }
): Promise<SeedStore> {
  const rows = await levelRows(folder, { format: seedFormat, sync: false })
  try {
    return createSeedStore(rows, { capBytes, counted: await countIndex(rows) })
  } catch (err) {
    await rows[Symbol.asyncDispose]()
    throw err
  }
}

/**
 * Tables and logs in a LevelDB database. What it acknowledged survives a power loss: every write waits for the disk, together
 * with those that came meanwhile.
 * @param format what the database says that it is, or is to say where there is none.
 * @throws {MuttrError} `HOME_IN_USE`, `HOME_DAMAGED`, `DISK_FULL`, `DISK_FAILED`
 */
export const levelState = async (folder: string, format = stateFormat): Promise<WholeState> =>
  createState(await levelRows(folder, { format, sync: true }))
