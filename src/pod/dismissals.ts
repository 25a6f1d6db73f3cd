import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import { createDeviceMarks } from './device-marks.ts'
import type { AccountId } from './rows.ts'
import { tables } from './rows.ts'

/** Devices that their person has taken off the list: let in no more, until no statement about them can be good any longer. */
export interface Dismissals {
  /** @throws {MuttrError} `LIMIT_EXCEEDED` */
  add(account: AccountId, device: string, nowMs: Millis): Promise<void>
  has(account: AccountId, device: string, nowMs: Millis): Promise<boolean>
  sweep(nowMs: Millis): Promise<number>
}

export function createDismissals(state: State): Dismissals {
  const lifeMs = limits.deviceLifeMsMax + limits.clockSkewMs
  const marks = createDeviceMarks(state, tables.dismissed, lifeMs)
  return {
    ...marks,
    async add(account, device, nowMs) {
      const key = `${account}/${device}`
      await state.write([
        ...(await marks.add(account, [device], nowMs)),
        { type: 'delete', table: tables.devices, key }
      ])
    }
  }
}
