import { rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
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

/** What a process that was killed left of a swap: ended where it had begun, else taken away. */
export async function settleSwap(folder: string): Promise<void> {
  if (!(await isThere(folder)) && (await isThere(lastOf(folder))))
    await rename((await isThere(nextOf(folder))) ? nextOf(folder) : lastOf(folder), folder)
  for (const left of [lastOf(folder), nextOf(folder)])
    await rm(left, { recursive: true, force: true })
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false
  )
