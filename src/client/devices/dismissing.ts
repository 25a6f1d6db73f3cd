import { fromHex, toHex } from '../../base/bytes.ts'
import { codeOf } from '../../base/errors.ts'
import type { Clock, Log } from '../../base/ports.ts'
import type { Crypto } from '../../keys/crypto.ts'
import { makeDismissal } from '../../keys/device.ts'
import type { Change, State } from '../../store/state.ts'
import type { Pods } from '../pods.ts'
import type { Self } from '../self.ts'
import { dropRow, putRow } from '../table.ts'

interface DismissingParts {
  state: State
  self: Self
  pods: Pick<Pods, 'identified'>
  clock: Clock
  log: Log
  crypto: Crypto
  life: AbortSignal
}

/** By `DEVICE KEY@POD`: pods that are still to be told. */
const table = 'sync-dismissals'

/** Tells own pods that a device acts for the person no more, each until it has heard. */
export class Dismissing {
  readonly #parts: DismissingParts

  constructor(parts: DismissingParts) {
    this.#parts = parts
  }

  /** To be written with what takes it off the list. */
  plan(deviceKey: Uint8Array): Change[] {
    const pods = new Set(this.#parts.self.registrations().map(({ pod }) => pod))
    return [...pods].map(pod => putRow(table, `${toHex(deviceKey)}@${pod}`, new Uint8Array()))
  }

  /** Tells who has not been told. */
  async look(): Promise<void> {
    const { state, self, pods, clock, log, crypto, life } = this.#parts
    for (const { key } of await state.list(table)) {
      const [device = '', pod = ''] = key.split('@')
      try {
        const link = await pods.identified(pod, life)
        const deviceKey = fromHex(device, 32)!
        const nowMs = clock.now()
        await link.dismiss(await makeDismissal(self.person(), { deviceKey, pod, nowMs }, crypto))
        await state.write([dropRow(table, key)])
      } catch (err) {
        log.info('a pod still lets a device in', { pod, code: codeOf(err) })
      }
    }
  }
}
