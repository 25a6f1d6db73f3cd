import type { Settings, SettingsChange } from '../api/house.ts'
import type { Config, ConfigFile } from '../config/config.ts'
import { readConfig, writeConfig } from '../config/config.ts'
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

/** Writes muttr.json with the change, and all else as it was said there. @throws {MuttrError} `CONFIG_INVALID`, naming the field */
export async function changeSettings(home: string, change: SettingsChange): Promise<void> {
  await openHome(home)
  const { config } = homePaths(home)
  const text = Buffer.from((await readHomeFile(config)) ?? []).toString('utf8')
  readConfig(text)
  const said = JSON.parse(text) as Record<string, unknown>
  for (const [name, value] of Object.entries(change)) {
    const [outer, inner] = places[name as keyof Settings]
    if (inner === undefined) set(said, outer, value)
    else {
      const section = { ...(said[outer] as Record<string, unknown> | undefined) }
      set(section, inner, value)
      set(said, outer, Object.keys(section).length > 0 ? section : null)
    }
  }
  await writeFileAtomic(config, writeConfig(said as ConfigFile))
}

/** Null takes away what was said. */
function set(object: Record<string, unknown>, name: string, value: unknown): void {
  if (value === null) delete object[name]
  else object[name] = value
}
