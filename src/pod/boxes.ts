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
