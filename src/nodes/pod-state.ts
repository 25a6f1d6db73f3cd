import { toHex } from '../base/bytes.ts'
import { nameOf } from '../net/postgres/pool.ts'
import { openShared } from '../net/postgres/shared.ts'
import { systemRandom } from '../net/random.ts'
import { levelState } from '../store/level.ts'
import { retireSchema } from '../store/sql/schema.ts'
import { createSqlState } from '../store/sql/sql-state.ts'
import type { WholeState } from '../store/state.ts'

/** Where a pod keeps its accounts and mailboxes: in its home, or in a PostgreSQL that several processes of it share. */
export const embedded = 'embedded'

/**
 * @param store {@link embedded}, or the address of a PostgreSQL.
 * @param o.alone refuses, and is refused, where another process serves the pod.
 * @throws {MuttrError} `HOME_IN_USE`, `HOME_DAMAGED`, `STATE_UNREACHABLE`, `STATE_UNFIT`, `USAGE`
 */
export async function openPodState(
  store: string,
  folder: string,
  { alone = false }: { alone?: boolean } = {}
): Promise<WholeState> {
  if (store === embedded) return await levelState(folder)
  const self = toHex(systemRandom.bytes(8))
  return await createSqlState({ database: await openShared(store), self, alone })
}

/** For people: without user, password and the like. */
export const describeStore = (store: string): string =>
  store === embedded ? embedded : `postgres://${nameOf(store)}`

/** After what is in it was moved: nobody opens it any more. */
export async function retirePodState(store: string): Promise<void> {
  await using database = await openShared(store)
  await retireSchema(database)
}
