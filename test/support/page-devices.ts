import { EventEmitter, once } from 'node:events'
import { addAbortSignal, PassThrough } from 'node:stream'
import { MuttrError } from '../../src/base/errors.ts'
import type { Client, LinkStep, OwnDevice, OwnSuccession } from '../../src/client/client.ts'
import { fakeDevices } from './fake-devices.ts'

type DeviceCalls = Pick<
  Client,
  'devices' | 'renameDevice' | 'revokeDevice' | 'linkDevice' | 'succession' | 'succeedKey'
>

export interface PageDevices extends DeviceCalls {
  readonly own: OwnDevice[]
  /** The new keys that were taken. */
  readonly moved: OwnSuccession[]
  /** The session that is begun next: what happens there is written, and `destroy` ends it. */
  nextLink(): Promise<PassThrough>
}

/** A person's devices in memory, and the sessions in which they are linked. */
export function createPageDevices(nowMs: number, calls: unknown[][]): PageDevices {
  const shiftMs = nowMs - fakeDevices[1]!.heardMs! - 60_000
  const own = fakeDevices.map(device => ({
    ...device,
    sinceMs: device.sinceMs + shiftMs,
    heardMs: device.heardMs && device.heardMs + shiftMs
  }))
  own.push({
    ...{ key: 'cc'.repeat(32), name: 'old phone', peer: '12D3KooWPhone', own: false },
    ...{ sinceMs: nowMs - 40 * 86_400_000, heardMs: nowMs - 9 * 86_400_000, lacks: 0 },
    revokedMs: nowMs - 8 * 86_400_000
  })
  const moved: OwnSuccession[] = []
  const begun = new EventEmitter()
  return {
    own,
    moved,
    nextLink: async () => (await once(begun, 'link'))[0],
    devices: async () => own,
    async renameDevice(name) {
      calls.push(['renameDevice', name])
      if (name === 'taken') throw new MuttrError('USAGE', 'another device is called taken')
      own.find(device => device.own)!.name = name
      return own
    },
    async revokeDevice(key) {
      calls.push(['revokeDevice', key])
      const found = own.find(device => device.key === key)
      if (!found) throw new MuttrError('DEVICE_UNKNOWN', `no device ${key}`)
      found.revokedMs = nowMs
      return own
    },
    async linkDevice({ history = true, signal } = {}) {
      calls.push(['linkDevice', history])
      const steps = new PassThrough({ objectMode: true })
      if (signal) addAbortSignal(signal, steps)
      begun.emit('link', steps)
      return steps as AsyncIterable<LinkStep>
    },
    succession: async () => moved.at(-1) ?? null,
    async succeedKey() {
      calls.push(['succeedKey'])
      const waits = { code: 'POD_UNREACHABLE', message: 'two.test is away', hint: 'Wait.' } as const
      const last: OwnSuccession = {
        ...{
          from: 'ab'.repeat(20),
          to: 'cd'.repeat(20),
          sinceMs: nowMs,
          devicesTold: true,
          eraseMs: null
        },
        pods: [
          { pod: 'one.test', taken: true, problem: null },
          { pod: 'two.test', taken: false, problem: waits }
        ]
      }
      moved.push(last)
      return last
    }
  }
}
