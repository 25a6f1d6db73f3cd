import { stat, statfs } from 'node:fs/promises'
import type { Check } from '../client/client.ts'
import type { HomePaths } from '../config/home.ts'
import type { Node } from '../net/node.ts'

const secretFiles = ['vault', 'peerKey', 'deviceKey', 'hpkeKey'] as const
const freeBytesLeast = 200 * 2 ** 20

/** What `muttr doctor` says of the home folder and its disk. */
export const homeChecks = (paths: HomePaths): (() => Promise<Check[]>)[] => [
  () => modes(paths),
  () => disk(paths)
]

/** What `muttr doctor` says of how others reach the node; a light one serves nobody and need not be reached. */
export const reachChecks = (
  network: Pick<Node, 'reach'>,
  mode: 'server' | 'client'
): (() => Promise<Check[]>)[] => (mode === 'client' ? [] : [async () => [reachCheck(network)]])

function reachCheck(network: Pick<Node, 'reach'>): Check {
  const { how, reason } = network.reach()
  const ok = how === 'direct' || how === 'mapped'
  return {
    name: 'reach',
    ok: ok || how === 'relayed',
    detail: `${how}: ${reason}`,
    hint:
      how === 'none'
        ? 'Letters come and go all the same. To store for others, let the router pass on the TCP port, or switch on its UPnP.'
        : null
  }
}

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
