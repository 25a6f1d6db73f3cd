import { rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MuttrError } from '../../base/errors.ts'
import { syncFolder } from '../../config/home.ts'

/** Where a database is made that is to take the place of another. */
export const nextOf = (folder: string): string => `${folder}.next`
const lastOf = (folder: string): string => `${folder}.last`

/** Puts the database that was made, and is whole, in the place of the one that is there. Killed at any moment, {@link settleSwap} ends it. */
export async function swapIn(folder: string): Promise<void> {
  await rename(folder, lastOf(folder))
  await syncFolder(dirname(folder))
  await rename(nextOf(folder), folder)
  await syncFolder(dirname(folder))
  await settleSwap(folder)
}

/** What a process that was killed left of a swap: ended where it had begun, else taken away. Under the lock of the home. @throws {MuttrError} `HOME_DAMAGED` */
export async function settleSwap(folder: string): Promise<void> {
  const found = await settledAt(folder)
  if (found !== folder) {
    await rename(found, folder)
    await syncFolder(dirname(folder))
  }
  for (const left of [lastOf(folder), nextOf(folder)])
    await rm(left, { recursive: true, force: true })
}

/**
 * Which folder {@link settleSwap} takes for the state.
 * @throws {MuttrError} `HOME_DAMAGED` where all three are there: no swap leaves that, so which of them is the state nobody can tell.
 */
export async function settledAt(folder: string): Promise<string> {
  const [last, next] = [lastOf(folder), nextOf(folder)]
  if (!(await isThere(last))) return folder
  const isMade = await isThere(next)
  if (!(await isThere(folder))) return isMade ? next : last
  if (!isMade) return folder
  throw new MuttrError('HOME_DAMAGED', `${folder} stands beside what an upgrade left`, {
    hint: `An older program may have begun it, empty, after an upgrade that was killed. The state from before is ${last}, what it became is ${next}: move ${folder} elsewhere, unless it is in use since, and start again.`
  })
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    err => {
      if (err.code === 'ENOENT') return false
      throw err
    }
  )
