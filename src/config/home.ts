import type { Stats } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import type { ErrorCode } from '../base/errors.ts'
import { MuttrError } from '../base/errors.ts'

/** Where everything of one node lies. */
export interface HomePaths {
  readonly home: string
  readonly config: string
  readonly network: string
  /** What a join link brought: an invite to use, a contact it vouches for. */
  readonly joined: string
  readonly vault: string
  readonly certificate: string
  readonly peerKey: string
  readonly deviceKey: string
  /** A pod's X25519 seed, 32 bytes, to which notices are sealed. */
  readonly hpkeKey: string
  /** Takes the key back, should the vault be lost or stolen. */
  readonly revocation: string
  readonly seedDb: string
  readonly peersDb: string
  readonly clientDb: string
  readonly podDb: string
  /** Which version it is of, for who asks while the pod has it open. */
  readonly podVersion: string
  /** What a pod's state was before it was upgraded. */
  readonly upgrades: string
  /** Sealed files on their way out, and fetched ones. */
  readonly attachments: string
  /** Sealed files that a pod fetched for its people. */
  readonly ahead: string
  /** The certificate that a pod ordered, and its key at the authority. */
  readonly https: string
  readonly api: string
  /** Opens the web page in a browser. */
  readonly page: string
  readonly lock: string
}

export const homePaths = (home: string): HomePaths => ({
  home,
  config: join(home, 'muttr.json'),
  network: join(home, 'network.json'),
  joined: join(home, 'joined.json'),
  vault: join(home, 'vault'),
  certificate: join(home, 'certificate.pgp'),
  revocation: join(home, 'revocation.asc'),
  peerKey: join(home, 'peer.key'),
  deviceKey: join(home, 'device.key'),
  hpkeKey: join(home, 'hpke.key'),
  seedDb: join(home, 'db', 'seed'),
  peersDb: join(home, 'db', 'peers'),
  clientDb: join(home, 'db', 'client'),
  podDb: join(home, 'db', 'pod'),
  podVersion: join(home, 'db', 'pod.version'),
  upgrades: join(home, 'upgrades'),
  attachments: join(home, 'attachments'),
  ahead: join(home, 'ahead'),
  https: join(home, 'https'),
  api: join(home, 'api.json'),
  page: join(home, 'page.html'),
  lock: join(home, 'lock')
})

const isErrno = (err: unknown, ...codes: string[]) =>
  codes.includes((err as NodeJS.ErrnoException | null)?.code ?? '')

const statOrNone = (path: string): Promise<Stats | undefined> =>
  stat(path).catch(err => {
    if (isErrno(err, 'ENOENT', 'ENOTDIR')) return undefined
    throw damaged(path, err)
  })

const damaged = (path: string, cause?: unknown) =>
  new MuttrError('HOME_DAMAGED', `${path} cannot be read: ${(cause as Error)?.message}`, { cause })

/** True when a node was set up there. */
export const homeExists = async (home: string): Promise<boolean> =>
  (await statOrNone(homePaths(home).config)) !== undefined

/** What a process writes that runs on a folder where no node was set up yet. */
const ofTheProcess: ReadonlySet<string> = new Set(['lock', 'api.json', 'page.html'])

/**
 * Makes the folder with its database folders, all 0700. An empty folder is taken over, one with other people's files is not.
 * @throws {MuttrError} `HOME_EXISTS`, `DISK_FULL`, `DISK_FAILED`
 */
export async function makeHome(home: string): Promise<HomePaths> {
  const paths = homePaths(home)
  try {
    await mkdir(home, { recursive: true, mode: 0o700 })
    const inside = await readdir(home)
    if (inside.some(name => !ofTheProcess.has(name)))
      throw new MuttrError('HOME_EXISTS', `${home} is not empty`)
    const folder = await open(home)
    try {
      await folder.chmod(0o700)
    } finally {
      await folder.close()
    }
    await mkdir(join(home, 'db'), { mode: 0o700 })
  } catch (err) {
    if (isErrno(err, 'EEXIST', 'ENOTDIR'))
      throw new MuttrError('HOME_EXISTS', `${home} is not a folder`, { cause: err })
    throw unwritable(err, home)
  }
  return paths
}

/** Takes away what was made of a home that could not be finished, and the folder when nothing else is in it. */
export async function unmakeHome(home: string): Promise<void> {
  for (const name of await readdir(home).catch(() => []))
    if (!ofTheProcess.has(name)) await rm(join(home, name), { recursive: true, force: true })
  await rmdir(home).catch(() => undefined)
}

/** @throws {MuttrError} `HOME_MISSING` when no node was set up there. */
export async function openHome(home: string): Promise<HomePaths> {
  if (!(await homeExists(home))) throw new MuttrError('HOME_MISSING', `no muttr.json in ${home}`)
  return homePaths(home)
}

let written = 0

/**
 * Writes all of a file or nothing, durable when it resolves: a new file beside it, flushed, then renamed over it.
 * @param mode 0600 unless told.
 * @throws {MuttrError} `DISK_FULL`, `DISK_FAILED`
 */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  { mode = 0o600 }: { mode?: number } = {}
): Promise<void> {
  // Processes on other machines, and in other containers, may have this one's number and share the folder.
  const temporary = `${path}.${hostname()}.${process.pid}.${written++}.tmp`
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.chmod(mode) // whatever the umask took away or a left-over file had
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (err) {
    await rm(temporary, { force: true })
    throw unwritable(err, path)
  }
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** What kept us from writing: the disk is full, or is not ours to write. */
export const unwritable = (err: unknown, path: string): MuttrError => {
  if (err instanceof MuttrError) return err
  const code: ErrorCode = isErrno(err, 'ENOSPC', 'EDQUOT', 'EFBIG') ? 'DISK_FULL' : 'DISK_FAILED'
  return new MuttrError(code, `${path} cannot be written: ${(err as Error).message}`, {
    cause: err
  })
}

/**
 * Reads a file of a home folder, bounded.
 * @returns undefined when there is none.
 * @throws {MuttrError} `HOME_DAMAGED` when it is too large or cannot be read.
 */
export async function readHomeFile(
  path: string,
  { maxBytes = 1024 * 1024 }: { maxBytes?: number } = {}
): Promise<Uint8Array | undefined> {
  const found = await statOrNone(path)
  if (!found) return undefined
  if (!found.isFile() || found.size > maxBytes)
    throw new MuttrError('HOME_DAMAGED', `${path} is not a file of at most ${maxBytes} bytes`)
  return new Uint8Array(await readFile(path).catch(err => Promise.reject(damaged(path, err))))
}
