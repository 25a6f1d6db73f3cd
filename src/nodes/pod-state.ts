import { toHex } from '../base/bytes.ts'
import { nameOf } from '../net/postgres/pool.ts'
import { openShared } from '../net/postgres/shared.ts'
import { systemRandom } from '../net/random.ts'
import { podSchema } from '../pod/schema.ts'
import { levelState } from '../store/level.ts'
import { levelFormat } from '../store/level-rows.ts'
import { formatOf as formatAt, retireSchema } from '../store/sql/schema.ts'
import { createSqlState } from '../store/sql/sql-state.ts'
import type { WholeState } from '../store/state.ts'
import { formatOf, refusedVersion, versionNow, versionOf } from '../store/upgrade/schema.ts'
import { settleSwap } from './upgrade/swap.ts'
import { saysAlone } from './upgrade/waiting.ts'

/** Where a pod keeps its accounts and mailboxes: in its home, or in a PostgreSQL that several processes of it share. */
export const embedded = 'embedded'

/**
 * Under the lock of the home.
 * @param store {@link embedded}, or the address of a PostgreSQL.
 * @param o.alone refuses, and is refused, where another process serves the pod.
 * @throws {MuttrError} `HOME_IN_USE`, `HOME_DAMAGED`, `STATE_UNREACHABLE`, `STATE_UNFIT`, `STATE_OLD`, `STATE_NEWER`, `USAGE`
 */
export async function openPodState(
  store: string,
  folder: string,
  { alone = false }: { alone?: boolean } = {}
): Promise<WholeState> {
  if (store === embedded) {
    await settleSwap(folder)
    checkVersion(await levelFormat(folder), folder)
    return await levelState(folder, podFormat)
  }
  const self = toHex(systemRandom.bytes(8))
  const database = await openShared(store)
  try {
    checkVersion(await formatAt(database.read), database.name)
  } catch (err) {
    await database[Symbol.asyncDispose]()
    throw err
  }
  const says = alone ? saysAlone(podFormat) : podFormat
  return await createSqlState({ database, self, alone, format: podFormat, says })
}

/** What a pod's database says that it is. */
export const podFormat = formatOf(podSchema, versionNow(podSchema))

function checkVersion(format: string | undefined, where: string): void {
  const version = format === undefined ? undefined : versionOf(podSchema, format)
  if (version !== undefined && version !== versionNow(podSchema))
    throw refusedVersion(podSchema, version, where)
}

/** For people: without user, password and the like. */
export const describeStore = (store: string): string =>
  store === embedded ? embedded : `postgres://${nameOf(store)}`

/** After what is in it was moved: nobody opens it any more. */
export async function retirePodState(store: string): Promise<void> {
  await using database = await openShared(store)
  await retireSchema(database)
}
