import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { MuttrError } from '../base/errors.ts'
import { homePaths, unwritable } from './home.ts'

/** Who holds a home folder: a process, told from a later one of the same number by when it started. */
interface Holder {
  pid: number
  /** Clock ticks since boot, from /proc; null where there is none. */
  started: string | null
}

/** Field 22 of /proc/PID/stat; the second field may hold spaces and brackets, so count from its end. */
async function startOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** @returns undefined for a lock file that no process of ours wrote whole. */
function parse(text: string): Holder | undefined {
  const found = /^(\d{1,10}) (\d{1,20}|-)\n$/.exec(text)
  if (!found) return undefined
  return { pid: Number(found[1]), started: found[2] === '-' ? null : found[2]! }
}

async function holds({ pid, started }: Holder): Promise<boolean> {
  if (pid === process.pid) return (await startOf(pid)) === started
  if (!isAlive(pid)) return false
  const now = await startOf(pid)
  return started === null || now === null || now === started
}

let taken = 0

/**
 * Keeps two processes from running on one home folder. A lock whose process is gone is taken over.
 * @returns the lock; disposing it frees the folder.
 * @throws {MuttrError} `HOME_IN_USE`, `HOME_MISSING` when the folder is not there, `DISK_FULL`, `DISK_FAILED`
 */
export async function lockHome(home: string): Promise<AsyncDisposable> {
  const { lock } = homePaths(home)
  const mine = `${lock}.${process.pid}.${taken++}`
  const content = `${process.pid} ${(await startOf(process.pid)) ?? '-'}\n`
  await writeMine(mine, content, home)
  try {
    await take(mine, lock)
  } finally {
    await rm(mine, { force: true })
  }
  return {
    async [Symbol.asyncDispose]() {
      const found = await readFile(lock, 'utf8').catch(() => null)
      if (found === content) await rm(lock, { force: true })
    }
  }
}

async function writeMine(mine: string, content: string, home: string): Promise<void> {
  try {
    const file = await open(mine, 'wx', 0o600)
    await file.writeFile(content).finally(() => file.close())
  } catch (cause) {
    await rm(mine, { force: true }).catch(() => undefined)
    const gone = ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')
    if (!gone) throw unwritable(cause, mine)
    throw new MuttrError('HOME_MISSING', `there is no folder ${home}`, { cause })
  }
}

/** A hard link appears whole or not at all, and only one process can make it. */
async function take(mine: string, lock: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      await link(mine, lock)
      return
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(err, lock)
    }
    const text = await readFile(lock, 'utf8').catch(() => null)
    if (text === null) continue
    const holder = parse(text)
    if (holder && (await holds(holder)))
      throw new MuttrError('HOME_IN_USE', `process ${holder.pid} runs on this folder`)
    await dropStale(lock, `${mine}.stale`, text)
  }
  throw new MuttrError('HOME_IN_USE', 'other processes compete for this folder')
}

/** Two processes may find the same stale lock; what the slower one moved away may be the other's fresh lock, and goes back. */
async function dropStale(lock: string, aside: string, text: string): Promise<void> {
  await rename(lock, aside).catch(() => undefined)
  const moved = await readFile(aside, 'utf8').catch(() => null)
  if (moved !== null && moved !== text) await link(aside, lock).catch(() => undefined)
  await rm(aside, { force: true })
}
