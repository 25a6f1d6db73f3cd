import { MuttrError } from '../base/errors.ts'
import { readHomeFile } from '../config/home.ts'
import type { BackupFile } from '../wire/backup.ts'
import type { Home } from './home.ts'

/**
 * What a person's backup holds beside the key and the client's rows. The keys of the node and the device stay here: what is restored
 * is another device. @throws {MuttrError} `USAGE` where a pod runs
 */
export async function backupFiles({
  paths,
  config
}: Home): Promise<{ name: BackupFile; content: Uint8Array }[]> {
  if (config.pod)
    throw new MuttrError('USAGE', 'this is the home of a pod, whose accounts are not in a backup', {
      hint: 'Stop the pod and copy its whole folder.'
    })
  const found: { name: BackupFile; content: Uint8Array }[] = []
  for (const [name, path] of [
    ['muttr.json', paths.config],
    ['network.json', paths.network],
    ['joined.json', paths.joined]
  ] as const) {
    const content = await readHomeFile(path)
    if (content) found.push({ name, content })
  }
  return found
}
