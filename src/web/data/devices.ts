import { signal } from '@preact/signals'
import type { JoinDevice, JoinDeviceNews } from '../../api/house.ts'
import type { LinkNews } from '../../api/remote-devices.ts'
import type { OwnDevice, OwnSuccession } from '../../client/client.ts'
import { gathered } from '../clock.ts'
import { ask, json, Problem, post } from './ask.ts'
import { comeHome, cutOff } from './house.ts'
import { onEvent, onResume } from './live.ts'
import { refresh, setup } from './session.ts'
import { eventsIn } from './stream.ts'
import { attempt } from './toasts.ts'

/** The person's devices; null until they are asked for. */
export const devices = signal<readonly OwnDevice[] | null>(null)
/** How far the last new key has come; null when nothing is left of the one before. */
export const succession = signal<OwnSuccession | null>(null)

/** Reads both anew. */
export const loadDevices = (): Promise<void> =>
  attempt(async () => {
    const [all, last] = await Promise.all([
      json<OwnDevice[]>('/devices'),
      json<OwnSuccession | null>('/key/succession')
    ])
    devices.value = all
    succession.value = last
  }) as Promise<void>

const relevant = new Set(['mirrored', 'device-revoked', 'succeeded', 'handed-over'])
const soon = gathered(250, () => {
  const { state, locked } = setup.value ?? {}
  if (devices.value !== null && state === 'running' && !locked) void loadDevices()
})
onEvent(event => {
  if (relevant.has(event.type)) soon()
})
onResume(soon)

export async function renameDevice(name: string): Promise<void> {
  devices.value = await post<OwnDevice[]>('/devices/name', { name })
}

export async function revokeDevice(key: string): Promise<void> {
  devices.value = await post<OwnDevice[]>('/devices/revoke', { device: key })
}

export async function succeedKey(): Promise<void> {
  succession.value = await post<OwnSuccession>('/key/succession', {})
  await refresh()
}

type Step = Exclude<LinkNews, { type: 'failed' }>

/** Shows a code to who knows the passphrase, and tells how linking goes on until its end. @throws {Problem} also while it goes on */
export async function linkDevice(
  said: { history: boolean; passphrase: string | null },
  signal: AbortSignal
): Promise<AsyncIterable<Step>> {
  return steps(await ask('/devices/link', { method: 'POST', json: said, signal }))
}

async function* steps(answer: Response): AsyncGenerator<Step> {
  for await (const one of eventsIn<LinkNews>(answer)) {
    if (one.type === 'failed') throw new Problem(one.error)
    yield one
    if (one.type === 'linked') return
  }
  throw cutOff
}

/** Makes this home another device of the person who shows a code. @throws {Problem} */
export const joinDevice = ({ signal, onProgress, ...said }: JoinDevice): Promise<void> =>
  comeHome<JoinDeviceNews>('/setup/device', said, {
    signal,
    onNews: one => {
      if (one.type === 'taken') onProgress(one.rows)
    }
  })
