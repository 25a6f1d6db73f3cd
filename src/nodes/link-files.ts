import { MuttrError } from '../base/errors.ts'
import type { ConfigFile } from '../config/config.ts'
import { readConfigFile, writeConfig } from '../config/config.ts'
import type { BackupFile } from '../wire/backup.ts'
import { backupFiles } from './backup-files.ts'
import type { Home } from './home.ts'

/** What of muttr.json is the person's. The rest was said of the machine: addresses, its disk, its line, what it does for others. */
const ofThePerson = [
  'name',
  'network',
  'publishAliases',
  'strangers',
  'notices',
  'requests',
  'receipts',
  'subkeys',
  'networkBackup',
  'networkBackupBytes',
  'pods',
  'page'
] as const satisfies readonly (keyof ConfigFile)[]

/** The home's files as a new device of the person is given them. @throws {MuttrError} `USAGE` where a pod runs */
export async function linkFiles(home: Home): Promise<{ name: BackupFile; content: Uint8Array }[]> {
  if (home.config.pod)
    throw new MuttrError('USAGE', 'this is the home of a pod, which no other device is given', {
      hint: 'For another process of it: `muttr pod member`.'
    })
  const files = await backupFiles(home)
  return files.map(({ name, content }) =>
    name === 'muttr.json' ? { name, content: personal(content) } : { name, content }
  )
}

/** As it was written, without the defaults. */
function personal(content: Uint8Array): Uint8Array {
  const file = readConfigFile(Buffer.from(content).toString('utf8'))
  const kept = ofThePerson.flatMap(key => (file[key] === undefined ? [] : [[key, file[key]]]))
  // Where the network lives is not the machine's: in private ranges all of it does.
  const { groupLocal } = file.connections ?? {}
  const connections = groupLocal === undefined ? {} : { connections: { groupLocal } }
  const text = writeConfig({ ...Object.fromEntries(kept), ...connections } as ConfigFile)
  return new Uint8Array(Buffer.from(text))
}
