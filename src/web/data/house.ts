import type { MakeHome, Settings, SettingsChange, Setup } from '../../api/house.ts'
import type { Registration } from '../../client/client.ts'
import { ask, json, post } from './ask.ts'
import { refresh, settings, setup } from './session.ts'
import { attempt, tell } from './toasts.ts'

const take = async (asked: Promise<Setup>): Promise<void> => {
  setup.value = await asked
  void refresh()
}

export const makeHome = (home: MakeHome): Promise<void> => take(post('/setup/home', home))
export const join = (link: string): Promise<void> => take(post('/setup/join', { link }))
export const unlock = (passphrase: string): Promise<void> => take(post('/unlock', { passphrase }))
export const lock = async (): Promise<void> => {
  await attempt(() => take(post('/lock')))
}

/** The node is told to forget the rest of its own accord. */
export async function changeSettings(change: SettingsChange): Promise<void> {
  const changed = await attempt(() =>
    json<Settings>('/settings', { method: 'PATCH', json: change })
  )
  if (!changed) return
  settings.value = changed
  tell('Saved.')
  void refresh()
}

export async function register(alias: string, invite?: string): Promise<Registration> {
  const done = await post<Registration>('/registrations', { alias, ...(invite && { invite }) })
  await refresh()
  return done
}

/** Hands the locked secret key to the browser as a file. */
export async function backUpKey(passphrase: string, name: string): Promise<void> {
  const answer = await ask('/setup/backup', { method: 'POST', json: { passphrase } })
  save(await answer.blob(), `muttr-key-${name.replace(/[^\p{L}\p{N}]+/gu, '-')}.asc`)
  await refresh()
}

/** Saves bytes as a file under a name of ours. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
