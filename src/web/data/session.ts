import { computed, signal } from '@preact/signals'
import type { Settings, Setup } from '../../api/house.ts'
import type { Contact, NetworkBackup, Status } from '../../client/client.ts'
import { clock, gathered } from '../clock.ts'
import { json, problemOf } from './ask.ts'
import { onEvent, onResume } from './live.ts'
import { tell } from './toasts.ts'

/** What the page knows of the node, of which every view shows something. */
export const setup = signal<Setup | null>(null)
export const status = signal<Status | null>(null)
export const settings = signal<Settings | null>(null)
export const contacts = signal<readonly Contact[]>([])

export const aliases = computed(() => setup.value?.aliases ?? [])
export const isLocked = computed(() => setup.value?.locked ?? false)

/** Nothing can be written yet: there is no key, no backup of it was asked for, or no name to write from. */
export const isNew = computed(() => {
  const s = setup.value
  return (
    s !== null &&
    (s.state === 'missing' || (s.fingerprint !== null && !s.locked && s.aliases.length === 0))
  )
})

async function loadSetup(): Promise<void> {
  const now = await json<Setup>('/setup')
  // What is known of a node that is started again still holds.
  const { aliases, backupMs } = (now.state === 'starting' && setup.value) || now
  setup.value = { ...now, aliases, backupMs }
  if (setup.value.state === 'starting') clock.after(500, () => void refresh())
}

/** Everything small that may have changed. */
export async function refresh(): Promise<void> {
  try {
    await loadSetup()
    if (setup.value?.state === 'missing') return
    settings.value = await json<Settings>('/settings')
    if (setup.value?.state !== 'running') return
    const [now, people] = await Promise.all([json<Status>('/status'), json<Contact[]>('/contacts')])
    status.value = now
    contacts.value = people
  } catch (err) {
    const problem = problemOf(err)
    // That nothing answers, or not to this page, is shown all over it.
    if (problem.code !== 'DAEMON_UNREACHABLE' && problem.code !== 'API_REFUSED') tell(problem)
  }
}

/** How the backup in the network stands now. */
export async function takeStanding(asked: Promise<NetworkBackup>): Promise<void> {
  const networkBackup = await asked
  if (status.value) status.value = { ...status.value, networkBackup }
}
const standingSoon = gathered(250, () => {
  // What fails here is asked again with everything else.
  void takeStanding(json('/backup/network')).catch(() => undefined)
})
onEvent(({ type }) => {
  if (type === 'network-backup') standingSoon()
})

const soon = gathered(250, () => void refresh())
const relevant = new Set([
  'registered',
  'listening',
  'looked-up',
  'identified',
  'opened',
  'requested',
  'node',
  'alarm',
  'backed-up',
  'followed',
  'disputed',
  'moved',
  'not-moved',
  'left',
  'mirrored',
  'device-revoked',
  'succeeded',
  'handed-over'
])
onEvent(event => {
  if (relevant.has(event.type)) soon()
})
onResume(soon)

const pollMs = 20_000
const poll = () => {
  if (document.visibilityState === 'visible') soon()
  clock.after(pollMs, poll)
}
clock.after(pollMs, poll)

export const contactOf = (alias: string): Contact | undefined =>
  contacts.value.find(contact => contact.alias === alias)
