import type { HomePaths } from '../config/home.ts'
import { readHomeFile } from '../config/home.ts'
import type { BackupFile } from '../wire/backup.ts'
import type { Home } from './home.ts'

/**
 * What a backup holds beside the key and the client's rows. Of a person the keys of the node and the device stay here: what is restored is
 * another device. A pod is the same pod again, where people look for it.
 */
export async function backupFiles({
  paths,
  config
}: Home): Promise<{ name: BackupFile; content: Uint8Array }[]> {
  const found: { name: BackupFile; content: Uint8Array }[] = []
  for (const [name, path] of [
    ['muttr.json', paths.config],
    ['network.json', paths.network],
    ['joined.json', paths.joined],
    ...(config.pod ? podKeys(paths) : [])
  ] satisfies [BackupFile, string][]) {
    const content = await readHomeFile(path)
    if (content) found.push({ name, content })
  }
  return found
}

/** Where the keys lie that make a pod the same pod. */
export const podKeys = (paths: HomePaths): [BackupFile, string][] => [
  ['peer.key', paths.peerKey],
  ['device.key', paths.deviceKey],
  ['hpke.key', paths.hpkeKey]
]
