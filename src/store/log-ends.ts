import { checkedValue, sealRow } from './checked.ts'
import type { Overlay } from './overlay.ts'
import type { Ends } from './state-rows.ts'
import { decodeEnds, encodeEnds, logRow } from './state-rows.ts'

export function readEnds(staged: Overlay, log: string): Ends {
  const row = logRow(log)
  const value = checkedValue(row, staged.read(row))
  return value ? decodeEnds(value) : { first: 1, last: 0 }
}

export function writeEnds(staged: Overlay, log: string, ends: Ends): void {
  const row = logRow(log)
  staged.write(row, sealRow(row, encodeEnds(ends)))
}
