import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { AccountId } from './rows.ts'
import { markRow, under } from './rows.ts'
import { rowsOf } from './scan.ts'

/** Devices of accounts of which something holds for some time. */
export interface DeviceMarks {
  /** @param devices keys, hex. @throws {MuttrError} `LIMIT_EXCEEDED` */
  add(account: AccountId, devices: readonly string[], nowMs: Millis): Promise<Change[]>
  has(account: AccountId, device: string, nowMs: Millis): Promise<boolean>
  sweep(nowMs: Millis): Promise<number>
}

/** Of one account, at once. */
const marksMax = 64

/** @param table its keys are `ACCOUNT/DEVICE KEY`. */
export function createDeviceMarks(state: State, table: string, lifeMs: Millis): DeviceMarks {
  return {
    async add(account, devices, nowMs) {
      const there = (await state.list(table, under(account))).map(({ key }) => key)
      const keys = new Set(devices.map(device => `${account}/${device}`))
      if (new Set([...there, ...keys]).size > marksMax)
        throw new MuttrError('LIMIT_EXCEEDED', `${there.length} devices already`)
      const value = markRow.encode({ untilMs: nowMs + lifeMs })
      return [...keys].map(key => ({ type: 'put', table, key, value }))
    },
    async has(account, device, nowMs) {
      const value = await state.get(table, `${account}/${device}`)
      return value !== undefined && markRow.decode(value).untilMs > nowMs
    },
    async sweep(nowMs) {
      let over = 0
      for await (const { key, value } of rowsOf(state, table)) {
        if (markRow.decode(value).untilMs > nowMs) continue
        await state.write([{ type: 'delete', table, key }])
        over++
      }
      return over
    }
  }
}
