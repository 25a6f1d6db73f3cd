import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { State } from '../store/state.ts'
import type { AccountId } from './rows.ts'
import { dismissedRow, tables, under } from './rows.ts'
import { rowsOf } from './scan.ts'

/** Devices that their person has taken off the list: let in no more, until no statement about them can be good any longer. */
export interface Dismissals {
  /** @throws {MuttrError} `LIMIT_EXCEEDED` */
  add(account: AccountId, device: string, nowMs: Millis): Promise<void>
  has(account: AccountId, device: string, nowMs: Millis): Promise<boolean>
  sweep(nowMs: Millis): Promise<number>
}

/** Of one account, at once. */
const dismissedMax = 64

export function createDismissals(state: State): Dismissals {
  return {
    async add(account, device, nowMs) {
      const there = await state.list(tables.dismissed, under(account))
      if (there.length >= dismissedMax)
        throw new MuttrError('LIMIT_EXCEEDED', `${there.length} devices were dismissed already`)
      const untilMs = nowMs + limits.deviceLifeMsMax + limits.clockSkewMs
      const value = dismissedRow.encode({ untilMs })
      const key = `${account}/${device}`
      await state.write([
        { type: 'put', table: tables.dismissed, key, value },
        { type: 'delete', table: tables.devices, key }
      ])
    },
    async has(account, device, nowMs) {
      const value = await state.get(tables.dismissed, `${account}/${device}`)
      return value !== undefined && dismissedRow.decode(value).untilMs > nowMs
    },
    async sweep(nowMs) {
      let over = 0
      for await (const { key, value } of rowsOf(state, tables.dismissed)) {
        if (dismissedRow.decode(value).untilMs > nowMs) continue
        await state.write([{ type: 'delete', table: tables.dismissed, key }])
        over++
      }
      return over
    }
  }
}
