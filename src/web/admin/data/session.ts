import { effect, signal } from '@preact/signals'
import type { OperatorView, Session } from '../../../pod/admin/admin.ts'
import { clock } from '../../clock.ts'
import { access, problemOf } from '../../data/ask.ts'
import { tell } from '../../data/toasts.ts'
import { forget, get, keep, post, recall } from './ask.ts'
import { follow } from './live.ts'

interface Kept extends Session {
  csrf: string
  token?: string
}

/** Whoever is logged in. */
export const session = signal<Session | null>(null)
/** `asking`: not known yet. */
export const standing = signal<'asking' | 'out' | 'in'>('asking')

export const isOwner = (): boolean => session.value?.operator.role === 'owner'
export const mayModerate = (): boolean => session.value?.operator.role !== 'reader'

let followed: AbortController | undefined

function entered(kept: Kept): void {
  keep(kept)
  session.value = kept
  standing.value = 'in'
  access.value = 'open'
  followed?.abort()
  followed = new AbortController()
  void follow(followed.signal)
}

function left(): void {
  followed?.abort()
  forget()
  session.value = null
  standing.value = 'out'
}

// Whatever was refused because nobody is logged in any more.
effect(() => {
  if (access.value === 'stale' && standing.peek() === 'in') {
    left()
    tell('The session is over: log in again.')
  }
})

/** Takes a link's token out of the address before anything else, so that it stays neither on the screen nor in the history. */
export async function begin(): Promise<void> {
  recall()
  const link = /^#link=([0-9a-f]{64})$/.exec(location.hash)?.[1]
  if (link) history.replaceState(null, '', '#/')
  try {
    if (link) return entered(await post<Kept>('enter', { token: link }))
  } catch (err) {
    tell(err)
  }
  await resume()
}

/** Goes on with the session that the browser has. */
async function resume(): Promise<void> {
  try {
    entered(await get<Kept>('session'))
  } catch (err) {
    // What nobody answers is asked again.
    if (problemOf(err).code === 'DAEMON_UNREACHABLE') clock.after(2_000, () => void resume())
    else left()
  }
}

export const login = async (name: string, password: string, code: string): Promise<void> =>
  entered(await post<Kept>('login', { name, password, code }))

export async function logout(): Promise<void> {
  await post('logout')
  left()
}

export const setPassword = async (old: string, password: string): Promise<void> =>
  entered(await post<Kept>('password', { old, password }))

/** What changed of the own login. */
export function became(operator: OperatorView): void {
  if (session.value) session.value = { ...session.value, operator }
}
