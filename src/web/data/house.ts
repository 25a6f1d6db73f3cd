import type {
  LinkTaken,
  MadeNews,
  MakeHome,
  RestoreFromNetwork,
  RestoreNews,
  Settings,
  SettingsChange,
  Setup
} from '../../api/house.ts'
import type { Registration } from '../../client/client.ts'
import { ask, json, Problem, post, type SendOptions, send } from './ask.ts'
import { refresh, settings, setup, takeStanding } from './session.ts'
import { eventsIn } from './stream.ts'
import { attempt, tell } from './toasts.ts'

const take = async (asked: Promise<Setup>): Promise<void> => {
  setup.value = await asked
  void refresh()
}

export const makeHome = (home: MakeHome): Promise<void> => take(post('/setup/home', home))
/** @returns whom an earlier link introduced with another key */
export async function join(link: string): Promise<string | null> {
  const { setup: now, contactDiffers } = await post<LinkTaken>('/setup/join', { link })
  await take(Promise.resolve(now))
  return contactDiffers
}
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

/** @param said with an invite, or with a note for an operator who lets people in */
export async function register(
  alias: string,
  said: { invite?: string; note?: string }
): Promise<Registration> {
  try {
    return await post<Registration>('/registrations', { alias, ...said })
  } finally {
    // Also what waits for an operator stands there.
    await refresh()
  }
}

export const restoreHome = (
  file: File,
  said: { words: string; passphrase: string },
  how: SendOptions
): Promise<void> => {
  const body = new Blob([`${JSON.stringify(said)}\n`, file])
  return take(send<Setup>('/setup/restore', body, {}, how))
}

/** The same out of the network; ends when `signal` says so. @throws {Problem} */
export const restoreFromNetwork = ({
  signal,
  onProgress,
  ...said
}: RestoreFromNetwork): Promise<void> =>
  comeHome<RestoreNews>('/setup/restore-network', said, {
    signal,
    onNews: one => {
      if (one.type === 'fetched') onProgress(one)
    }
  })

/** Has a home made that comes from elsewhere, and follows how that goes on, to its end. @throws {Problem} */
export async function comeHome<News extends { type: string }>(
  path: string,
  said: object,
  { signal, onNews }: { signal: AbortSignal; onNews: (news: News) => void }
): Promise<void> {
  const answer = await ask(path, { method: 'POST', json: said, signal })
  try {
    for await (const one of eventsIn<News | MadeNews>(answer)) {
      if (isFailed(one)) throw new Problem(one.error)
      if (isMade(one)) return await take(Promise.resolve(one.setup))
      onNews(one)
    }
  } catch (err) {
    throw signal.aborted ? new Problem({ code: 'CANCELLED', message: 'cancelled', hint: '' }) : err
  }
  throw cutOff
}

type Failed = Extract<MadeNews, { type: 'failed' }>
type Made = Extract<MadeNews, { type: 'made' }>
const isFailed = (one: { type: string }): one is Failed => one.type === 'failed'
const isMade = (one: { type: string }): one is Made => one.type === 'made'

/** A stream that ended before it said how. */
export const cutOff = new Problem({
  code: 'DAEMON_UNREACHABLE',
  message: 'Muttr stopped before the end',
  hint: 'Is `muttr up` still running?'
})

export const recoveryWords = (passphrase: string | null): Promise<string[]> =>
  post('/recovery', { passphrase })

export const makeNetworkBackup = (): Promise<void> => takeStanding(post('/backup/network'))
export const cancelNetworkBackup = (): Promise<void> => takeStanding(post('/backup/network/cancel'))

const nameOfFiles = (): string => (setup.value?.name ?? 'me').replace(/[^\p{L}\p{N}]+/gu, '-')

export const saveBackup = (): Promise<void> => download('/backup', `${nameOfFiles()}.muttr-backup`)

export const saveRevocation = async (): Promise<void> =>
  save(await (await ask('/key/revocation')).blob(), `${nameOfFiles()}-revocation.asc`)

/** Has the browser save what lies behind an address as it comes, however much it is; `path` is what gives out the address. */
export async function download(path: string, name: string): Promise<void> {
  const offer = await post<{ path: string }>(`${path}/download`)
  follow(offer.path, name)
}

/** Saves bytes as a file under a name of ours. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content)
  follow(url, name)
  URL.revokeObjectURL(url)
}

function follow(url: string, name: string): void {
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
}
