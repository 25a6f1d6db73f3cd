import type { PodSettings } from '../api/admin/desk.ts'
import type { Config } from '../config/config.ts'
import { editConfig } from '../config/config.ts'
import { homePaths, openHome, readHomeFile, writeFileAtomic } from '../config/home.ts'

/** What an owner may change from afar. */
export const podSettingsOf = ({ pod }: Config): PodSettings => {
  const { policy, federation, accountsMax, mailboxMax, via } = pod!
  return { policy, federation, accountsMax, mailboxMax, via }
}

/** Writes muttr.json with the change; all else, and its comments, as it stood there. @throws {MuttrError} `CONFIG_INVALID`, naming the field */
export async function changePodSettings(home: string, change: Partial<PodSettings>): Promise<void> {
  await openHome(home)
  const { config } = homePaths(home)
  let text = Buffer.from((await readHomeFile(config)) ?? []).toString('utf8')
  for (const [name, value] of Object.entries(change)) text = editConfig(text, ['pod', name], value)
  await writeFileAtomic(config, text)
}
