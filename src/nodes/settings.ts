import type { Settings, SettingsChange } from '../api/house.ts'
import type { Config, ConfigFile } from '../config/config.ts'
import { editConfig, readConfig, readConfigFile } from '../config/config.ts'
import { homePaths, openHome, readHomeFile, writeFileAtomic } from '../config/home.ts'

/** Where in muttr.json each setting stands. */
const places: Record<keyof Settings, readonly [string, string?]> = {
  name: ['name'],
  profile: ['profile'],
  storeBytes: ['store', 'capBytes'],
  connectionsMax: ['connections', 'max'],
  upBytesPerSecond: ['bandwidth', 'upBytesPerSecond'],
  downBytesPerSecond: ['bandwidth', 'downBytesPerSecond'],
  strangers: ['strangers'],
  notices: ['notices'],
  requests: ['requests'],
  receipts: ['receipts'],
  networkBackup: ['networkBackup'],
  publishAliases: ['publishAliases'],
  mdns: ['mdns'],
  theme: ['page', 'theme']
}

export const settingsOf = (c: Config): Settings => ({
  name: c.name,
  profile: c.profile,
  storeBytes: c.store.capBytes,
  connectionsMax: c.connections.max,
  upBytesPerSecond: c.bandwidth.upBytesPerSecond ?? null,
  downBytesPerSecond: c.bandwidth.downBytesPerSecond ?? null,
  strangers: c.strangers,
  notices: c.notices,
  requests: c.requests,
  receipts: c.receipts,
  networkBackup: c.networkBackup,
  publishAliases: c.publishAliases,
  mdns: c.mdns,
  theme: c.page.theme
})

/** The node does not care how its page looks. */
export const needsRestart = (change: SettingsChange): boolean =>
  Object.keys(change).some(name => name !== 'theme')

/** Writes muttr.json with the change; all else, and its comments, as it stood there. @throws {MuttrError} `CONFIG_INVALID`, naming the field */
export async function changeSettings(home: string, change: SettingsChange): Promise<void> {
  await openHome(home)
  const { config } = homePaths(home)
  let text = Buffer.from((await readHomeFile(config)) ?? []).toString('utf8')
  readConfig(text)
  for (const [name, value] of Object.entries(change)) {
    const path = places[name as keyof Settings] as readonly string[]
    const [outer] = path as readonly [keyof ConfigFile]
    text = editConfig(text, path, value ?? undefined)
    const section = readConfigFile(text)[outer]
    const isEmpty = typeof section === 'object' && Object.keys(section).length === 0
    if (isEmpty) text = editConfig(text, [outer], undefined)
  }
  await writeFileAtomic(config, text)
}
