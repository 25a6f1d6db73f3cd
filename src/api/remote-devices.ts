import { codeOf, MuttrError } from '../base/errors.ts'
import type { Failure } from '../base/ports.ts'
import type { Client, LinkStep, OwnDevice } from '../client/client.ts'
import type { Ask } from './ask.ts'
import { jsonOf, lost } from './ask.ts'
import { readEvents } from './sse.ts'

/** How linking goes on, or why it ended. */
export type LinkNews = LinkStep | { type: 'failed'; error: Failure }

/** Asks once without a passphrase, and with it where the vault has one. */
export type Proved = <T>(ask: (passphrase: string | null) => Promise<T>) => Promise<T>

export const provedBy =
  (passphrase: (() => Promise<string | null>) | undefined): Proved =>
  async ask => {
    try {
      return await ask(null)
    } catch (err) {
      if (codeOf(err) !== 'PASSPHRASE_MISSING' || !passphrase) throw err
      return await ask(await passphrase())
    }
  }

/** The devices of the daemon's person, over its local API. */
export function remoteDevices(
  ask: Ask,
  proved: Proved,
  ended: AbortSignal
): Pick<Client, 'devices' | 'renameDevice' | 'revokeDevice' | 'linkDevice'> {
  return {
    devices: () => ask('/devices', {}, jsonOf<OwnDevice[]>),
    renameDevice: name =>
      ask('/devices/name', { method: 'POST', json: { name } }, jsonOf<OwnDevice[]>),
    revokeDevice: device =>
      ask('/devices/revoke', { method: 'POST', json: { device } }, jsonOf<OwnDevice[]>),
    async linkDevice({ signal, ...options } = {}) {
      const body = await proved(passphrase => {
        const json = { ...options, passphrase }
        const call = { method: 'POST', json, ...(signal && { signal }) } as const
        return ask('/devices/link', call, async answer => answer.body)
      })
      return steps(body, signal ? AbortSignal.any([signal, ended]) : ended)
    }
  }
}

async function* steps(
  body: ReadableStream<Uint8Array> | null,
  stop: AbortSignal
): AsyncGenerator<LinkStep> {
  try {
    for await (const one of body ? readEvents<LinkNews>(body) : []) {
      if (one.type === 'failed') throw new MuttrError(one.error.code, one.error.message, one.error)
      yield one
      if (one.type === 'linked') return
    }
  } catch (err) {
    throw stop.aborted ? new MuttrError('CANCELLED', 'no device was linked') : lost(err)
  }
  throw new MuttrError('DAEMON_UNREACHABLE', 'the daemon stopped before a device was linked')
}
