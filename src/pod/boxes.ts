import { MuttrError } from '../base/errors.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import type { Change, State } from '../store/state.ts'
import type { AccountId, BoxRow, DeviceRow } from './rows.ts'
import { boxRow, deviceRow, tables } from './rows.ts'

export const emptyBox: BoxRow = { head: 0, trimmed: 0, count: 0, bytes: 0 }

export async function readBox(state: State, owner: string): Promise<BoxRow> {
  const row = await state.get(tables.boxes, owner)
  return row ? boxRow.decode(row) : emptyBox
}

export const putBox = (owner: string, box: BoxRow): Change => ({
  type: 'put',
  table: tables.boxes,
  key: owner,
  value: boxRow.encode(box)
})

/** With so much less in it. */
export const lessened = (box: BoxRow, count: number, bytes: number): BoxRow => ({
  ...box,
  count: Math.max(0, box.count - count),
  bytes: Math.max(0, box.bytes - bytes)
})

export const putDevice = (account: AccountId, device: string, row: DeviceRow): Change => ({
  type: 'put',
  table: tables.devices,
  key: `${account}/${device}`,
  value: deviceRow.encode(row)
})

export const deleteDevice = (account: AccountId, device: string): Change => ({
  type: 'delete',
  table: tables.devices,
  key: `${account}/${device}`
})

/** The same for known and unknown addresses. @throws {MuttrError} `BLOB_EXPIRED` */
export function checkExpiry(expiryMs: Millis, nowMs: Millis): void {
  const furthestMs = nowMs + limits.blobLifeMsMax + limits.expiryStepMs + limits.clockSkewMs
  if (expiryMs <= nowMs || expiryMs > furthestMs)
    throw new MuttrError('BLOB_EXPIRED', 'the notice has expired, or would live too long')
}
