import { stat, statfs } from 'node:fs/promises'
import type { Check } from '../client/client.ts'
import type { HomePaths } from '../config/home.ts'

const secretFiles = ['vault', 'peerKey', 'deviceKey', 'hpkeKey'] as const
const freeBytesLeast = 200 * 2 ** 20

/** What `muttr doctor` says of the home folder and its disk. */
export const homeChecks = (paths: HomePaths): (() => Promise<Check[]>)[] => [
  () => modes(paths),
  () => disk(paths)
]

async function modes(paths: HomePaths): Promise<Check[]> {
  const open: string[] = []
  for (const name of secretFiles) {
    const found = await stat(paths[name]).catch(() => undefined)
    if (found && (found.mode & 0o077) !== 0) open.push(paths[name])
  }
  if (open.length === 0)
    return [
      { name: 'home', ok: true, detail: `${paths.home}, secrets readable by you alone`, hint: null }
    ]
  const detail = `others can read ${open.join(', ')}`
  return [{ name: 'home', ok: false, detail, hint: `chmod 600 ${open.join(' ')}` }]
}

async function disk({ home }: HomePaths): Promise<Check[]> {
  const { bavail, bsize } = await statfs(home)
  const freeBytes = bavail * bsize
  const detail = `${Math.floor(freeBytes / 2 ** 20)} MiB free`
  const ok = freeBytes >= freeBytesLeast
  return [
    { name: 'disk', ok, detail, hint: ok ? null : 'Free some space, or lower store.capBytes.' }
  ]
}
